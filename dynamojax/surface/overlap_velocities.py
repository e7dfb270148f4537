r"""Rotation of what overlapping spots hide, each piece of surface counted once: in closed form.

Light of a region R of the visible sphere moves at vsini x f, f = 1 - shear sin^2 lat, where sin lat = y sin i
+ mu cos i, so that its momentum is made of

    E_(k,m) = int_R mu^k x y^m dOmega,    m = 0, 1, 2,
    V_k = E_(k,0) - shear [sin^2 i E_(k,2) + 2 sin i cos i E_(k+1,1) + cos^2 i E_(k+2,0)].

Turning about the y axis leaves y, and the limb, where mu = 0, gives nothing. Green's theorem in the plane
of the sky hence leaves the exposed arcs of `overlap`, in its notation:

    E_(k,m) = sum_i int mu^(k+1) y^m dy / (k+1),

    y = cos r n_y + sin r (e1_y cos psi + e2_y sin psi).

Everything under these integrals is a polynomial in cos psi and sin psi, and so are integrals over it: of

    p_a = int cos^a dpsi,    q_a = int cos^a sin dpsi,

found from sums over the arcs' ends, multiplication by (u + v cos psi + w sin psi) makes

    u p_a + v p_(a+1) + w q_a,    u q_a + v q_(a+1) + w (p_a - p_(a+2)).

Only exposed rims move when parameters do, and

    dE_(k,m) = sum_i sin r_i int mu^k x y^m [dr_i + cos psi e1.dn_i + sin psi e2.dn_i] dpsi.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dynamojax.numerics import cos_turns, sin_turns
from dynamojax.surface.arcs import Arcs, Circles, circles, exposed_arcs, increment_of_big, limb_length
from dynamojax.surface.overlap import EPOCHS_PER_STEP, in_steps, neighbours, touching
from dynamojax.system import Star

# p_0, p_1, .. and q_0, q_1, .. of what is integrated.
_Table = tuple[list[Array], list[Array]]


def _table(arcs: Arcs, n: int) -> _Table:
    """p_0 .. p_n and q_0 .. q_(n-1) of one, over the exposed arcs of each circle."""
    cosines, sines = [], []
    for psi in (arcs.start, arcs.stop):
        turn = psi / (2 * jnp.pi)
        cos_psi, power = cos_turns(turn), sin_turns(turn)
        cosines.append([cos_psi])
        sines.append([power])
        for _ in range(n - 1):
            cosines[-1].append(cosines[-1][-1] * cos_psi)
            sines[-1].append(sines[-1][-1] * cos_psi)
    cos_gain, sin_gain = (
        [arcs.increment(a, b, 0) for a, b in zip(*ends, strict=True)] for ends in (cosines, sines)
    )
    p = [arcs.increment(arcs.start, arcs.stop, 2 * jnp.pi), sin_gain[0]]
    for a in range(2, n + 1):
        p.append((sin_gain[a - 1] + (a - 1) * p[a - 2]) / a)
    return p, [-cos_gain[a] / (a + 1) for a in range(n)]


def _times(table: _Table, u: Array | int, v: Array, w: Array) -> _Table:
    """Of the integrand times (u + v cos psi + w sin psi), one power less."""
    p, q = table
    return (
        [u * p[a] + v * p[a + 1] + w * q[a] for a in range(len(q))],
        [u * q[a] + v * q[a + 1] + w * (p[a] - p[a + 2]) for a in range(len(q) - 1)],
    )


def _times_mu(table: _Table, c: Circles) -> _Table:
    """Of the integrand times mu, one power less."""
    p, q = table
    return (
        [c.a * p[a] + c.b * p[a + 1] for a in range(len(p) - 1)],
        [c.a * q[a] + c.b * q[a + 1] for a in range(len(q) - 1)],
    )


def _by_powers(table: _Table, c: Circles, n: int) -> list[tuple[Array, Array, Array]]:
    """p_0, p_1 and q_0 of the integrand times mu^k, k = 0 .. n; zero where the table ends."""
    found = []
    for k in range(n + 1):
        p, q = table
        found.append((p[0], p[1] if len(p) > 1 else 0 * p[0], q[0] if q else 0 * p[0]))
        table = _times_mu(table, c) if k < n else table
    return found


def _along_y(c: Circles, table: _Table) -> _Table:
    """Of the integrand times y."""
    return _times(table, c.y * (1 - c.vers), -c.sin_r * c.z * c.ey, c.sin_r * c.ex)


def _powers(n: int) -> tuple[range, range, range]:
    """The k of E_(k,0), E_(k,1) and E_(k,2) that V_1 .. V_n are made of."""
    return range(1, n + 3), range(2, n + 2), range(1, n + 1)


def _light(c: Circles, table: _Table, arcs: Arcs, limb: Array, n: int) -> Array:
    """M_1 .. M_n, as in `overlap`."""
    rims = _by_powers(table, c, n - 1)
    edges = [jnp.sum(c.z * c.sin_r**2 * j - (1 - c.vers) * c.b * co, axis=0) for j, co, _ in rims]
    first = jnp.sum(2 * increment_of_big(c, arcs) - table[0][0] + c.vers * table[0][0], axis=0)
    moments = [limb + first, 0.5 * (limb + edges[0])]
    for k in range(2, n + 1):
        moments.append(((k - 1) * moments[k - 2] + edges[k - 1]) / (k + 1))
    return jnp.stack(moments[1:])


def _momentum(c: Circles, table: _Table, n: int) -> tuple[Array, Array, Array]:
    """E_(k,0), E_(k,1) and E_(k,2)."""
    table, found = _times(table, 0, c.sin_r * c.ex, c.sin_r * c.z * c.ey), []
    for m, powers in enumerate(_powers(n)):
        rims = _by_powers(table, c, powers[-1] + 1)
        found.append(jnp.stack([jnp.sum(rims[k + 1][0], axis=0) / (k + 1) for k in powers]))
        table = table if m == 2 else _along_y(c, table)
    return tuple(found)


def _start(position: Array, half_sine: Array, index: Array, is_real: Array, n_light: int, n: int):
    c = circles(position, half_sine)
    arcs = exposed_arcs(c, index, is_real)
    return c, arcs, _table(arcs, max(n + 4, n_light + 1))


@partial(jax.custom_jvp, nondiff_argnums=(4, 5))
def _union(position: Array, half_sine: Array, index: Array, is_real: Array, n_light: int, n: int):
    c, arcs, table = _start(position, half_sine, index, is_real, n_light, n)
    return _light(c, table, arcs, limb_length(c, index, is_real), n_light), *_momentum(c, table, n)


@_union.defjvp
def _union_jvp(n_light, n, primals, tangents):
    position, half_sine, index, is_real = primals
    (dx, dy, dz), dhalf_sine = tangents[:2]
    c, arcs, table = _start(position, half_sine, index, is_real, n_light, n)
    limb = limb_length(c, index, is_real)
    values = _light(c, table, arcs, limb, n_light), *_momentum(c, table, n)
    motion = (
        4 * c.w * dhalf_sine,  # sin r dr, with w = sin(r/2)
        c.sin_r * (c.s0 * dz - c.z * (c.ex * dx + c.ey * dy)),
        c.sin_r * (c.ex * dy - c.ey * dx),
    )

    def swept(table, powers):
        rims = _by_powers(table, c, powers[-1])
        moved = [sum(move * q for move, q in zip(motion, rims[k], strict=True)) for k in powers]
        return jnp.stack([jnp.sum(q, axis=0) for q in moved])

    slopes = [swept(table, range(1, n_light + 1))]
    table = _times(table, c.x * (1 - c.vers), -c.sin_r * c.z * c.ex, -c.sin_r * c.ey)
    for m, powers in enumerate(_powers(n)):
        slopes.append(swept(table, powers))
        table = table if m == 2 else _along_y(c, table)
    return values, tuple(slopes)


def union_of_velocity_moments(
    star: Star,
    position: Float[Array, "3 n_caps n_times"],
    half_sine: Float[Array, "n_caps n_times"],
    n_light: int,
    n: int,
    n_neighbours: int,
) -> tuple[Float[Array, "n_light n_times"], Float[Array, "n n_times"], Bool[Array, " n_times"]]:
    """M_k, k = 1 .. n_light, and V_k, k = 1 .. n, over the visible part of a union of caps.

    Args:
        star: Its shear and inclination are used.
        position: Unit vectors to the caps' centres, observer on +z. [1]
        half_sine: sin(r/2) of the caps' radii r <= pi/2; 0 is no cap. [1]
        n_light: Number of moments of light.
        n: Number of moments of velocity, as in `velocity_moments`.
        n_neighbours: How many other caps may overlap any one cap.

    Returns:
        Both, and whether the neighbours fitted: where False the moments are NaN.
    Gradients: closed form, first order only; finite everywhere.
    Accuracy: exact up to rounding; see tests/surface/test_overlap_velocities.py.
    Source: the derivation in this module's docstring.
    """
    n_times, room = half_sine.shape[1], min(n_neighbours, half_sine.shape[0])

    @jax.checkpoint
    def step(caps):
        p, w = caps
        index, is_real, fits = neighbours(touching(*jax.lax.stop_gradient((p, w))), room)
        found = _union(p, w, index, is_real, n_light, n)
        found = jax.tree.map(lambda q: jnp.where(fits, q, jnp.nan), found)
        return found, jnp.broadcast_to(fits, (EPOCHS_PER_STEP,))

    found, valid = jax.lax.map(step, in_steps(position, half_sine))
    light, *parts = (jnp.moveaxis(q, 0, 1).reshape(q.shape[1], -1)[:, :n_times] for q in found)
    co, si = jnp.cos(star.inc), jnp.sin(star.inc)
    slowed = si**2 * parts[2] + 2 * si * co * parts[1] + co**2 * parts[0][2:]
    return light, parts[0][:n] - star.shear * slowed, valid.reshape(-1)[:n_times]
