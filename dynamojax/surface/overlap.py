r"""Light hidden by overlapping spots, each piece of surface counted once: moments of a union of caps.

The moments M_k of `coverage` depend on a region's boundary alone, and the boundary of a union of caps
is made of those arcs of the circles that lie inside no other cap. Let exposed arcs of circle i be sets
of azimuths psi about its centre, from the direction of the disc's centre, where mu = A + B cos psi
> 0; L the length of limb inside the union. With integrals over the exposed arcs only,

    J_n = int mu^n dpsi,    C_n = int mu^n cos psi dpsi,    S_n = int mu^n sin psi dpsi,

Green's theorem reads as for one cap, summed over circles:

    M_0 = L + sum_i [2 dPsi - cos r dpsi],    tan Psi = (cos r + mu0) / (1 + A + B) tan(psi / 2),
    M_1 = L / 2 + sum_i [mu0 sin^2 r J_0 - cos r B C_0] / 2,
    (k+1) M_k = (k-1) M_(k-2) + sum_i [mu0 sin^2 r J_(k-1) - cos r B C_(k-1)],

(d meaning the increment along the arcs), and the integrals follow from sums over the arcs' ends:

    J_n = A J_(n-1) + B C_(n-1),    (n+1) C_n = [mu^n sin psi] + n (A C_(n-1) + B J_(n-1)),
    (n+1) S_n = -[cos psi (A^n + A^(n-1) mu + ... + mu^n)].

No quadrature: the result is exact. Only the exposed rims move when parameters do, hence, with e1 the
direction on the sky plane towards the disc's centre along the surface and e2 normal to it,

    dM_k = sum_i sin r_i [J_k dr_i + C_k e1.dn_i + S_k e2.dn_i].

Cap j blocks on circle i the azimuths within beta of its own, cos beta = (cos r_j - cos r_i cos d) /
(sin r_i sin d), and the far side blocks those beyond phi. The union of such intervals is found by
comparing their computed ends with one another: the same two numbers always compare alike, so that
rounding can shift an arc by its own size but never open or close the chain of arcs.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from dynamojax.numerics import cos_turns, full_angle, safe_divide, safe_sqrt, sin_turns, upper_angle

# Epochs that share one list of neighbours: enough to fill vector units, few enough to stay in cache.
_EPOCHS_PER_STEP = 16


def _wrap(angle: Array) -> Array:
    """The same angle in [-pi, pi]."""
    return angle - 2 * jnp.pi * jnp.round(angle / (2 * jnp.pi))


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


def touching(
    position: Float[Array, "3 n_caps n_times"], half_sine: Float[Array, "n_caps n_times"]
) -> Bool[Array, "n_caps n_caps"]:
    """Which pairs of caps overlap at some epoch. Not differentiable."""
    half_cosine = jnp.sqrt(1 - half_sine * half_sine)
    reach = half_sine[:, None] * half_cosine[None, :]
    reach = reach + reach.swapaxes(0, 1)  # sin of half the sum of the radii
    chord_sq = jnp.sum((position[:, :, None] - position[:, None, :]) ** 2, axis=0)
    active = half_sine > 0
    touch = (chord_sq < 4 * reach**2) & active[:, None] & active[None, :]
    return jnp.any(touch, axis=-1) & ~jnp.eye(half_sine.shape[0], dtype=bool)


def _neighbours(touch: Array, n_neighbours: int) -> tuple[Array, Array, Array]:
    """Indices (k, n_caps) of the caps that overlap each cap, which are real, and whether all fit."""
    is_real, index = jax.lax.top_k(touch.astype(jnp.int32), n_neighbours)
    fits = jnp.max(jnp.sum(touch, axis=1), initial=0) <= n_neighbours
    return index.T, is_real.T > 0, fits


class _Circles(NamedTuple):
    """The circles' constants (n_caps, n_times), in the notation of the module's docstring."""

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


def _circles(position: Array, half_sine: Array) -> _Circles:
    x, y, z = position
    s0 = safe_sqrt(x * x + y * y)
    ex = jnp.where(s0 > 0, safe_divide(x, s0), 1)
    vers, sin_r = 2 * half_sine**2, 2 * half_sine * jnp.sqrt(1 - half_sine**2)
    return _Circles(x, y, z, half_sine, vers, sin_r, s0, ex, safe_divide(y, s0), z * (1 - vers), s0 * sin_r)


def _blocked_by_caps(c: _Circles, index: Array, is_real: Array) -> tuple[Array, Array, Array]:
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
    start, stop = _wrap(middle - half), _wrap(middle + half)
    return jnp.where(cuts, start, 0), jnp.where(cuts, stop, 0), jnp.any(hidden, axis=0)


def _ends(c: _Circles, psi: Array, n: int) -> tuple[Array, Array, list, list]:
    """psi, Psi, mu^k sin psi (k = 0 .. n) and the bracket of S_k (k = 0 .. n) at an end of an arc."""
    turn = psi / (2 * jnp.pi)
    cos_psi, sin_psi = cos_turns(turn), sin_turns(turn)
    big = full_angle((1 - c.vers + c.z) * sin_turns(0.5 * turn), (1 + c.a + c.b) * cos_turns(0.5 * turn))
    mu = c.a + c.b * cos_psi
    sines, brackets, power, total = [], [], jnp.ones_like(mu), jnp.ones_like(mu)
    for _ in range(n + 1):
        sines.append(power * sin_psi)
        brackets.append(-cos_psi * total)
        power = power * mu
        total = c.a * total + power
    return psi, big, sines, brackets


def _arcs(c: _Circles, index: Array, is_real: Array, n: int):
    """Increments of psi, of Psi, of mu^k sin psi and of the bracket of S_k over the exposed arcs."""
    crossing = (c.sin_r - c.z) * (c.sin_r + c.z)
    phi = jnp.where(crossing > 0, upper_angle(safe_sqrt(crossing), -c.a), 0)
    start, stop, hidden = _blocked_by_caps(c, index, is_real)
    start, stop = jnp.concatenate([start, phi[None]]), jnp.concatenate([stop, -phi[None]])
    order = jnp.arange(start.shape[0])
    is_before = (order[:, None] < order[None, :])[:, :, None, None]
    start_out, stop_out = _exposed(start, stop, (start, stop, is_before))
    shown = (c.w > 0) & ~hidden & ((crossing > 0) | (c.z > 0))
    whole = jnp.where(jnp.all(start <= stop, axis=0) & shown, 1, 0).astype(c.z.dtype)

    def increment(at_start, at_stop, full):
        ends = jnp.where(start_out, at_start, 0) - jnp.where(stop_out, at_stop, 0)
        return jnp.where(shown, jnp.sum(ends, axis=0), 0) + full * whole

    first, last = _ends(c, start, n), _ends(c, stop, n)
    powers = [[increment(f, g, 0) for f, g in zip(first[i], last[i], strict=True)] for i in (2, 3)]
    return increment(first[0], last[0], 2 * jnp.pi), increment(first[1], last[1], jnp.pi), *powers


def _limb_length(c: _Circles, index: Array, is_real: Array) -> Array:
    """Length of limb inside the union of caps."""
    crossing = (c.sin_r - c.z) * (c.sin_r + c.z)
    alpha = jnp.where(crossing > 0, upper_angle(safe_sqrt(crossing), 1 - c.vers), 0)
    middle = full_angle(c.ey, c.ex)
    start = jnp.where(alpha > 0, _wrap(middle - alpha), 0)
    stop = jnp.where(alpha > 0, _wrap(middle + alpha), 0)
    is_before = index[:, :, None] < jnp.arange(c.w.shape[0])[None, :, None]
    masked = [jnp.where(is_real[:, :, None], q[index], 0) for q in (start, stop)]
    start_out, stop_out = _exposed(start, stop, (*masked, is_before))
    ends = jnp.where(stop_out, stop, 0) - jnp.where(start_out, start, 0)
    return jnp.sum(ends, axis=0) + 2 * jnp.pi * jnp.any(start > stop, axis=0)


def _union(position: Array, half_sine: Array, index: Array, is_real: Array, n: int):
    """M_1 .. M_n (n_times) and the rim's J_k, C_k, S_k (n_caps, n_times), k = 1 .. n."""
    c = _circles(position, half_sine)
    dpsi, dbig, sines, brackets = _arcs(c, index, is_real, n)
    j, cosine, js, cs, ss = dpsi, sines[0], [], [], []
    edges = []
    for k in range(1, n + 1):
        edges.append(jnp.sum(c.z * c.sin_r**2 * j - (1 - c.vers) * c.b * cosine, axis=0))
        j, cosine = c.a * j + c.b * cosine, (sines[k] + k * (c.a * cosine + c.b * j)) / (k + 1)
        js.append(j)
        cs.append(cosine)
        ss.append(brackets[k] / (k + 1))
    limb = _limb_length(c, index, is_real)
    moments = [limb + jnp.sum(2 * dbig - dpsi + c.vers * dpsi, axis=0), 0.5 * (limb + edges[0])]
    for k in range(2, n + 1):
        moments.append(((k - 1) * moments[k - 2] + edges[k - 1]) / (k + 1))
    return jnp.stack(moments[1:]), js, cs, ss


@partial(jax.custom_jvp, nondiff_argnums=(4,))
def _union_moments(position: Array, half_sine: Array, index: Array, is_real: Array, n: int) -> Array:
    return _union(position, half_sine, index, is_real, n)[0]


@_union_moments.defjvp
def _union_moments_jvp(n, primals, tangents):
    position, half_sine, index, is_real = primals
    (dx, dy, dz), dhalf_sine = tangents[:2]
    c = _circles(position, half_sine)
    moments, js, cs, ss = _union(position, half_sine, index, is_real, n)
    grow = 4 * c.w * dhalf_sine  # sin r dr, with w = sin(r/2)
    inward = c.sin_r * (c.s0 * dz - c.z * (c.ex * dx + c.ey * dy))
    across = c.sin_r * (c.ex * dy - c.ey * dx)
    sweep = [jnp.sum(grow * j + inward * co + across * si, 0) for j, co, si in zip(js, cs, ss, strict=True)]
    return moments, jnp.stack(sweep)


def _in_steps(position: Array, half_sine: Array) -> tuple[Array, Array]:
    """Positions (n_steps, 3, n_caps, n) and sizes (n_steps, n_caps, n) of the epochs of each step."""

    def cut(x):
        x = jnp.pad(x, (*((0, 0),) * (x.ndim - 1), (0, -x.shape[-1] % _EPOCHS_PER_STEP)), mode="edge")
        return jnp.moveaxis(x.reshape(*x.shape[:-1], -1, _EPOCHS_PER_STEP), -2, 0)

    return cut(position), cut(half_sine)


def neighbours_needed(
    position: Float[Array, "3 n_caps n_times"], half_sine: Float[Array, "n_caps n_times"]
) -> Int[Array, ""]:
    """The n_neighbours that `union_moments` needs for these caps."""
    counts = jax.lax.map(
        lambda caps: jnp.max(jnp.sum(touching(*caps), axis=1), initial=0), _in_steps(position, half_sine)
    )
    return jnp.max(counts, initial=0)


def union_moments(
    position: Float[Array, "3 n_caps n_times"],
    half_sine: Float[Array, "n_caps n_times"],
    n: int,
    n_neighbours: int,
) -> tuple[Float[Array, "n n_times"], Bool[Array, " n_times"]]:
    """Integrals M_k of mu^k over the visible part of a union of spherical caps, k = 1 .. n.

    Args:
        position: Unit vectors to the caps' centres, observer on +z. [1]
        half_sine: sin(r/2) of the caps' radii r <= pi/2; 0 is no cap. [1]
        n: Number of moments.
        n_neighbours: How many other caps may overlap any one cap.

    Returns:
        M_1 .. M_n, and whether the neighbours fitted: where False the moments are NaN.
    Gradients: closed form, first order only; finite everywhere.
    Accuracy: exact up to rounding; see tests/surface/test_overlap.py.
    Source: the derivation in this module's docstring.
    """
    n_caps, n_times = half_sine.shape
    n_neighbours = min(n_neighbours, n_caps)

    @jax.checkpoint
    def step(caps):
        p, w = caps
        index, is_real, fits = _neighbours(touching(*jax.lax.stop_gradient((p, w))), n_neighbours)
        moments = jnp.where(fits, _union_moments(p, w, index, is_real, n), jnp.nan)
        return moments, jnp.broadcast_to(fits, (_EPOCHS_PER_STEP,))

    moments, valid = jax.lax.map(step, _in_steps(position, half_sine))
    return jnp.moveaxis(moments, 0, 1).reshape(n, -1)[:, :n_times], valid.reshape(-1)[:n_times]
