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
# Extinction in Kepler's band over that in V, for a G star: by `BandExtinction`, with G23, 0.857 at 5772 K and
# A_V = 0.1, 0.851 at 0.4; 0.73 at 3500 K and 0.89 at 7000 K.
_KEPLER_OVER_V = 0.86
_PC_KPC = 1e-3

# Kepler magnitudes of stars with periods in Santos et al. (2019, 2021), within 0.25 mag of each absolute one
# (0.5 at the ends and beyond 6), from teff, log g and mass of the catalogue. [mag]
_MAG_EDGES = (8.0, 10.0, 11.0, 12.0, 12.5, 13.0, 13.5, 14.0, 14.5, 15.0, 15.5, 16.0, 16.5, 17.0, 17.5)
_ABSOLUTE = (2.5, 3.5, 4.5, 5.5, 7.0, 9.0)
_MAG_SHARES = (
    (13, 31, 85, 80, 148, 198, 208, 92, 76, 45, 21, 1, 1, 1),
    (8, 20, 61, 59, 110, 167, 207, 130, 108, 84, 44, 1, 1, 1),
    (3, 9, 29, 30, 55, 86, 140, 152, 193, 183, 115, 2, 1, 1),
    (0, 4, 12, 13, 24, 42, 82, 126, 176, 257, 248, 9, 5, 2),
    (0, 0, 7, 7, 14, 34, 56, 77, 134, 222, 368, 37, 33, 12),
    (0, 2, 1, 2, 7, 10, 22, 63, 90, 215, 382, 90, 103, 14),
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


class MagnitudesByLight(eqx.Module):
    """Apparent magnitudes that depend on the absolute one, as faint stars are seen only at faint magnitudes.

    Attributes:
        absolute: Of the rows; beyond them the first or last holds. [mag]
        edges: Of bins of apparent magnitude. [mag]
        shares: Of the draws in each bin, a row for each absolute magnitude, in any unit.
    """

    absolute: Float[Array, " n"] = leaf()
    edges: Float[Array, " n_edges"] = leaf()
    shares: Float[Array, "n n_bins"] = leaf()

    def at(self, absolute: Float[Array, ""]) -> Histogram:
        """The magnitudes of stars of an absolute magnitude [mag], straight between the rows."""
        rows = self.shares / self.shares.sum(axis=1, keepdims=True)
        here = jax.vmap(lambda column: jnp.interp(absolute, self.absolute, column), 1)(rows)
        return Histogram(self.edges, here)


def kepler_magnitudes() -> MagnitudesByLight:
    """Kepler magnitudes of its targets on the main sequence and beside it. [mag]

    Source: ours, from Santos et al. (2019, 2021). Only stars with periods are known to us, and they are the
        brighter ones of their kind by a little.
    """
    return MagnitudesByLight(_ABSOLUTE, _MAG_EDGES, _MAG_SHARES)


class Dust(eqx.Module):
    """A plane layer of dust that thins out exponentially with height.

    Attributes:
        density: Extinction in V for a path in the plane. [mag/kpc]
        height: Scale height. [pc]

    Source: the model of the Kepler Input Catalog, Brown et al. (2011), AJ 142, 112, an exponential screen
        (Zasowski et al. 2014, arXiv:1409.2273); its 1 mag/kpc and 150 pc are as commonly quoted, not checked
        against the paper.
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
        magnitude: Apparent magnitude in Kepler's band, the same for all stars or by absolute magnitude. [mag]
        latitude: Galactic latitude. [rad]
        dust: Between the star and the observer.
        rv: Systemic velocity; a disc population has a dispersion of about 35 km/s. [km/s]
    """

    magnitude: AbstractDistribution | MagnitudesByLight
    latitude: AbstractDistribution
    dust: Dust
    rv: AbstractDistribution

    def __call__(self, absolute: Float[Array, ""], *, key: Key[Array, ""]) -> Place:
        """A place for a star of an absolute magnitude in Kepler's band [mag]."""
        by_light = isinstance(self.magnitude, MagnitudesByLight)
        magnitudes = self.magnitude.at(absolute) if by_light else self.magnitude
        magnitude = magnitudes.sample(key=stream(key, "magnitude"))
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
