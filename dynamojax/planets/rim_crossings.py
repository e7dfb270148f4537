r"""Where the rims of caps cross the rim of a planet in front of them.

On the sky rim i is an ellipse with semi-axes n_z sin r towards the disc's centre and sin r across. With
(u, v) the planet's centre in its axes, the rim is outside the planet where G > 0,

    G = (n_z sin r cos psi - u)^2 + (sin r sin psi - v)^2 - p^2,
    G' / (2 sin r) = E sin psi cos psi + u n_z sin psi - v cos psi,    E = s0^2 sin r.

Reflected so that the last two coefficients are -alpha, -beta <= 0, G' falls in (psi*, pi/2) and
(3pi/2, 2pi) and rises in (0, psi*) and (pi/2, pi) through zero, with tan^3 psi* = beta / alpha, and has
no other zero. Between these four extremes G is monotonic. So each crossing has its own bracket, and
two that merge do so at an extreme: none is missed, and no case stands apart.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array

from dynamojax.numerics import safe_arctan2, safe_divide, safe_sqrt

# Steps to an extreme, whose error enters squared, and to a crossing: to rounding in double precision.
_EXTREME_STEPS = 10
_CROSSING_STEPS = 16


class Rims(NamedTuple):
    """Constants (n_caps) of the caps' rims, in the notation of the module's docstring."""

    x: Array
    y: Array
    z: Array
    w: Array  # sin(r/2)
    vers: Array  # 1 - cos r
    sin_r: Array
    s0: Array
    ex: Array  # unit vector towards the cap's centre on the sky
    ey: Array
    u: Array
    v: Array


def cap_rims(position: Array, w: Array, d: Array) -> Rims:
    """Constants of caps' rims beside a planet at distance d from the disc's centre, on the +x axis."""
    x, y, z = position
    s0 = safe_sqrt(x * x + y * y)
    ex, ey = jnp.where(s0 > 0, safe_divide(x, s0), 1), safe_divide(y, s0)
    vers, sin_r = 2 * w * w, 2 * w * jnp.sqrt(1 - w * w)
    to_x, to_y = d - x * (1 - vers), -y * (1 - vers)
    u, v = -(ex * to_x + ey * to_y), ex * to_y - ey * to_x
    return Rims(x, y, z, w, vers, sin_r, s0, ex, ey, u, v)


def _bracketed(function, low: Array, high: Array, n_steps: int) -> Array:
    """Zero of a function that rises from low to high, the end nearest to one if there is none.

    False position, then Newton's method kept inside the bracket. `function` gives value and slope.
    """
    at_low, at_high = function(low)[0], function(high)[0]
    # A step this small is taken as it is: near the zero compilers may round `value` in two ways at once.
    small = jnp.sqrt(jnp.finfo(low.dtype).eps)

    def step(_, now):
        a, b, x = now
        value, slope = function(x)
        a, b = jnp.where(value < 0, x, a), jnp.where(value < 0, b, x)
        newton = x - safe_divide(value, slope)
        inside = ((newton >= a) & (newton <= b)) | (jnp.abs(newton - x) < small)
        return a, b, jnp.where((slope != 0) & inside, newton, 0.5 * (a + b))

    start = low + (high - low) * jnp.clip(safe_divide(-at_low, at_high - at_low), 0, 1)
    x = jax.lax.fori_loop(0, n_steps, step, (low, high, start))[2]
    return jnp.where(at_low >= 0, low, jnp.where(at_high <= 0, high, x))


def _between_extremes(function, low: Array, high: Array, n_steps: int) -> Array:
    """The same where slopes vanish at low and high: in the variable in which a cosine is straight."""
    width = (high - low) / jnp.pi

    def place(y):
        return low + width * jnp.arccos(-y)

    def straightened(y):
        value, slope = function(place(y))
        return value, slope * safe_divide(width, safe_sqrt((1 - y) * (1 + y)))

    one = jnp.ones_like(low)
    return place(_bracketed(straightened, -one, one, n_steps))


def _moving(outside, scale: Array, zero: Array) -> Array:
    """A zero that was found without derivatives, with its own: minus the value's change over the slope.

    Where the slope is nothing beside what it can be there is no zero but an extreme, which does not move: its
    arc ends where the next one begins. Of zeros first derivatives are right, and no others.
    """
    value, slope = outside(zero)
    slope, scale = stop_gradient((slope, scale))
    steep = jnp.abs(slope) > jnp.sqrt(jnp.finfo(zero.dtype).eps) * scale
    return zero - safe_divide(value - stop_gradient(value), jnp.where(steep, slope, 0))


class _Reflected(NamedTuple):
    """Rims (n_caps) turned over so that alpha and beta of the module's docstring are not negative."""

    flip_u: Array
    flip_v: Array
    alpha: Array
    beta: Array
    e: Array

    @staticmethod
    def of(c: Rims) -> "_Reflected":
        flip_u, flip_v = jnp.where(c.u * c.z > 0, -1, 1), jnp.where(c.v < 0, -1, 1)
        return _Reflected(flip_u, flip_v, jnp.abs(c.u * c.z), jnp.abs(c.v), c.sin_r * c.s0**2)

    def height(self, psi: Array) -> tuple[Array, Array]:
        """G' / (2 sin r) and its slope."""
        co, si = jnp.cos(psi), jnp.sin(psi)
        slope = self.e * (co - si) * (co + si) - self.alpha * co + self.beta * si
        sign = _signs(psi)
        return sign * (self.e * si * co - self.alpha * si - self.beta * co), sign * slope

    def outside(self, c: Rims, p: Array, psi: Array) -> tuple[Array, Array]:
        """G and its slope."""
        co, si = jnp.cos(psi), jnp.sin(psi)
        along, across = c.z * c.sin_r * co - self.flip_u * c.u, c.sin_r * si - self.flip_v * c.v
        slope = 2 * c.sin_r * (self.e * si * co - self.alpha * si - self.beta * co)
        sign = _signs(psi)
        return sign * (along**2 + (across - p) * (across + p)), sign * slope


def _signs(psi: Array) -> Array:
    """Of the four stretches between extremes: G falls and rises in turn."""
    return jnp.asarray([1, -1, 1, -1], psi.dtype)[:, None]


def _zeros(c: Rims, p: Array, steps: tuple[int, int]) -> Array:
    """Reflected azimuths (4, n_caps) at which rims cross the planet's, or the extremes nearest to it."""
    r = _Reflected.of(c)
    quarter = jnp.full_like(c.u, 0.5 * jnp.pi)
    tilted = (r.alpha > 0) | (r.beta > 0)
    top = jnp.where(tilted, jnp.arctan2(jnp.cbrt(r.beta), jnp.cbrt(r.alpha)), 0.5 * quarter)
    low, high = (0 * top, top, quarter, 3 * quarter), (top, quarter, 2 * quarter, 4 * quarter)
    extreme = _bracketed(r.height, jnp.stack(low), jnp.stack(high), steps[0])
    following = jnp.concatenate([extreme[1:], extreme[:1] + 2 * jnp.pi])
    return _between_extremes(partial(r.outside, c, p), extreme, following, steps[1])


def rim_crossings(
    c: Rims, p: Array, steps: tuple[int, int] = (_EXTREME_STEPS, _CROSSING_STEPS)
) -> tuple[Array, Array, Array]:
    """Arcs of the caps' rims outside the planet, middle and half-width (2, n_caps) [rad].

    `steps` are those to an extreme and to a crossing. Also the angles phi (4, n_caps) on the planet's rim
    of the arcs' ends [rad].
    """
    r = _Reflected.of(c)
    steepest = 2 * c.sin_r * (r.e + r.alpha + r.beta)
    psi = _moving(partial(r.outside, c, p), steepest, _zeros(*stop_gradient((c, p)), steps))
    middle, half = 0.5 * (psi[0::2] + psi[1::2]), 0.5 * (psi[1::2] - psi[0::2])
    middle = r.flip_v * jnp.where(r.flip_u < 0, jnp.pi - middle, middle)
    along = c.z * c.sin_r * r.flip_u * jnp.cos(psi) - c.u
    across = c.sin_r * r.flip_v * jnp.sin(psi) - c.v
    return middle, half, safe_arctan2(c.ex * across - c.ey * along, c.ex * along + c.ey * across)
