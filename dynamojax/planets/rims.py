r"""How what a planet hides of a union of caps changes: the motion of its boundary.

M_k is the integral of mu^(k-1) over (planet's disc) and (union of caps) on the sky. Only its boundary
moves, and the limb does not. The boundary is made of

(a) arcs of caps' rims, behind the planet, visible and outside every other cap: with azimuth psi about
    the centre n of cap i, from e1 (towards the disc's centre; e2 = (-n_y, n_x, 0) / s0), on which
    mu = A + B cos psi, A = n_z cos r, B = s0 sin r, s0 = |(n_x, n_y)|,

        dM_k = sum_i sin r [J_k dr + C_k e1.dn + S_k e2.dn],
        J_k, C_k, S_k = int mu^k (1, cos psi, sin psi) dpsi;

(b) arcs of the planet's rim inside the union: with N the outward normal of the rim,

        dM_k = int mu^(k-1) (dp + N.(dx, dy)) p dphi.

Where rims cross the planet's is found in `rim_crossings`.

The planet's rim is phi = 2 arcsin(kappa sin t) from its point nearest to the disc's centre, at distance
d, with t in [-pi/2, pi/2] its visible part, kappa < 1 where it crosses the limb: the light is smooth,

    mu^2 = (1 - (d-p)^2) cos^2 t + max(0, 1 - (d+p)^2) sin^2 t.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.numerics import gauss_legendre, safe_arctan2, safe_divide, safe_sqrt, turned_back
from dynamojax.planets.rim_crossings import Rims, cap_rims, rim_crossings

# Nodes of an arc of the planet's rim between two crossings.
_RIM_NODES = 16


def _behind_caps(c: Rims) -> tuple[Array, Array]:
    """Azimuths on each rim inside each other cap: middle and half-width (n_caps, n_caps) [rad]."""
    i = np.arange(c.w.shape[0])
    dx, dy, dz = (q[:, None] - q for q in (c.x, c.y, c.z))
    vd = 0.5 * (dx * dx + dy * dy + dz * dz)
    vers = c.vers[:, None]
    num = c.vers + vd - c.vers * vd - vers
    den = c.sin_r * safe_sqrt(vd * (2 - vd))
    half = safe_arctan2(safe_sqrt((den - num) * (den + num)), num)
    # Of twins the first has the rim. A compiler may round a place anew for every cap that it is compared
    # with: neither a cap nor its twin is always found at no distance.
    rounding = 8 * jnp.finfo(c.w.dtype).eps
    is_twin = (vd <= rounding**2) & (jnp.abs(c.w[:, None] - c.w) <= rounding) | (i[:, None] == i)
    half = jnp.where(is_twin, jnp.where(i[:, None] < i, jnp.pi, 0), half)
    middle = safe_arctan2(c.ex * dy - c.ey * dx, c.s0 * dz - c.z * (c.ex * dx + c.ey * dy))
    is_cap = c.w[:, None] > 0
    return jnp.where(is_cap, middle, 0), jnp.where(is_cap, half, 0)


def _gaps(middle: Array, half: Array) -> tuple[Array, Array]:
    """What intervals, along the first axis, leave free of [-pi, pi]: ends of gaps, some of no width."""
    middle = turned_back(middle)
    low, high = middle - half, middle + half
    first = jnp.maximum(jnp.max(high, axis=0) - 2 * jnp.pi, -jnp.pi)[None]
    last = jnp.minimum(jnp.min(low, axis=0) + 2 * jnp.pi, jnp.pi)[None]
    low, high = jax.lax.sort((low, high), dimension=0, num_keys=1)
    start = jax.lax.cummax(jnp.concatenate([first, high]), axis=0)
    stop = jnp.minimum(jnp.concatenate([low, last]), last)
    return start, jnp.maximum(start, stop)


def _rim_integrals(c: Rims, outside: tuple[Array, Array], n: int) -> tuple[Array, Array, Array]:
    """J_k, C_k and S_k (n, n_caps) over the exposed arcs behind the planet, k = 1 .. n."""
    a, b = c.z * (1 - c.vers), c.s0 * c.sin_r
    crossing = (c.sin_r - c.z) * (c.sin_r + c.z)
    beyond = safe_arctan2(safe_sqrt(crossing), a)[None]  # half-width of the far side about psi = pi
    middle, half = (
        jnp.concatenate(q)
        for q in zip(_behind_caps(c), outside, (jnp.full_like(beyond, jnp.pi), beyond), strict=True)
    )
    ends = jnp.stack(_gaps(middle, half))
    cos_psi, sin_psi = jnp.cos(ends), jnp.sin(ends)
    mu = a + b * cos_psi

    def over_arcs(integral):
        return jnp.sum(integral[1] - integral[0], axis=0)

    j, cosine, power, total, found = over_arcs(ends), over_arcs(sin_psi), 1, 1, []
    for k in range(1, n + 1):
        power = power * mu
        total = a * total + power
        j, cosine = a * j + b * cosine, (over_arcs(power * sin_psi) + k * (a * cosine + b * j)) / (k + 1)
        found.append((j, cosine, -over_arcs(cos_psi * total) / (k + 1)))
    return tuple(jnp.stack(q) for q in zip(*found, strict=True))


def _planet_integrals(c: Rims, phi: Array, d: Array, p: Array, n: int) -> Array:
    """Integrals of mu^(k-1) (1, N_x, N_y) p dphi over the planet's rim inside the union, (n, 3)."""
    near, far = (1 - (d - p)) * (1 + (d - p)), (1 - (d + p)) * (1 + (d + p))
    near, far = jnp.maximum(near, 0), jnp.maximum(far, 0)
    rest = safe_divide((d + p - 1) * (d + p + 1), 4 * d * p)  # 1 - kappa^2
    rest = jnp.where(d > 0, jnp.clip(rest, 0, 1), jnp.where(p > 1, 1, 0))
    kappa = safe_sqrt(1 - rest)

    # At crossings beyond the limb the rim is cut as well, to no effect.
    up = safe_sqrt(jnp.cos(0.5 * phi) ** 2 - rest)
    cuts = jnp.arctan2(jnp.sin(0.5 * phi), up).ravel()
    end = jnp.asarray([0.5 * jnp.pi], cuts.dtype)
    cuts = jnp.sort(jnp.concatenate([-end, 0 * end, cuts, end]))
    start, width = cuts[:-1, None], (cuts[1:] - cuts[:-1])[:, None]

    def rim(t):
        """Place on the sky relative to the planet's centre, over p; mu; dphi/dt."""
        co, si = jnp.cos(t), jnp.sin(t)
        half_sine, half_cosine = kappa * si, jnp.sqrt(co * co + rest * si * si)
        mu = safe_sqrt(near * co * co + far * si * si)
        slope = 2 * kappa * jnp.where(rest > 0, safe_divide(co, half_cosine), 1)
        return half_sine**2 - half_cosine**2, 2 * half_sine * half_cosine, mu, slope

    nx, ny, mu, _ = rim(start + 0.5 * width)
    apart = (d + p * nx - c.x) ** 2 + (p * ny - c.y) ** 2 + (mu - c.z) ** 2
    covered = jnp.any((apart < 4 * c.w**2) & (c.w > 0), axis=1)[:, None]

    node, weight = (jnp.asarray(q, cuts.dtype) for q in gauss_legendre(_RIM_NODES, 0.0, 1.0))
    nx, ny, mu, slope = rim(start + width * node)
    power = jnp.where(covered, width * weight * slope * p, 0)
    found = []
    for _ in range(n):
        found.append(jnp.stack([jnp.sum(power), jnp.sum(power * nx), jnp.sum(power * ny)]))
        power = power * mu
    return jnp.stack(found)


def moments_change(
    x: Float[Array, ""],
    radius_ratio: Float[Array, ""],
    position: Float[Array, "3 n_caps"],
    half_sine: Float[Array, " n_caps"],
    n: int,
) -> tuple[Float[Array, "n 3"], Float[Array, "n 3 n_caps"], Float[Array, "n n_caps"]]:
    """Derivatives of M_1 .. M_n of what a planet hides of a union of caps.

    Args:
        x: Distance of the planet's centre from the disc's, on the +x axis. [stellar radius]
        radius_ratio: Planet over stellar radius. [1]
        position: Unit vectors to the caps' centres, observer on +z. [1]
        half_sine: sin(r/2) of the caps' radii; 0 is no cap. [1]
        n: Number of moments.

    Returns:
        Derivatives by the planet's radius, x and y, by the caps' positions, and by half_sine. [1]
    Accuracy: exact up to rounding; see tests/planets/test_rims.py.
    Source: the derivation in this module's docstring.
    """
    c = cap_rims(position, half_sine, x)
    *outside, phi = rim_crossings(c, radius_ratio)
    j, cosine, sine = _rim_integrals(c, tuple(outside), n)
    e1 = jnp.stack([-c.z * c.ex, -c.z * c.ey, c.s0])
    e2 = jnp.stack([-c.ey, c.ex, jnp.zeros_like(c.ex)])
    by_position = c.sin_r * (cosine[:, None] * e1 + sine[:, None] * e2)
    return _planet_integrals(c, phi, x, radius_ratio, n), by_position, 4 * c.w * j
