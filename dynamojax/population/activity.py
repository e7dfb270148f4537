"""Spots, faculae and cycle of a star, from its rotation: how much they modulate, how long they live.

The amplitude is drawn first, S_ph from the Rossby number as Kepler saw it; number and lifetime of spots are
drawn beside it, and the area of a spot is what makes that many of them modulate that much.
"""

import abc
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from dynamojax.evolution.activity_relations import cycle_noyes, sph_ppm, spot_contrast
from dynamojax.evolution.turnover import curve
from dynamojax.numerics import stream
from dynamojax.population.distributions import AbstractDistribution, Fixed, LogNormal, LogUniform, Uniform
from dynamojax.surface.activity import Activity, Emergence
from dynamojax.system import leaf

_SPH_ROSSBY = (0.032, 3.16)  # of the relation of S_ph
_SPOT_TEFF = (3300.0, 6300.0)  # of the relation of spot contrast. [K]
_CYCLE_ROSSBY = (0.31, 2.99)
# Medians of log S_ph over the relation with the Rossby number alone, of Santos's stars of even KIC number,
# rounded: K and early G stars vary more than M and F stars of the same Rossby number; the hottest 0.08 more
# than that, so that those whose periods are found vary as Kepler's. [K, dex]
_TERM_TEFF, _TERM = (
    (3200.0, 3600.0, 4200.0, 5000.0, 5500.0, 6000.0, 6400.0, 7200.0),
    (-0.10, -0.10, -0.05, 0.12, 0.10, -0.10, 0.08, 0.08),
)
_KNEE = -0.2  # log10 Rossby number beyond which the undetected are missing from the relation of S_ph
# How far the undetected count, by temperature: few of the K and M stars are missing, most of G and F. [K, 1]
_QUIET_TEFF, _QUIET = (3200.0, 4300.0, 5000.0, 5700.0, 6400.0, 7200.0), (0.15, 0.15, 0.5, 1.0, 1.0, 1.0)
_SUN = np.log10(1.97)
_HC_OVER_KEPLER = 1.438776877e8 / 6400.0  # of Planck's law at 6400 A. [K]
# Of one small black spot of area a on a rotating star, the rms of its light over a / pi: root of the mean
# square over isotropic axes and latitudes of 5 to 50 deg, by quadrature with a limb darkening of 0.55.
_RMS_OF_A_SPOT = 0.385
_AREA_TIME = 0.6267  # integral of exp(-2 u^2) from 0 to infinity: area-weighted life of a spot over its time
_AREA2_TIME = 0.4431  # of exp(-4 u^2): of the square of its area
_LARGEST = 1.0  # [sr]


class Spottedness(NamedTuple):
    """What a star's spots are like.

    Attributes:
        activity: Emergence of spots.
        spot_contrast: Photosphere minus spot temperature. [K]
        facula_contrast: Facula minus photosphere temperature. [K]
        facula_ratio: Facular over spot area. [1]
        sph: Expected S_ph of the light curve, 0 if it is not known beforehand. [ppm]
    """

    activity: Activity
    spot_contrast: Float[Array, ""]
    facula_contrast: Float[Array, ""]
    facula_ratio: Float[Array, ""]
    sph: Float[Array, ""]


class AbstractSpots(eqx.Module):
    """Anything that knows the spots of a star of some temperature, rotation and age."""

    @abc.abstractmethod
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
        """Spots of one star; rossby with the turnover time of Cranmer & Saar."""


def sph_of_all(
    rossby: Float[Array, ""], teff: Float[Array, ""], quiet_dex: Float[Array, ""]
) -> Float[Array, ""]:
    """Median S_ph of all stars, those without a detected period included. [ppm]

    The relation of `activity_relations.sph_ppm`, held at its ends, times a factor of temperature; lowered
    beyond a Rossby number of 0.63, where fewer and fewer stars are detected, until at the Sun's it is lower
    by quiet_dex: 0.33 dex make it the Sun's own mean. K and M stars, most of which are detected, are lowered
    by a seventh of that, those of 5000 K by half.
    """
    known = jnp.clip(rossby, *_SPH_ROSSBY)
    held = jnp.clip(teff, _TERM_TEFF[0], _TERM_TEFF[-1])
    beyond = jnp.maximum(jnp.log10(known) - _KNEE, 0.0) / (_SUN - _KNEE)
    missing = quiet_dex * curve(_QUIET_TEFF, _QUIET, held)[0] * beyond
    return sph_ppm(known)[0] * 10 ** (curve(_TERM_TEFF, _TERM, held)[0] - missing)


def lifetime_giles(sph: Float[Array, ""], teff: Float[Array, ""]) -> Float[Array, ""]:
    """Decay time of the correlation of a light curve from one rotation to the next. [day]

    Args:
        sph: Standard deviation of the light, 1e3 to 1e5; below, the value at 1060 is held. [ppm]
        teff: [K]

    Source: Giles, Collier Cameron & Haywood (2017), MNRAS 472, 1618, equation 8, as commonly quoted: its
        coefficients were not checked against the paper, nor found in a public text.
    """
    lowest = -3.0123 / (2 * 0.5062)  # where the published parabola turns
    log_rms = jnp.maximum(jnp.log10(sph) - 6.0, lowest)
    return 10 ** (10.9252 + 3.0123 * log_rms + 0.5062 * log_rms**2 - 1.3606 * jnp.log10(teff))


def contrast_held(teff: Float[Array, ""]) -> Float[Array, ""]:
    """Contrast of spots by `spot_contrast`, held at its end values below 3300 and above 6300 K. [K]"""
    return spot_contrast(jnp.clip(teff, *_SPOT_TEFF))[0]


def darkness(teff: Float[Array, ""], contrast: Float[Array, ""]) -> Float[Array, ""]:
    """Share of the light of its place that a spot takes, by Planck's law at 6400 A. [1]"""
    own, cool = jnp.expm1(_HC_OVER_KEPLER / teff), jnp.expm1(_HC_OVER_KEPLER / (teff - contrast))
    return 1.0 - own / cool


def spot_area_for(sph, dark, alive, emergence: Emergence) -> Float[Array, ""]:
    """Area of the largest spots, so that on average the light varies by S_ph; 1 sr at most. [sr]

    Independent spots add in variance: S_ph^2 = (k dark A / pi)^2 n <a^2>, with n the number alive by the
    square of their area and a the areas of the sizes over the largest.

    Args:
        sph: [ppm]
        dark: Share of light that a spot takes. [1]
        alive: Mean number of spots at a time, by area. [1]
        emergence: Sizes.
    """
    relative = np.exp(-emergence.size_step * np.arange(emergence.n_sizes))
    mean_square = float(emergence.frequencies @ relative**2)
    number = alive * (_AREA2_TIME / _AREA_TIME) * mean_square
    area = np.pi * 1e-6 * sph / (_RMS_OF_A_SPOT * dark * jnp.sqrt(number))
    return jnp.minimum(area, _LARGEST)


class RossbySpots(AbstractSpots):
    """Amplitude from the Rossby number, lifetime from amplitude and temperature.

    Attributes:
        base: What is not drawn, such as nests and active longitudes; none by default.
        scatter: Factor of one star's S_ph over the median. [1]
        quiet_dex: How much quieter than detected G stars all are at the Sun's Rossby number. [dex]
        alive: Mean number of spots at a time, weighted by area. [1]
        lifetime: Factor on the lifetime in days, of `lifetime_giles`. [1]
        recurrence: Convective turnover times for which spots come back to their places, added to that in
            quadrature. [1]
        growth: Growth over decay time. [1]
        contrast: Factor on the spots' contrast. [1]
        cycle: Factor on the length of the cycle. [1]
        cycle_overlap: Over the length of the cycle, at most 1: how little deep its minima are. [1]
        lat_min: Mean latitude at the end of a cycle. [rad]
        lat_max: Mean latitude at its start. [rad]
        facula_ratio: Facular over spot area. [1]
        facula_contrast: [K]
    """

    base: Activity
    scatter: AbstractDistribution
    quiet_dex: Float[Array, ""] = leaf()
    alive: AbstractDistribution
    lifetime: AbstractDistribution
    recurrence: AbstractDistribution
    growth: AbstractDistribution
    contrast: AbstractDistribution
    cycle: AbstractDistribution
    cycle_overlap: AbstractDistribution
    lat_min: AbstractDistribution
    lat_max: AbstractDistribution
    facula_ratio: AbstractDistribution
    facula_contrast: AbstractDistribution

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
        """See `AbstractSpots`; relations of temperature and Rossby number are held at their ends."""

        def draw(name):
            return getattr(self, name).sample(key=stream(key, name))

        sph = sph_of_all(rossby, teff, self.quiet_dex) * draw("scatter")
        contrast = contrast_held(teff) * draw("contrast")
        decay = jnp.hypot(lifetime_giles(sph, teff) * draw("lifetime"), draw("recurrence") * prot / rossby)
        growth = draw("growth") * decay
        alive = draw("alive")
        overlap = draw("cycle_overlap")
        length = cycle_noyes(jnp.clip(rossby, *_CYCLE_ROSSBY))[0] * draw("cycle")
        rate = alive / (_AREA_TIME * (decay + growth))  # emerging spots, mean of a cycle. [1/day]
        area = spot_area_for(sph, darkness(teff, contrast), alive, emergence)
        start = jnp.asarray(Uniform(-1.0, 0.0).sample(key=stream(key, "phase")))
        activity = replaced(
            self.base,
            level=rate / (emergence.rate_sun * 0.5 * (1.0 + overlap)),
            cycle_length=length,
            cycle_overlap=overlap * length,
            cycle_start=start * length,
            lat_min=draw("lat_min"),
            lat_max=draw("lat_max"),
            area_max=area,
            tau_emerge=growth,
            tau_decay=decay,
            tau_power=0.0,
        )
        return Spottedness(activity, contrast, draw("facula_contrast"), draw("facula_ratio"), sph)


def replaced(base: Activity, **values) -> Activity:
    """An activity with some values replaced, in canonical units."""
    return Activity(**{name: jnp.asarray(values.get(name, x), x.dtype) for name, x in vars(base).items()})


def kepler_spots() -> RossbySpots:
    """Spots whose light varies as that of Kepler's stars.

    Source: S_ph as in `activity_relations.sph_ppm`; scatter less than there, since inclination and the draw
        of spots add theirs. Number of spots, growth time, cycle overlap and latitudes are assumptions within
        what the Sun (latitudes 7 to 28 deg, growth a fifth of decay) and Doppler images of active stars span.
    """
    return RossbySpots(
        base=Activity.from_degrees(),
        scatter=LogNormal(1.0, 0.3),
        quiet_dex=0.33,
        alive=LogUniform(1.0, 5.0),
        lifetime=LogNormal(1.0, 0.2, 0.6, 2.5),
        recurrence=LogNormal(0.9, 0.3),
        growth=Fixed(0.2),
        contrast=Fixed(1.0),
        cycle=LogNormal(1.0, 0.2),
        cycle_overlap=Uniform(0.2, 1.0),
        lat_min=Uniform(np.deg2rad(3.0), np.deg2rad(10.0)),
        lat_max=Uniform(np.deg2rad(20.0), np.deg2rad(60.0)),
        facula_ratio=Fixed(0.0),
        facula_contrast=Fixed(50.0),
    )
