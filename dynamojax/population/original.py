"""The original system's priors as parts of a `Prior`, to compare with; formulas in `evolution.original`."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from dynamojax.evolution import original
from dynamojax.numerics import stream
from dynamojax.population.activity import AbstractSpots, Spottedness, contrast_held, replaced
from dynamojax.population.distributions import AbstractDistribution, LogUniform, Mixture
from dynamojax.population.rotation import DrawnRotation, RelativeShear
from dynamojax.surface.activity import Activity, Emergence
from dynamojax.system import leaf

_LEVEL = 0.19  # of emergence over the root of the original's activity: as many spots as it has


class OriginalDraw(AbstractDistribution):
    """One of the original's draws of n values, for one star.

    Attributes:
        draw: Takes a key and n; static.
    """

    draw: Callable = eqx.field(static=True)

    def sample(self, *, key: Key[Array, ""]) -> Float[Array, ""]:
        """See `AbstractDistribution`."""
        return self.draw(key, 1)[0]


def original_masses() -> OriginalDraw:
    """0.3 to 2, one power steeper than Kroupa's law. [M_sun]"""
    return OriginalDraw(original.original_mass)


def original_feh() -> OriginalDraw:
    """Normal, -0.03 +- 0.17. [dex]"""
    return OriginalDraw(original.original_feh)


def original_ages() -> OriginalDraw:
    """Normal, 2.5 +- 2, 0.05 to 10. [Gyr]"""
    return OriginalDraw(original.original_age)


def original_shear() -> RelativeShear:
    """Uniform, 0 to 1. [1]"""
    return RelativeShear(OriginalDraw(original.original_shear))


def original_rotation() -> DrawnRotation:
    """Log-uniform, 10 to 50 days for 80 % of the stars, 1 to 20 for the rest.

    As `original_prot`, with a share of the draws in place of a share of the sample.
    """
    return DrawnRotation(Mixture(0.8, LogUniform(10.0, 50.0), LogUniform(1.0, 20.0)))


class OriginalSpots(AbstractSpots):
    """Emergence from age alone, cycle, latitudes and lifetimes from distributions.

    Attributes:
        base: What is not drawn: regions of butterpy's size, tau_emerge included.
        facula_contrast: [K]
    """

    base: Activity
    facula_contrast: Float[Array, ""] = leaf()

    @staticmethod
    def build() -> "OriginalSpots":
        """Regions up to 100 deg2, all of one lifetime, that grow in two days, as in butterpy."""
        return OriginalSpots(Activity.from_degrees(area_max_deg2=100.0, tau_emerge=2.0, tau_power=0.0), 50.0)

    def __call__(
        self,
        teff: Float[Array, ""],
        prot: Float[Array, ""],
        rossby: Float[Array, ""],
        age_gyr: Float[Array, ""],
        emergence: Emergence,
        *,
        key: Key[Array, ""],
    ) -> Spottedness:
        """See `AbstractSpots`; the amplitude is not known beforehand."""
        strength = original.original_activity(age_gyr)
        length, overlap = (x[0] for x in original.original_cycle(stream(key, "cycle"), 1))
        low, high = (x[0] for x in original.original_latitudes(strength[None], stream(key, "latitudes")))
        lifetime = original.original_lifetime(stream(key, "lifetime"), 1)[0]
        phase = jax.random.uniform(stream(key, "phase"), dtype=length.dtype)
        lowest = jnp.deg2rad(jnp.asarray(0.1, low.dtype))  # an exponential never reaches the equator
        activity = replaced(
            self.base,
            level=_LEVEL * jnp.sqrt(strength),
            cycle_length=length,
            cycle_overlap=jnp.minimum(overlap, length),
            cycle_start=-phase * length,
            lat_min=jnp.maximum(low, lowest),
            lat_max=high,
            tau_decay=lifetime * prot,
        )
        contrast = contrast_held(teff)
        zero = jnp.zeros_like(contrast)
        return Spottedness(activity, contrast, self.facula_contrast + zero, zero, np.nan * zero)
