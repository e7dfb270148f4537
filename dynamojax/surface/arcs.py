r"""Exposed arcs: what of the rims of many caps is in view and inside no other cap.

The circle of azimuths psi about a cap's centre, counted from the direction of the disc's centre, has mu =
A + B cos psi, A = mu0 cos r, B = sqrt(1 - mu0^2) sin r.

Cap j blocks on circle i the azimuths within beta of its own, cos beta = (cos r_j - cos r_i cos d) /
(sin r_i sin d), and the far side blocks those beyond phi. The union of such intervals is found by
comparing their computed ends with one another: the same two numbers always compare alike, so that
rounding can shift an arc by its own size but never open or close the chain of arcs.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from dynamojax.numerics import (
    cos_turns,
    full_angle,
    safe_divide,
    safe_sqrt,
    sin_turns,
    turned_back,
    upper_angle,
)


def exposed_ends(start: Array, stop: Array) -> tuple[Array, Array]:
    """Which ends of blocked intervals (first axis) lie in none of the others."""
    order = jnp.arange(start.shape[0])
    is_before = (order[:, None] < order).reshape(*2 * order.shape, *(1,) * (start.ndim - 1))
    return _exposed(start, stop, (start, stop, is_before))


def _exposed(start: Array, stop: Array, others: tuple[Array, Array, Array]) -> tuple[Array, Array]:
    """Which ends of blocked intervals, running from start to stop in [-pi, pi], lie in no other.

    Args:
        start: Beginnings of the intervals; an interval with start = stop is empty. [rad]
        stop: Their ends. [rad]
        others: Beginnings and ends of the intervals to compare with, along a new leading axis, and
            whether each comes before this one: of two ends that coincide, the earlier stays.
    """

    def compare(covered, other):
        a, b, is_before = other

        def inside(x, end):
            between = jnp.where(a > b, (x > a) | (x < b), (x > a) & (x < b))
            return between | (is_before & (a != b) & (x == end))

        return (covered[0] | inside(start, a), covered[1] | inside(stop, b)), None

    none = jnp.zeros(start.shape, bool)
    (start_in, stop_in), _ = jax.lax.scan(compare, (none, none), others)
    return ~start_in, ~stop_in


class Circles(NamedTuple):
    """The circles' constants (n_caps, n_times), in the notation of `overlap`."""

    x: Array
    y: Array
    z: Array
    w: Array  # sin(r/2)
    vers: Array  # 1 - cos r
    sin_r: Array
    s0: Array
    ex: Array  # unit vector towards the cap's centre on the sky
    ey: Array
    a: Array
    b: Array


def circles(position: Array, half_sine: Array) -> Circles:
    """Of caps at (3, n_caps, n_times) with sin(r/2)."""
    x, y, z = position
    s0 = safe_sqrt(x * x + y * y)
    ex = jnp.where(s0 > 0, safe_divide(x, s0), 1)
    vers, sin_r = 2 * half_sine**2, 2 * half_sine * jnp.sqrt(1 - half_sine**2)
    return Circles(x, y, z, half_sine, vers, sin_r, s0, ex, safe_divide(y, s0), z * (1 - vers), s0 * sin_r)


def _blocked_by_caps(c: Circles, index: Array, is_real: Array) -> tuple[Array, Array, Array]:
    """Start and stop of the azimuths each neighbour blocks on each circle, and if it blocks all of them."""
    dx, dy, dz, w, v = (q[index] for q in (c.x, c.y, c.z, c.w, c.vers))
    dx, dy, dz = dx - c.x, dy - c.y, dz - c.z
    vd = 0.5 * (dx * dx + dy * dy + dz * dz)
    num = c.vers + vd - c.vers * vd - v
    den = c.sin_r * safe_sqrt(vd * (2 - vd))
    here = is_real[:, :, None] & (w > 0) & (c.w > 0)
    is_before = index[:, :, None] < jnp.arange(c.w.shape[0])[None, :, None]
    is_twin = (vd == 0) & (w == c.w)
    hidden = here & (num <= -den) & (is_before | ~is_twin)
    # e1 and e2 are normal to the centre's direction, so that they see the difference as well.
    towards = c.s0 * dz - c.z * (c.ex * dx + c.ey * dy)
    across = c.ex * dy - c.ey * dx
    middle = full_angle(across, towards)
    cuts = here & (jnp.abs(num) < den)
    half = upper_angle(safe_sqrt((den - num) * (den + num)), num)
    start, stop = turned_back(middle - half), turned_back(middle + half)
    return jnp.where(cuts, start, 0), jnp.where(cuts, stop, 0), jnp.any(hidden, axis=0)


class Arcs(NamedTuple):
    """Ends of what is exposed of each circle: beginnings and ends of blocked stretches, some of no width.

    Attributes:
        start: Azimuths at which a stretch begins to be blocked, and an arc ends. [rad]
        stop: Where an arc begins. [rad]
        start_out: Whether the first is exposed itself.
        stop_out: Whether the second is.
        shown: Whether anything of the circle is, apart from ends.
        whole: 1 where the whole circle is exposed, else 0.
    """

    start: Array
    stop: Array
    start_out: Array
    stop_out: Array
    shown: Array
    whole: Array

    def increment(self, at_start: Array, at_stop: Array, full: float | int) -> Array:
        """What a function of azimuth gains over the exposed arcs; `full` is its gain over a circle."""
        ends = jnp.where(self.start_out, at_start, 0) - jnp.where(self.stop_out, at_stop, 0)
        return jnp.where(self.shown, jnp.sum(ends, axis=0), 0) + full * self.whole


def exposed_arcs(c: Circles, index: Array, is_real: Array) -> Arcs:
    """The arcs of each circle that are in view and in no other cap."""
    crossing = (c.sin_r - c.z) * (c.sin_r + c.z)
    phi = jnp.where(crossing > 0, upper_angle(safe_sqrt(crossing), -c.a), 0)
    start, stop, hidden = _blocked_by_caps(c, index, is_real)
    start, stop = jnp.concatenate([start, phi[None]]), jnp.concatenate([stop, -phi[None]])
    start_out, stop_out = exposed_ends(start, stop)
    shown = (c.w > 0) & ~hidden & ((crossing > 0) | (c.z > 0))
    whole = jnp.where(jnp.all(start <= stop, axis=0) & shown, 1, 0).astype(c.z.dtype)
    return Arcs(start, stop, start_out, stop_out, shown, whole)


def increment_of_big(c: Circles, arcs: Arcs) -> Array:
    """Gain of Psi over the exposed arcs. [rad]"""

    def big(psi):
        half = psi / (4 * jnp.pi)
        return full_angle((1 - c.vers + c.z) * sin_turns(half), (1 + c.a + c.b) * cos_turns(half))

    return arcs.increment(big(arcs.start), big(arcs.stop), jnp.pi)


def limb_length(c: Circles, index: Array, is_real: Array) -> Array:
    """Length of limb inside the union of caps."""
    crossing = (c.sin_r - c.z) * (c.sin_r + c.z)
    alpha = jnp.where(crossing > 0, upper_angle(safe_sqrt(crossing), 1 - c.vers), 0)
    middle = full_angle(c.ey, c.ex)
    start = jnp.where(alpha > 0, turned_back(middle - alpha), 0)
    stop = jnp.where(alpha > 0, turned_back(middle + alpha), 0)
    is_before = index[:, :, None] < jnp.arange(c.w.shape[0])[None, :, None]
    masked = [jnp.where(is_real[:, :, None], q[index], 0) for q in (start, stop)]
    start_out, stop_out = _exposed(start, stop, (*masked, is_before))
    ends = jnp.where(stop_out, stop, 0) - jnp.where(start_out, start, 0)
    return jnp.sum(ends, axis=0) + 2 * jnp.pi * jnp.any(start > stop, axis=0)
