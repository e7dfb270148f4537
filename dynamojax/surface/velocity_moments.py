r"""Rotation of what active regions hide, in closed form: moments of the line-of-sight velocity over caps.

Surface rotation recedes at vsini x (1 - shear sin^2 lat), x across the projected spin axis. Light that
a cap takes from the disc hence takes momentum V_k along, one for each power of mu:

    V_k = integral over the visible part of the cap of mu^k x f dOmega,   f = 1 - shear sin^2 lat.

*Green's theorem.* Along the rotation about the spin axis, D = s x n, latitudes and hence f do not change,
and mu changes by -sin i x. D has no divergence, so that mu^(k+1) f D has -(k+1) sin i mu^k x f, and the rim
alone remains (the limb gives nothing, for mu = 0 there). With the notation of `coverage`, c the cap's
centre, S its sin lat, b = cos i - mu0 S, and

    u_(m,n) = (sin r / s0)^m  integral of mu^n cos(m psi) dpsi over the visible rim (-phi, phi),

sin lat on the rim is cos r S + sin r (b cos psi - sin i c_x sin psi) / s0, and what is even in psi leaves

    V_k = c_x / (k+1) { [1 - shear (cos^2 r S^2 + sin^2 r (1 - S^2) / 4)] u_(1,k+1)
                        - shear [2 cos r S b u_(2,k+1) + (3 b^2 - sin^2 i c_x^2) / 4 u_(3,k+1)] }.

*Recurrence*, by parts as in `coverage`, positive and regular at s0 = 0:

    u_(0,n) = A u_(0,n-1) + s0^2 u_(1,n-1),    u_(m,n) = n/(n+m) [A u_(m,n-1) + sin^2 r u_(m-1,n-1)],
    u_(m,0) = (sin r / s0)^m (2/m) sin(m phi),  with  sin phi = h / B,  cos phi = -A / B.

*Derivatives*, closed as well, since mu vanishes where the rim ends:

    du_(m,n)/dr = n sin r [cos r u_(m-1,n-1) - mu0 u_(m,n-1)],
    du_(m,n)/dmu0 = n [cos r u_(m,n-1) - mu0 u_(m+1,n-1)].
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dynamojax.numerics import safe_divide
from dynamojax.surface.coverage import cap_constants, half_sines, lowest_moments
from dynamojax.surface.evolution import facula_half_sine, spot_radii
from dynamojax.surface.geometry import sky_positions
from dynamojax.surface.moments import SurfaceConfig, SurfaceMoments, over_epochs
from dynamojax.surface.overlap_velocities import union_of_velocity_moments
from dynamojax.system import Epochs, SpotMap, Star


class VelocityMoments(eqx.Module):
    """Integrals over the visible spots and over the visible faculae, for light and for momentum.

    Attributes:
        light: M_k, integrals of mu^k.
        spot: V_k, integrals of mu^k x (1 - shear sin^2 lat), k = 1 .. n. [1]
        facula: The same of faculae not covered by spots; zero without faculae. [1]
    """

    light: SurfaceMoments
    spot: Float[Array, "n n_times"]
    facula: Float[Array, "n n_times"]

    @property
    def valid(self) -> Bool[Array, " n_times"]:
        """Whether the moments hold."""
        return self.light.valid


def _starts(mu0: Array, half_sine: Array, n: int, phi: Array | None = None) -> list[Array]:
    """u_(m,0), m = 0 .. n <= 4."""
    a, s0_sq, sin_sq, _, _, h, found = cap_constants(mu0, half_sine)
    inverse = safe_divide(jnp.ones_like(s0_sq), s0_sq)
    g, over, b_sq = 2 * h * inverse, a * inverse, s0_sq * sin_sq
    per = g * inverse * inverse
    starts = [2 * (found if phi is None else phi), g, -g * over]
    return [*starts, per * (4 * a * a - b_sq) / 3, -per * over * (2 * a * a - b_sq)][: n + 1]


def _next(u: list[Array], n: int, a: Array, s0_sq: Array, sin_sq: Array) -> list[Array]:
    """u_(m,n) from u_(m,n-1), for all m at hand."""
    higher = [n / (n + m) * (a * u[m] + sin_sq * u[m - 1]) for m in range(1, len(u))]
    return [a * u[0] + s0_sq * u[1], *higher]


def _rim_integrals(mu0: Array, half_sine: Array, n: int, m: int, phi: Array | None = None) -> list[list]:
    """u_(0 .. m, k) for each k = 0 .. n."""
    a, s0_sq, sin_sq, *_ = cap_constants(mu0, half_sine)
    found = [_starts(mu0, half_sine, m, phi)]
    for k in range(1, n + 1):
        found.append(_next(found[-1], k, a, s0_sq, sin_sq))
    return found


@jax.custom_jvp
def _cap_lowest(mu0: Array, half_sine: Array) -> tuple[Array, Array, Array]:
    """M_0, M_1, and phi, which `_cap_rims` takes without a derivative."""
    cap = cap_constants(mu0, half_sine)
    area, projected = lowest_moments(mu0, half_sine, cap)
    return area, projected, cap[-1]


@_cap_lowest.defjvp
def _cap_lowest_jvp(primals, tangents):
    (mu0, half_sine), (dmu0, dhalf_sine) = primals, tangents
    u = _rim_integrals(mu0, half_sine, 1, 1)
    sweep = 4 * half_sine * dhalf_sine  # sin r dr
    out = _cap_lowest(mu0, half_sine)
    return out, (*(j * sweep + g * dmu0 for j, g in u), jnp.zeros_like(out[2]))


@partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def _cap_rims(mu0: Array, half_sine: Array, phi: Array, n_light: int, n: int):
    """D_2 .. D_(n_light), and u_(1,k), u_(2,k), u_(3,k) for k = 2 .. n."""
    a, s0_sq, sin_sq, cos_r, *_ = cap_constants(mu0, half_sine)
    u, rims, turning = _starts(mu0, half_sine, 3, phi), [], []
    for k in range(1, max(n, n_light - 1) + 1):
        u = _next(u, k, a, s0_sq, sin_sq)
        rims.append(mu0 * sin_sq * u[0] - cos_r * s0_sq * u[1])
        turning.append(tuple(u[1:]))
    return tuple(rims[: n_light - 1]), tuple(turning[1:n])


@_cap_rims.defjvp
def _cap_rims_jvp(n_light, n, primals, tangents):
    mu0, half_sine, phi = primals
    dmu0, dhalf_sine, _ = tangents
    u = _rim_integrals(mu0, half_sine, max(n_light, n), 4, phi)
    cos_r, sweep = 1 - 2 * half_sine * half_sine, 4 * half_sine * dhalf_sine

    def rim(m, k):  # D_k = (k+1) M_k - (k-1) M_(k-2)
        return (k + 1) * u[k][m] - (k - 1) * u[k - 2][m]

    def turning(m, k):
        before = u[k - 1]
        by_radius = cos_r * before[m - 1] - mu0 * before[m]
        return k * (by_radius * sweep + (cos_r * before[m] - mu0 * before[m + 1]) * dmu0)

    rims = tuple(rim(0, k) * sweep + rim(1, k) * dmu0 for k in range(2, n_light + 1))
    slopes = tuple(tuple(turning(m, k) for m in (1, 2, 3)) for k in range(2, n + 1))
    return _cap_rims(mu0, half_sine, phi, n_light, n), (rims, slopes)


def _cap_velocities(star: Star, sin_lat: Array, x: Array, mu0: Array, half_sine: Array, turning: tuple):
    """(k+1) V_k of caps, k = 1 .. n, from u_(1..3,k+1)."""
    vers = 2 * half_sine * half_sine
    sin_sq, low = vers * (2 - vers), (1 - vers) * sin_lat
    b = jnp.cos(star.inc) - mu0 * sin_lat
    across = jnp.sin(star.inc) * x
    slowed = -star.shear * x
    first = x + slowed * (low * low + 0.25 * sin_sq * (1 - sin_lat) * (1 + sin_lat))
    second, third = 2 * slowed * low * b, 0.25 * slowed * (3 * b * b - across * across)
    return tuple(first * one + second * two + third * three for one, two, three in turning)


# As in `coverage`; more sums are carried from step to step here, so that fewer steps are better.
_MOST_SPOTS_PER_STEP = 50


def sum_of_velocity_moments(
    star: Star,
    lat: Float[Array, " n_spots"],
    x: Float[Array, "n_spots n_times"],
    mu0: Float[Array, "n_spots n_times"],
    half_sine: Float[Array, "n_spots n_times"],
    n_light: int,
    n: int,
) -> tuple[Float[Array, "n_light n_times"], Float[Array, "n n_times"]]:
    """Sums over caps of M_k, k = 1 .. n_light, and of V_k, k = 1 .. n < n_light.

    Args:
        star: Its shear and inclination are used.
        lat: Latitudes of the caps' centres. [rad]
        x: Centres across the projected spin axis, as from `sky_positions`. [1]
        mu0: Cosines between centres and line of sight. [1]
        half_sine: sin(r/2) of the radii. [1]
        n_light: Number of moments of light.
        n: Number of moments of velocity.

    Gradients: closed form, finite everywhere (limb, tangency, disc centre, zero radius).
    """
    n_spots, n_times = mu0.shape
    n_steps = max(-(-n_spots // _MOST_SPOTS_PER_STEP), 2)  # as in `coverage`
    block = max(-(-n_spots // n_steps), 1)
    x, mu0, half_sine, sin_lat = (
        jnp.pad(q, ((0, -n_spots % block), (0, 0))).reshape(-1, block, q.shape[1])
        for q in (x, mu0, half_sine, jnp.sin(lat)[:, None])
    )
    zero = jnp.zeros((block, n_times), mu0.dtype)

    # Two loops: in one, XLA would find the angles anew for each of the sums.
    @jax.checkpoint
    def add_lowest(totals, caps):
        *moments, phi = _cap_lowest(*caps)
        return tuple(t + m for t, m in zip(totals, moments, strict=True)), phi

    @jax.checkpoint
    def add_rims(totals, caps):
        sin_lat, x, mu0, half_sine, phi = caps
        rims, turning = _cap_rims(mu0, half_sine, phi, n_light, n + 1)
        new = rims, _cap_velocities(star, sin_lat, x, mu0, half_sine, turning)
        return jax.tree.map(jnp.add, totals, new), None

    lowest, phi = jax.lax.scan(add_lowest, (zero, zero), (mu0, half_sine))
    sums, _ = jax.lax.scan(
        add_rims, ((zero,) * (n_light - 1), (zero,) * n), (sin_lat, x, mu0, half_sine, phi)
    )
    light, rims, momentum = ([jnp.sum(q, axis=0) for q in part] for part in (lowest, *sums))
    for k in range(2, n_light + 1):
        light.append(((k - 1) * light[k - 2] + rims[k - 2]) / (k + 1))
    return jnp.stack(light[1:]), jnp.stack([v / k for k, v in enumerate(momentum, start=2)])


def _moments_at(
    star: Star, spots: SpotMap, epochs: Epochs, config: SurfaceConfig, n_light: int, n: int
) -> VelocityMoments:
    n_times, valid = epochs.day.shape[0], jnp.ones(epochs.day.shape, bool)
    if not spots.n_spots:
        light, momentum = (jnp.zeros((m, n_times), epochs.fraction.dtype) for m in (n_light, n))
        return VelocityMoments(SurfaceMoments(light, light, valid), momentum, momentum)
    half_sine = half_sines(spot_radii(spots, epochs, config.law))
    position = sky_positions(star, spots.lat, spots.lon, epochs)

    def count(w):
        if config.overlap == "exact":
            return union_of_velocity_moments(star, position, w, n_light, n, config.n_neighbours)
        x, _, mu0 = position
        return *sum_of_velocity_moments(star, spots.lat, x, mu0, w, n_light, n), valid

    spot, moving, fits = count(half_sine)
    if not config.faculae:
        light = SurfaceMoments(spot, jnp.zeros_like(spot), fits)
        return VelocityMoments(light, moving, jnp.zeros_like(moving))
    both, both_moving, both_fit = count(facula_half_sine(half_sine, star.facula_ratio))
    light = SurfaceMoments(spot, both - spot, fits & both_fit)
    return VelocityMoments(light, moving, both_moving - moving)


def velocity_moments(
    star: Star, spots: SpotMap, epochs: Epochs, config: SurfaceConfig, n: int, n_light: int
) -> VelocityMoments:
    """Moments of light and of rotation of the spots and faculae of one star, at every epoch.

    Args:
        star: One star.
        spots: Its spots.
        epochs: Times.
        config: How the surface is computed.
        n: Moments of velocity, the degree of I(mu) mu.
        n_light: Moments of light, more than n; convection needs its degree in mu on top.

    Raises:
        ValueError: too few moments of light (when tracing).
    Gradients: closed form, finite everywhere; with overlap = "exact" first order only.
    Accuracy: exact up to rounding, shear inside a cap included; see tests/surface.
    """
    if n_light <= n:
        raise ValueError(f"n_light = {n_light} must be more than n = {n}")
    return over_epochs(
        lambda part: _moments_at(star, spots, part, config, n_light, n), epochs, config.times_per_step
    )
