"""Light of the immaculate photosphere that planets hide."""

import jax.numpy as jnp
from jaxoplanet.core.limb_dark import deficit_vector
from jaxtyping import Array, Float

from dynamojax.numerics import safe_sqrt, weighted_sum


def greens_coefficients(a: Float[Array, "n_bands K"]) -> Float[Array, "n_bands K"]:
    """Coefficients in the basis in which the occultation integrals are evaluated.

    Args:
        a: I(mu) mu = sum_k a_k mu^k, k = 1..K. [erg/s/cm2/A/sr]
    Returns:
        Coefficients g_0..g_(K-1). [erg/s/cm2/A/sr]
    Source: Agol, Luger & Foreman-Mackey (2020, AJ 159, 123).
    """
    n_terms = a.shape[-1]
    zero = jnp.zeros_like(a[..., 0])
    g = [zero] * (n_terms + 2)
    for n in range(n_terms - 1, 1, -1):
        g[n] = a[..., n] / (n + 2) + g[n + 2]
    if n_terms > 1:
        g[1] = a[..., 1] + 3 * g[3]
    g[0] = a[..., 0] + 2 * g[2]
    return jnp.stack(g[:n_terms], axis=-1)


def transit_loss(
    x: Float[Array, "n_planets n_times"],
    y: Float[Array, "n_planets n_times"],
    z: Float[Array, "n_planets n_times"],
    radius_ratio: Float[Array, " n_planets"],
    a: Float[Array, "n_bands K"],
    *,
    order: int = 40,
) -> Float[Array, "n_bands n_times"]:
    """Light of a limb-darkened star without spots that its planets hide.

    All bands share one geometry. Planets add up: where two of them overlap on the disc, the
    common part is counted twice. A planet behind the star hides nothing.

    Args:
        x: Position across, as from `planet_positions`. [stellar radius]
        y: Position along the projected spin axis. [stellar radius]
        z: Position towards the observer; z <= 0 is behind. [stellar radius]
        radius_ratio: Planet over stellar radius; 0 is no planet, above 1 a total eclipse. [1]
        a: I(mu) mu = sum_k a_k mu^k, k = 1..K, any K. [erg/s/cm2/A/sr]
        order: Nodes of the quadrature for the odd powers.
    Returns:
        Integral of I(mu) over the hidden part of the disc, in its radius squared; the whole disc
        is sum_k 2 pi a_k / (k + 1). [erg/s/cm2/A]
    Gradients: finite everywhere; zero for an empty place, behind the star, at a central
        transit, and in total eclipse. At an inner contact the derivative is that of one side.
    Source: Agol, Luger & Foreman-Mackey (2020, AJ 159, 123), as computed by jaxoplanet.
    """
    radius = radius_ratio[:, None]
    behind = z <= 0
    separation = jnp.where(behind, 2 + radius, safe_sqrt(x * x + y * y))
    deficit = deficit_vector(a.shape[-1] - 1, order=order)(separation, radius)
    return -weighted_sum(greens_coefficients(a), jnp.sum(deficit, axis=0).T)
