"""Bisector of an absorption profile: the middle between its flanks, depth by depth.

Between samples the profile is a monotone cubic (Fritsch & Butland 1984). Where it crosses a level is found
by halving, and one Newton step from there carries the derivative.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from dynamojax.numerics import safe_divide

_HALVINGS = 26
TOP, BOTTOM = (0.1, 0.4), (0.55, 0.9)  # Queloz et al. (2001)
_N_LEVELS = 24  # in each of them


def span_depths() -> np.ndarray:
    """Depths of the upper and of the lower part of a profile whose means the span compares. [1]"""
    step = (np.arange(_N_LEVELS) + 0.5) / _N_LEVELS
    return np.concatenate([low + (high - low) * step for low, high in (TOP, BOTTOM)])


def span_of(middle: Float[Array, " n"]) -> Float[Array, ""]:
    """Bisector span from the bisector at `span_depths`: upper part minus lower part.

    Source: Queloz et al. (2001, A&A 379, 279): depths 0.1-0.4 and 0.55-0.9.
    """
    return jnp.mean(middle[:_N_LEVELS]) - jnp.mean(middle[_N_LEVELS:])


def bisector(
    x: Float[Array, " n"], profile: Float[Array, " n"], depths: Float[Array, " n_depths"]
) -> tuple[Float[Array, " n_depths"], Bool[Array, ""]]:
    """Middle between the two flanks at each depth, and whether both flanks reach all of them.

    Args:
        x: Rising. [any unit]
        profile: In units of its continuum. [1]
        depths: 0 is the continuum, 1 the lowest point, that of the parabola through the lowest three samples.

    Gradients: first order, finite.
    """
    n = x.shape[0]
    low = jnp.clip(jnp.argmin(profile), 1, n - 2)
    level = 1 - depths * (1 - _lowest(x, profile, low))
    slopes = _monotone_slopes(x, profile)
    right, has_right = jax.vmap(lambda y: _crossing(x, profile, slopes, low, y, 1))(level)
    left, has_left = jax.vmap(lambda y: _crossing(x, profile, slopes, low, y, -1))(level)
    return 0.5 * (left + right), jnp.all(has_left & has_right)


def _lowest(x, y, k) -> Float[Array, ""]:
    """Value at the vertex of the parabola through samples k - 1, k, k + 1."""
    x, y = (jax.lax.dynamic_slice(q, (k - 1,), (3,)) for q in (x, y))
    a, b = x[1] - x[0], x[2] - x[1]
    left, right = (y[1] - y[0]) / a, (y[2] - y[1]) / b
    bend = (right - left) / (a + b)
    slope = (left * b + right * a) / (a + b)
    return y[1] - safe_divide(0.25 * slope * slope, bend)


def _monotone_slopes(x: Float[Array, " n"], y: Float[Array, " n"]) -> Float[Array, " n"]:
    """Slopes at the samples with which cubics between them have no extrema of their own.

    Source: harmonic means of Fritsch & Butland (1984), SIAM J. Sci. Stat. Comput. 5, 300.
    """
    h = jnp.diff(x)
    d = jnp.diff(y) / h
    before, after = d[:-1], d[1:]
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    is_monotone = before * after > 0
    a, b = (jnp.where(is_monotone, q, 1.0) for q in (before, after))
    inner = jnp.where(is_monotone, (w1 + w2) * a * b / (w1 * b + w2 * a), 0.0)
    return jnp.concatenate([d[:1], inner, d[-1:]])


def _crossing(x, y, slopes, low, level, side: int) -> tuple[Array, Array]:
    """Where the profile first rises through a level, going from its lowest sample to one side."""
    n = x.shape[0]
    index = jnp.arange(n)
    beyond = (y >= level) & (index > low if side > 0 else index < low)
    distance = jnp.where(beyond, jnp.abs(index - low), n)
    outer = low + side * jnp.min(distance)
    is_there = jnp.any(beyond)
    start = jnp.clip(jnp.where(is_there, jnp.minimum(outer, outer - side), low), 0, n - 2)
    xs, ys, ms = (jax.lax.dynamic_slice(q, (start,), (2,)) for q in (x, y, slopes))
    width = xs[1] - xs[0]

    def value(t, ys, ms, width):
        return (
            (1 + 2 * t) * (1 - t) ** 2 * ys[0]
            + t * t * (3 - 2 * t) * ys[1]
            + width * t * (1 - t) * ((1 - t) * ms[0] - t * ms[1])
        )

    def halve(_, ends):
        a, b = ends
        t = 0.5 * (a + b)
        is_above = (value(t, ys, ms, width) >= level) == (side > 0)
        return jnp.where(is_above, a, t), jnp.where(is_above, t, b)

    zero = jnp.zeros((), x.dtype)
    a, b = jax.lax.stop_gradient(jax.lax.fori_loop(0, _HALVINGS, halve, (zero, zero + 1)))
    t = 0.5 * (a + b)
    rate = jax.lax.stop_gradient(jax.grad(value)(t, ys, ms, width))
    t = t - safe_divide(value(t, ys, ms, width) - level, rate)
    return xs[0] + width * t, is_there
