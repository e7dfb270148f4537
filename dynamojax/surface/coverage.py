r"""Light hidden by spots in closed form: moments in mu of the visible part of spherical caps.

A band whose intensity obeys I(mu) mu = sum_k a_k mu^k loses sum_k a_k M_k to a black cap, where

    M_k = integral over the visible part of the cap of mu^k dOmega,

so that every further band costs one small product. Let mu0 be the cosine between the cap's centre and
the line of sight, s0^2 = 1 - mu0^2, r its radius; A = mu0 cos r, B = s0 sin r. On its rim, at azimuth
psi about the centre from the direction of the disc's centre, mu = A + B cos psi.

*Recurrence.* On the sphere |grad mu|^2 = 1 - mu^2 and div grad mu = -2 mu, so that the field mu^(k-1)
grad mu has divergence (k-1) mu^(k-2) - (k+1) mu^k. Green's theorem on the visible part of the cap (the
limb contributes nothing, for mu = 0 there) gives

    (k+1) M_k = (k-1) M_(k-2) + D_k,    D_k = mu0 sin^2 r J_(k-1) - cos r G_(k-1),    k >= 2,

with J_n the integral of mu^n over the visible rim (-phi, phi) and G_n that of mu^n B cos psi; they obey

    J_n = A J_(n-1) + G_(n-1),    G_n = n/(n+1) [A G_(n-1) + B^2 J_(n-1)],    J_0 = 2 phi,  G_0 = 2 h,

(integration by parts; the boundary terms vanish because mu or sin psi does). No term cancels against
another where the cap is small, so single precision holds.

*Start.* The circle crosses the limb where q = sin^2 r - mu0^2 > 0. Then h = sqrt(q) = B sin phi and

    phi = angle(h, -A),   alpha = angle(h, cos r),
    tan Psi = (cos r + mu0) / (1 + cos r mu0 + B) tan(phi / 2),

alpha being half the arc of limb inside the cap; otherwise alpha = h = 0, and phi = pi, Psi = pi/2 on the
near side, phi = Psi = 0 on the far side. The visible solid angle (Gauss-Bonnet) and the first moment are

    M_0 = 2 (2 Psi + alpha - phi) + 4 phi sin^2(r/2),    M_1 = alpha + phi mu0 sin^2 r - h cos r.

*Derivatives* are simpler than values, since only the rim moves, and moves where mu^k is what it sweeps:

    dM_k/dr = sin r J_k,    dM_k/dmu0 = G_k / s0^2,

the second regular at s0 = 0 because G_k carries B^2. They are the rule given to JAX.

Relatives: Dorren (1987, ApJ 320, 756) has M_1 and M_2; Eker (1994, ApJ 420, 373) quadratic limb
darkening; Kipping (2012, MNRAS 427, 2487) the small-cap limit with evolution; Luger et al. (2019, AJ
157, 64) Green's theorem for occulted spherical harmonics. The recurrence to any degree with its
cancellation-free form and derivative is this package's.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynamojax.numerics import safe_divide, safe_sqrt, sin_turns, upper_angle


def cap_constants(mu0: Array, half_sine: Array) -> tuple[Array, ...]:
    """A, s0^2, sin^2 r, cos r, sin r, h and phi of the module's docstring."""
    vers = 2 * half_sine * half_sine
    cos_r = 1 - vers
    sin_r = 2 * half_sine * jnp.sqrt(1 - half_sine * half_sine)
    crossing = (sin_r - mu0) * (sin_r + mu0)
    h = safe_sqrt(crossing)
    a = mu0 * cos_r
    near_or_far = jnp.where(mu0 > 0, jnp.pi, 0.0).astype(a.dtype)
    phi = jnp.where(crossing > 0, upper_angle(h, jnp.where(crossing > 0, -a, 1)), near_or_far)
    return a, (1 - mu0) * (1 + mu0), sin_r * sin_r, cos_r, sin_r, h, phi


def lowest_moments(mu0: Array, half_sine: Array, cap: tuple[Array, ...]) -> tuple[Array, Array]:
    """M_0 and M_1."""
    a, s0_sq, sin_sq, cos_r, sin_r, h, phi = cap
    b = jnp.sqrt(s0_sq) * sin_r
    near, crosses = mu0 > 0, h > 0
    alpha = jnp.where(crosses, upper_angle(h, cos_r), 0)
    # tan(phi/2) = h / (B - A) = (B + A) / h: the form whose difference does not cancel.
    rise, run = jnp.where(near, b + a, h), jnp.where(near, h, b - a)
    depth = cos_r + mu0
    psi = jnp.sign(depth) * upper_angle(jnp.abs(depth) * rise, (1 + a + b) * run)
    # 2 Psi + alpha - phi vanishes on a cap that does not cross the limb.
    excess = jnp.where(crosses, 2 * psi + alpha - phi, 0)
    return 2 * excess + 4 * phi * half_sine * half_sine, alpha + phi * mu0 * sin_sq - h * cos_r


# Moments travel as tuples: stacked inside a loop, XLA would compute all of them for each element of each.
def _moments(mu0: Array, half_sine: Array, n: int) -> tuple[Array, ...]:
    """M_1 .. M_n."""
    cap = a, s0_sq, sin_sq, cos_r, _, h, phi = cap_constants(mu0, half_sine)
    moments = list(lowest_moments(mu0, half_sine, cap))
    b_sq, j, g = s0_sq * sin_sq, 2 * phi, 2 * h
    for k in range(2, n + 1):
        j, g = a * j + g, (k - 1) / k * (a * g + b_sq * j)
        moments.append(((k - 1) * moments[k - 2] + mu0 * sin_sq * j - cos_r * g) / (k + 1))
    return tuple(moments[1:])


def _slopes(mu0: Array, half_sine: Array, n: int) -> tuple[list, list]:
    """J_k and G_k / s0^2, k = 1 .. n."""
    a, s0_sq, sin_sq, _, _, h, phi = cap_constants(mu0, half_sine)
    j, g, js, gs = 2 * phi, 2 * safe_divide(h, s0_sq), [], []
    for k in range(1, n + 1):
        j, g = a * j + s0_sq * g, k / (k + 1) * (a * g + sin_sq * j)
        js.append(j)
        gs.append(g)
    return js, gs


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _cap_moments(mu0: Array, half_sine: Array, n: int) -> tuple[Array, ...]:
    return _moments(mu0, half_sine, n)


@_cap_moments.defjvp
def _cap_moments_jvp(n, primals, tangents):
    mu0, half_sine = primals
    dmu0, dhalf_sine = tangents
    js, gs = _slopes(mu0, half_sine, n)
    # dr = 2 dw / cos(r/2) with w = sin(r/2), so that sin r dr = 4 w dw.
    sweep = 4 * half_sine * dhalf_sine
    return _moments(mu0, half_sine, n), tuple(j * sweep + g * dmu0 for j, g in zip(js, gs, strict=True))


def half_sines(radius: Float[Array, "..."]) -> Float[Array, "..."]:
    """sin(r/2) of angular radii up to pi/2, the variable of the kernels; a hemisphere's rounds down."""
    half_sine = sin_turns(radius / (4 * jnp.pi))
    # What rounding adds to a hemisphere would turn its cos r negative.
    hemisphere = (half_sine * half_sine > 0.5) & (radius < 0.5001 * jnp.pi)
    return jnp.where(hemisphere, half_sine * (1 - jnp.finfo(radius.dtype).eps), half_sine)


def cap_moments(mu0: Float[Array, "..."], radius: Float[Array, "..."], n: int) -> Float[Array, "n ..."]:
    """Integrals M_k of mu^k over the visible part of a spherical cap, k = 1 .. n.

    Args:
        mu0: Cosine between the cap's centre and the line of sight; negative on the far side. [1]
        radius: Angular radius, 0 to pi/2. [rad]
        n: Number of moments: the degree of I(mu) in mu, plus 1.

    Returns:
        M_1 .. M_n; M_1 is the projected area, pi for the whole disc. [1]

    Gradients: closed form, finite everywhere (limb, tangency, disc centre, zero radius).
    Source: the derivation in this module's docstring.
    """
    return jnp.stack(_cap_moments(mu0, half_sines(radius), n))


# Spots taken together in one step of the sum: enough work to fill vector units, few enough to stay in cache.
_SPOTS_PER_STEP = 10


def sum_of_moments(
    mu0: Float[Array, "n_spots n_times"], half_sine: Float[Array, "n_spots n_times"], n: int
) -> Float[Array, "n n_times"]:
    """Sum over caps of M_k, k = 1 .. n; where caps overlap, what they share is counted twice."""
    n_spots, n_times = mu0.shape
    # Two spots take two steps: XLA unrolls a loop of one, and finds the caps anew for each of the sums.
    block = min(_SPOTS_PER_STEP, max(-(-n_spots // 2), 1))
    missing = -n_spots % block
    blocks = [jnp.pad(x, ((0, missing), (0, 0))).reshape(-1, block, n_times) for x in (mu0, half_sine)]

    @jax.checkpoint
    def add(totals, caps):
        return tuple(t + m for t, m in zip(totals, _cap_moments(*caps, n), strict=True)), None

    start = (jnp.zeros((block, n_times), mu0.dtype),) * n
    totals, _ = jax.lax.scan(add, start, blocks)
    return jnp.stack([jnp.sum(total, axis=0) for total in totals])
