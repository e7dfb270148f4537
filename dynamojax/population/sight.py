"""Where a star is: its brightness, its distance and the dust before it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from dynamojax.evolution.turnover import Ranged, curve
from dynamojax.numerics import stream
from dynamojax.population.distributions import AbstractDistribution, Fixed, Histogram, Uniform
from dynamojax.system import leaf

# Bolometric (4.74 for the Sun) minus Kepler's AB magnitude of dwarfs of solar composition, log g 4.44 above
# 5000 K, 4.6 above 4000 K, 4.9 below: from the embedded band grid.
_TEFF = (
    *(2600.0, 2800.0, 3000.0, 3200.0, 3400.0, 3600.0, 3800.0, 4000.0, 4300.0),
    *(4600.0, 5000.0, 5400.0, 5772.0, 6200.0, 6600.0, 7000.0, 7500.0, 8000.0),
)
_CORRECTION = (
    *(-2.300, -1.857, -1.468, -1.168, -0.937, -0.745, -0.585, -0.461, -0.325),
    *(-0.192, -0.076, -0.019, 0.005, -0.003, 0.001, -0.013, -0.040, -0.087),
)
_KEPLER_OVER_V = 0.86  # extinction in Kepler's band over that in V, for a G star; from memory
_PC_KPC = 1e-3

# Kepler magnitudes of the same stars and weights as in `masses`.
_MAG_EDGES = tuple(np.arange(8.0, 17.6, 0.5))
_MAG_SHARES = (
    *(0.0003, 0.0006, 0.0011, 0.0017, 0.0035, 0.0070, 0.0128, 0.0200, 0.0331, 0.0607),
    *(0.0939, 0.1325, 0.1219, 0.1506, 0.1763, 0.1634, 0.0096, 0.0084, 0.0023),
)


def kepler_magnitude(luminosity: Float[Array, ""], teff: Float[Array, ""]) -> Ranged:
    """Absolute AB magnitude in Kepler's band. [mag]

    Args:
        luminosity: [L_sun]
        teff: 2600 to 8000. [K]

    Source: fluxes of the embedded band grid; a tenth of a magnitude for other gravities and compositions.
    """
    correction, inside = curve(_TEFF, _CORRECTION, teff)
    return 4.74 - 2.5 * jnp.log10(luminosity) - correction, inside


def kepler_magnitudes() -> Histogram:
    """Kepler magnitudes of its targets on the main sequence and beside it. [mag]

    Source: ours, from Santos et al. (2019, 2021), weighted as `masses.kepler_masses`.
    """
    return Histogram(_MAG_EDGES, _MAG_SHARES)


class Dust(eqx.Module):
    """A plane layer of dust that thins out exponentially with height.

    Attributes:
        density: Extinction in V for a path in the plane. [mag/kpc]
        height: Scale height. [pc]

    Source: the model of the Kepler Input Catalog, Brown et al. (2011), AJ 142, 112: 1 mag/kpc and 150 pc, as
        commonly quoted; not checked against the paper.
    """

    density: Float[Array, ""] = leaf()
    height: Float[Array, ""] = leaf()

    def av(self, distance: Float[Array, ""], latitude: Float[Array, ""]) -> Float[Array, ""]:
        """Extinction in V. [mag]

        Args:
            distance: [pc]
            latitude: Galactic, above or below the plane. [rad]
        """
        rise = jnp.abs(jnp.sin(latitude)) * distance / self.height
        small = rise < 1e-4
        rest = jnp.where(small, 1.0, rise)
        share = jnp.where(small, 1.0 - 0.5 * rise, -jnp.expm1(-rest) / rest)
        return self.density * _PC_KPC * distance * share


def kepler_dust() -> Dust:
    """The dust of the Kepler Input Catalog."""
    return Dust(1.0, 150.0)


class Place(eqx.Module):
    """Where a star was put.

    Attributes:
        magnitude: Apparent, in Kepler's band, of the immaculate star. [mag]
        distance: [pc]
        av: Extinction in V. [mag]
        rv: Systemic velocity. [km/s]
    """

    magnitude: Float[Array, ""]
    distance: Float[Array, ""]
    av: Float[Array, ""]
    rv: Float[Array, ""]


class Sight(eqx.Module):
    """A survey by apparent brightness: the distance is what makes a star that bright, dust included.

    Attributes:
        magnitude: Apparent magnitude in Kepler's band. [mag]
        latitude: Galactic latitude. [rad]
        dust: Between the star and the observer.
        rv: Systemic velocity; a disc population has a dispersion of about 35 km/s. [km/s]
    """

    magnitude: AbstractDistribution
    latitude: AbstractDistribution
    dust: Dust
    rv: AbstractDistribution

    def __call__(self, absolute: Float[Array, ""], *, key: Key[Array, ""]) -> Place:
        """A place for a star of an absolute magnitude in Kepler's band [mag]."""
        magnitude = self.magnitude.sample(key=stream(key, "magnitude"))
        latitude = self.latitude.sample(key=stream(key, "latitude"))
        distance = distance_of(magnitude - absolute, latitude, self.dust)
        rv = self.rv.sample(key=stream(key, "rv"))
        return Place(magnitude, distance, self.dust.av(distance, latitude), rv)


def distance_of(modulus: Float[Array, ""], latitude: Float[Array, ""], dust: Dust) -> Float[Array, ""]:
    """Distance at which dilution and dust together make a difference of magnitude. [pc]

    Args:
        modulus: Apparent minus absolute magnitude in Kepler's band. [mag]
        latitude: Galactic. [rad]
        dust: The layer.
    Accuracy: 1e-6 in float32, by Newton's method from the distance without dust.
    """

    def dimming(ln_distance):
        distance = jnp.exp(ln_distance)
        return 5.0 * (ln_distance / np.log(10.0) - 1.0) + _KEPLER_OVER_V * dust.av(distance, latitude)

    x = np.log(10.0) * (1.0 + modulus / 5.0)
    for _ in range(7):
        value, slope = jax.jvp(dimming, (x,), (jnp.ones_like(x),))
        x = x - (value - modulus) / slope
    return jnp.exp(x)


def kepler_sight() -> Sight:
    """Kepler's field, 5.5 to 21.5 deg above the plane."""
    low, high = np.deg2rad([5.5, 21.5])
    return Sight(kepler_magnitudes(), Uniform(low, high), kepler_dust(), Fixed(0.0))
