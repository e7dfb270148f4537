"""Ages: of the stars in Kepler's field, and which of them a survey by brightness sees."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from dynamojax.population.distributions import Histogram

_OLDEST = 10.0  # [Gyr]
_SETTLED, _YOUNGEST = 3.0, 0.25  # age from which none are missing [Gyr], share of the newborn still there


def kepler_ages() -> Histogram:
    """Ages of dwarfs in Kepler's field, 0.1 to 10 Gyr: few young ones, fewer again beyond 4 Gyr. [Gyr]

    Source: gyrochronology of 23,813 of its stars, Bouma et al. (2024), ApJ 976, 234: those younger than 1
        Gyr are half of what steady star formation would leave (abstract), the youngest 3 to 5 times rarer
        than those of 3 Gyr (as remembered; not checked against the paper). Their periods are those of
        Santos et al. (2019, 2021), so that this is no independent check of periods. Beyond 4 Gyr a normal
        law of 3 Gyr, chosen with the periods of stars of even KIC number.
    """
    edges = np.linspace(0.1, _OLDEST, 34)
    age = 0.5 * (edges[:-1] + edges[1:])
    young = np.minimum(_YOUNGEST + (1 - _YOUNGEST) * age / _SETTLED, 1.0)
    return Histogram(edges, young * np.exp(-0.5 * (np.maximum(age - 4.0, 0.0) / 3.0) ** 2))


def one_by_light(
    light: Float[Array, " n"], power: Float[Array, ""], *, key: Key[Array, ""]
) -> Int[Array, ""]:
    """Number of one of n stars, each as likely as a power of its luminosity, those without (NaN) never.

    Args:
        light: Luminosities; if all are NaN, any number. [L_sun]
        power: 0 for a sample by volume; see `Prior.light_power`.
        key: Randomness.
    """
    known = jnp.isfinite(light)
    weight = power * jnp.log(jnp.where(known, light, 1.0))
    chance = jnp.where(known, weight, -jnp.inf)
    return jax.random.categorical(key, jnp.where(jnp.any(known), chance, 0.0))
