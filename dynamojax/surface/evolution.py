"""How spots grow and fade, and how wide their faculae are.

Every law is a function of u = (t - t_max) / tau, with tau = tau_emerge before the maximum and
tau_decay after it; it multiplies the angular radius.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynamojax.numerics import safe_sqrt
from dynamojax.system import Epochs, SpotMap

# constant, linear, quadratic: starsim (Herrero et al. 2016, A&A 586, A131, sect. 2.2), here with times of
# growth and decay of their own. gaussian: Kamai, Perets & Bronstein (2026), after van Ballegooijen's law.
_LAWS = {
    "constant": lambda u: jnp.where(jnp.abs(u) <= 1, 1.0, 0.0).astype(u.dtype),
    "linear": lambda u: jnp.maximum(1 - jnp.abs(u), 0),
    "quadratic": lambda u: jnp.maximum(1 - u * u, 0),
    "gaussian": lambda u: jnp.exp(-u * u),
}
LAWS: tuple[str, ...] = tuple(_LAWS)


def spot_radii(spots: SpotMap, epochs: Epochs, law: str) -> Float[Array, "n_spots n_times"]:
    """Angular radius of each spot at each epoch, in rad.

    Gradients: exact; zero with respect to times under the constant law, which steps.
    """
    since = (epochs.day - spots.t_max[:, None]) + epochs.fraction
    rate = jnp.where(since < 0, (1 / spots.tau_emerge)[:, None], (1 / spots.tau_decay)[:, None])
    return spots.radius[:, None] * _LAWS[law](since * rate)


def facula_half_sine(half_sine: Float[Array, "..."], facula_ratio: Float[Array, ""]) -> Float[Array, "..."]:
    """sin(R/2) of the rim of the facula around a spot, given sin(r/2) of the spot.

    The facula is a ring about the spot whose area is facula_ratio times the spot's; the area of a cap
    being 4 pi sin^2(r/2), the rim obeys sin^2(R/2) = (1 + facula_ratio) sin^2(r/2). A rim beyond a
    hemisphere, sin^2(R/2) > 1/2, gives NaN.
    """
    area = (1 + facula_ratio) * half_sine**2
    return jnp.where(area <= 0.5, safe_sqrt(area), jnp.nan)
