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

How the exposed arcs are found says `arcs`.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from dynamojax.numerics import cos_turns, sin_turns
from dynamojax.surface.arcs import Circles, circles, exposed_arcs, increment_of_big, limb_length

# Epochs that share one list of neighbours: enough to fill vector units, few enough to stay in cache.
EPOCHS_PER_STEP = 16


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


def neighbours(touch: Array, n_neighbours: int) -> tuple[Array, Array, Array]:
    """Indices (k, n_caps) of the caps that overlap each cap, which are real, and whether all fit."""
    is_real, index = jax.lax.top_k(touch.astype(jnp.int32), n_neighbours)
    fits = jnp.max(jnp.sum(touch, axis=1), initial=0) <= n_neighbours
    return index.T, is_real.T > 0, fits


def _ends(c: Circles, psi: Array, n: int) -> tuple[list, list]:
    """mu^k sin psi (k = 0 .. n) and the bracket of S_k (k = 0 .. n) at an end of an arc."""
    turn = psi / (2 * jnp.pi)
    cos_psi, sin_psi = cos_turns(turn), sin_turns(turn)
    mu = c.a + c.b * cos_psi
    sines, brackets, power, total = [], [], jnp.ones_like(mu), jnp.ones_like(mu)
    for _ in range(n + 1):
        sines.append(power * sin_psi)
        brackets.append(-cos_psi * total)
        power = power * mu
        total = c.a * total + power
    return sines, brackets


def _arcs(c: Circles, index: Array, is_real: Array, n: int):
    """Increments of psi, of Psi, of mu^k sin psi and of the bracket of S_k over the exposed arcs."""
    arcs = exposed_arcs(c, index, is_real)
    first, last = _ends(c, arcs.start, n), _ends(c, arcs.stop, n)
    powers = [[arcs.increment(f, g, 0) for f, g in zip(first[i], last[i], strict=True)] for i in (0, 1)]
    return arcs.increment(arcs.start, arcs.stop, 2 * jnp.pi), increment_of_big(c, arcs), *powers


def _union(position: Array, half_sine: Array, index: Array, is_real: Array, n: int):
    """M_1 .. M_n (n_times) and the rim's J_k, C_k, S_k (n_caps, n_times), k = 1 .. n."""
    c = circles(position, half_sine)
    dpsi, dbig, sines, brackets = _arcs(c, index, is_real, n)
    j, cosine, js, cs, ss = dpsi, sines[0], [], [], []
    edges = []
    for k in range(1, n + 1):
        edges.append(jnp.sum(c.z * c.sin_r**2 * j - (1 - c.vers) * c.b * cosine, axis=0))
        j, cosine = c.a * j + c.b * cosine, (sines[k] + k * (c.a * cosine + c.b * j)) / (k + 1)
        js.append(j)
        cs.append(cosine)
        ss.append(brackets[k] / (k + 1))
    limb = limb_length(c, index, is_real)
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
    c = circles(position, half_sine)
    moments, js, cs, ss = _union(position, half_sine, index, is_real, n)
    grow = 4 * c.w * dhalf_sine  # sin r dr, with w = sin(r/2)
    inward = c.sin_r * (c.s0 * dz - c.z * (c.ex * dx + c.ey * dy))
    across = c.sin_r * (c.ex * dy - c.ey * dx)
    sweep = [jnp.sum(grow * j + inward * co + across * si, 0) for j, co, si in zip(js, cs, ss, strict=True)]
    return moments, jnp.stack(sweep)


def in_steps(position: Array, half_sine: Array) -> tuple[Array, Array]:
    """Positions (n_steps, 3, n_caps, n) and sizes (n_steps, n_caps, n) of the epochs of each step."""

    def cut(x):
        x = jnp.pad(x, (*((0, 0),) * (x.ndim - 1), (0, -x.shape[-1] % EPOCHS_PER_STEP)), mode="edge")
        return jnp.moveaxis(x.reshape(*x.shape[:-1], -1, EPOCHS_PER_STEP), -2, 0)

    return cut(position), cut(half_sine)


def neighbours_needed(
    position: Float[Array, "3 n_caps n_times"], half_sine: Float[Array, "n_caps n_times"]
) -> Int[Array, ""]:
    """The n_neighbours that `union_moments` needs for these caps."""
    counts = jax.lax.map(
        lambda caps: jnp.max(jnp.sum(touching(*caps), axis=1), initial=0), in_steps(position, half_sine)
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
        index, is_real, fits = neighbours(touching(*jax.lax.stop_gradient((p, w))), n_neighbours)
        moments = jnp.where(fits, _union_moments(p, w, index, is_real, n), jnp.nan)
        return moments, jnp.broadcast_to(fits, (EPOCHS_PER_STEP,))

    moments, valid = jax.lax.map(step, in_steps(position, half_sine))
    return jnp.moveaxis(moments, 0, 1).reshape(n, -1)[:, :n_times], valid.reshape(-1)[:n_times]
