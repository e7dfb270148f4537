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
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1.0)), 0.0)


def safe_divide(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    """Quotient a / b; zero, with zero derivative, at b = 0."""
    nonzero = b != 0
    return jnp.where(nonzero, a / jnp.where(nonzero, b, 1.0), 0.0)


def safe_arccos(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Arc cosine, pi below -1 and 0 above 1, with zero derivative at and beyond both ends."""
    inside = jnp.abs(x) < 1
    return jnp.where(inside, jnp.arccos(jnp.where(inside, x, 0.0)), jnp.where(x > 0, 0.0, jnp.pi))


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
