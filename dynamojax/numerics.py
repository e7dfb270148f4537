"""Safe elementary functions and quadrature nodes: the only home of where-tricks.

Each safe function masks the *input* of the singular function and then its output, so that the
derivative at the edge is finite; the docstring says what it is.
"""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key


def as_float(x) -> Array:
    """Array of the default float dtype, so that ints, floats and NumPy scalars share one trace."""
    return jnp.asarray(x, dtype=jnp.result_type(float))


def stream(key: Key[Array, ""], name: str) -> Key[Array, ""]:
    """The key of a named stage: the same for the same name, whatever other stages draw."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


def safe_sqrt(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Square root; zero, with zero derivative, at x <= 0."""
    outside = x <= 0  # so that NaN stays NaN
    return jnp.where(outside, 0.0, jnp.sqrt(jnp.where(outside, 1.0, x)))


def safe_divide(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    """Quotient a / b; zero, with zero derivative, at b = 0."""
    nonzero = b != 0
    return jnp.where(nonzero, a / jnp.where(nonzero, b, 1.0), 0.0)


def safe_arctan2(y: Float[Array, "..."], x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Angle of the point (x, y) in [-pi, pi]; zero, with zero derivative, at the origin."""
    origin = (x == 0) & (y == 0)
    return jnp.where(origin, 0.0, jnp.arctan2(jnp.where(origin, 0.0, y), jnp.where(origin, 1.0, x)))


def weighted_sum(
    weights: Float[Array, "n_rows n"], terms: Float[Array, "n n_columns"]
) -> Float[Array, "n_rows n_columns"]:
    """The matrix product of a few rows with a few long columns, as a plain sum.

    A product beside another one is fused by XLA (jaxlib 0.10.2, CPU) into code that reads memory which
    nothing has written: tests/planets/test_transit.py has the case.
    """
    return sum(
        (weights[:, k, None] * terms[k] for k in range(1, terms.shape[0])), weights[:, 0, None] * terms[0]
    )


def split_float(x: Float[Array, "..."], bits: int) -> tuple[Array, Array]:
    """High and low part, x = high + low exactly, high with `bits` explicit mantissa bits.

    The high part carries no derivative, the low part carries it all.
    """
    info = jnp.finfo(x.dtype)
    high = jax.lax.stop_gradient(jax.lax.reduce_precision(x, info.nexp, bits))
    return high, x - high


def gauss_legendre(n: int, low: float = -1.0, high: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the n-point Gauss-Legendre rule on (low, high), float64 on the host."""
    x, w = np.polynomial.legendre.leggauss(n)
    half = 0.5 * (high - low)
    return low + half * (x + 1.0), half * w


def gauss_stretches(n: int, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """Ends of the n stretches of (low, high) that Gauss-Legendre weights mark off, one about each node."""
    return np.append(low, low + np.cumsum(gauss_legendre(n, low, high)[1]))


def turned_back(angle: Float[Array, "..."]) -> Float[Array, "..."]:
    """The same angle in [-pi, pi]."""
    return angle - 2 * jnp.pi * jnp.round(angle / (2 * jnp.pi))


def share_in_arc(middle: Array, half: Array, arc: Array) -> Array:
    """Share of stretches of a circle, middle +- half, in the arc from -arc to arc; 0 if empty. [1]"""
    offset = jnp.abs(turned_back(middle))
    inside = jnp.maximum(jnp.minimum(offset + half, arc) - jnp.maximum(offset - half, -arc), 0)
    inside = inside + jnp.maximum(offset + half + arc - 2 * jnp.pi, 0)  # round the far side
    return safe_divide(inside, 2 * half)


LATEST_DAY = 2**14  # up to which `turns` is exact in single precision


def turns(
    day: Float[Array, "..."], fraction: Float[Array, "..."], frequency: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Revolutions made by day + fraction at a frequency, modulo one, in [-1/2, 1/2].

    The product of whole days and the high part of the frequency is exact, so it is reduced without
    error: 1e-5 turns after 44 years at one turn a day in float32, where a plain product keeps 5e-4.

    Args:
        day: Whole days, up to 2^14 in float32. [day]
        fraction: Rest of the time. [day]
        frequency: [1/day]
    """
    bits = jnp.finfo(frequency.dtype).nmant // 2 - 2
    high, low = split_float(frequency, bits)
    whole = day * high
    rest = (whole - jnp.round(whole)) + (day * low + fraction * frequency)
    return rest - jnp.round(rest)


def _chebyshev(function, n: int, high: float) -> np.ndarray:
    """Monomial coefficients of the degree-n Chebyshev interpolant of a function on [0, high]."""
    fit = np.polynomial.Chebyshev.interpolate(function, n, domain=[0.0, high])
    return fit.convert(kind=np.polynomial.Polynomial).coef


def _horner(coefficients: np.ndarray, x: Float[Array, "..."]) -> Float[Array, "..."]:
    total = jnp.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        total = total * x + jnp.asarray(c, x.dtype)
    return total


# In single precision these polynomials are 3 to 8 times faster on CPU than the library's functions,
# which reduce any argument and, for arctan2, call out of vector code. Measured on the whole domain in
# float32, against float64: cos 4e-7, sin 6e-7, angle 3e-7, all of it rounding.
_COS_TURNS = _chebyshev(lambda z: np.cos(2 * np.pi * np.sqrt(z)), 6, 0.25)
_SINC_TURNS = _chebyshev(lambda z: 2 * np.pi * np.sinc(2 * np.sqrt(z)), 6, 0.25)
_ATAN = _chebyshev(lambda z: np.arctan(np.sqrt(z)) / np.sqrt(z), 8, 1.0)


def _is_single(x: Array) -> bool:
    return jnp.finfo(x.dtype).bits <= 32


@jax.custom_jvp
def cos_turns(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """cos(2 pi x) for x in [-1/2, 1/2]."""
    return _horner(_COS_TURNS, x * x) if _is_single(x) else jnp.cos(2 * jnp.pi * x)


@jax.custom_jvp
def sin_turns(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """sin(2 pi x) for x in [-1/2, 1/2]."""
    return x * _horner(_SINC_TURNS, x * x) if _is_single(x) else jnp.sin(2 * jnp.pi * x)


cos_turns.defjvps(lambda dx, ans, x: -2 * jnp.pi * sin_turns(x) * dx)
sin_turns.defjvps(lambda dx, ans, x: 2 * jnp.pi * cos_turns(x) * dx)


def upper_angle(y: Float[Array, "..."], x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Angle of the point (x, y) with y >= 0, in [0, pi]; zero at the origin. Not differentiable."""
    if not _is_single(x):
        return jnp.arctan2(y, x)
    ax = jnp.abs(x)
    ratio = jnp.minimum(y, ax) / jnp.maximum(jnp.maximum(y, ax), jnp.finfo(x.dtype).tiny)
    acute = ratio * _horner(_ATAN, ratio * ratio)
    acute = jnp.where(y > ax, 0.5 * jnp.pi - acute, acute)
    return jnp.where(x < 0, jnp.pi - acute, acute)


def full_angle(y: Float[Array, "..."], x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Angle of the point (x, y) in [-pi, pi]; zero at the origin. Not differentiable."""
    return jnp.where(y < 0, -1, 1).astype(y.dtype) * upper_angle(jnp.abs(y), x)
