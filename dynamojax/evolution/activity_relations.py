"""From rotation to activity: chromosphere, light-curve amplitude, spot area, emergence rate and cycle.

Each function returns a value and whether the star lies in the range of the relation, NaN outside; the scatter
of single stars is a constant beside it. Every Rossby number here is that of the turnover time it names.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynamojax.evolution.turnover import Ranged, curve, ranged

# Medians of 39,912 dwarfs (log g > 4.2, 3300-6200 K) with period and S_ph in Santos et al. (2019, ApJS 244,
# 21; 2021, ApJS 255, 17) by log10 Rossby number, turnover times of Cranmer & Saar (2011).
# `python -m grids.measure_activity` prints them.
_LOG_ROSSBY = (-1.5, -1.2, -0.9, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.5)
_LOG_SPH = (3.984, 3.958, 3.865, 3.619, 3.380, 3.353, 3.114, 2.733, 2.415, 2.401)
SPH_SCATTER_DEX = 0.37
# Mean of a cycle, as commonly quoted from Mathur et al. (2014), A&A 562, A124; 172 +- 13 in 27 years of
# VIRGO's green and red light, as `python -m grids.measure_activity` prints.
SPH_SUN_PPM = 166.0

RHK_SCATTER_DEX = 0.1  # of single observations about their mean, Mamajek & Hillenbrand (2008), section 2
CYCLE_SCATTER_DEX = 0.2  # our reading of the spread of either branch


def log_rhk(rossby: Float[Array, ""]) -> Ranged:
    """Chromospheric emission log10 R'_HK of a star past saturation. [dex].

    Args:
        rossby: 0.156 to 2.23, with `turnover_noyes`; the Sun has 2.1. [1]

    Source: Mamajek & Hillenbrand (2008), ApJ 687, 1264, equation 5; the same numbers in arvi 0.6.7.
    """
    return ranged(-4.52 - (rossby - 0.808) / 2.966, (rossby >= 0.156) & (rossby <= 2.23))


def age_from_rhk(log_rhk: Float[Array, ""]) -> Ranged:
    """Age of a solar-type dwarf from its chromosphere; scatter 0.2 dex. [Gyr].

    Args:
        log_rhk: -5.1 to -4.0. [dex]

    Source: Mamajek & Hillenbrand (2008), ApJ 687, 1264, equation 3; the same numbers in BAFFLES
        (adamstanfordmoore/BAFFLES). The Sun, at -4.91, becomes 4.95 Gyr.
    """
    log_year = -38.053 - 17.912 * log_rhk - 1.6675 * log_rhk**2
    return ranged(10 ** (log_year - 9.0), (log_rhk >= -5.1) & (log_rhk <= -4.0))


def log_rx(rossby: Float[Array, ""]) -> Ranged:
    """Coronal emission log10 L_X / L_bol. [dex].

    Args:
        rossby: 0.001 to 3, with `turnover_wright_2011`. [1]

    Source: Wright et al. (2011), ApJ 743, 48: slope -2.70 +- 0.13 of their unbiased stars (abstract), with
        the saturation, -3.13 below 0.16, that Wright et al. (2018), MNRAS 479, 2351, quote for that slope
        (section 3.1, by way of McAstro in wind-ae).
    """
    inside = (rossby >= 1e-3) & (rossby <= 3.0)
    ratio = jnp.maximum(jnp.where(inside, rossby, 1.0) / 0.16, 1.0)
    return ranged(-3.13 - 2.70 * jnp.log10(ratio), inside)


def sph_ppm(rossby: Float[Array, ""]) -> Ranged:
    """Photometric activity S_ph: standard deviation of Kepler light over stretches of five periods. [ppm].

    Args:
        rossby: 0.032 to 3.16, with `turnover_cranmer`; the Sun has 1.97. [1]

    Source: our fit to Santos et al. (2019, 2021); scatter SPH_SCATTER_DEX. Only stars with a detected period
        are in it, so quiet stars are missing: at the Sun's Rossby number it is 2.2 times the Sun's mean.
    """
    positive = rossby > 0
    log_ro = jnp.log10(jnp.where(positive, rossby, 1.0))
    log_value, inside = curve(_LOG_ROSSBY, _LOG_SPH, log_ro)
    return ranged(10 ** jnp.where(inside, log_value, 0.0), inside & positive)


def spot_contrast(teff: Float[Array, ""]) -> Ranged:
    """Photosphere minus spot temperature. [K].

    Args:
        teff: 3300 to 6300. [K]

    Source: superflare studies (Maehara et al. 2017, PASJ 69, 41) after Berdyugina (2005), Living Rev. Solar
        Phys. 2, 8; the same numbers in yama662607/kyoto-flare-detection.
    """
    return ranged(3.58e-5 * teff**2 + 0.249 * teff - 808.0, (teff >= 3300.0) & (teff <= 6300.0))


def spot_area(sph: Float[Array, ""], teff: Float[Array, ""]) -> Ranged:
    """Area of the spots that modulate the light, over that of the hemisphere. [1].

    The amplitude, 2 sqrt(2) S_ph for a sine, is what dark area takes out of the disc: a lower limit, since
    spots spread evenly in longitude do not modulate.

    Args:
        sph: Photometric activity. [ppm]
        teff: 3300 to 6300. [K]

    Source: Shibata et al. (2013), PASJ 65, 49, equation 2.
    """
    contrast, inside = spot_contrast(teff)
    dark = 1.0 - (1.0 - jnp.where(inside, contrast, 1000.0) / teff) ** 4
    return ranged(2.0 * jnp.sqrt(2.0) * 1e-6 * sph / dark, inside & (sph >= 0))


def emergence_level(sph: Float[Array, ""], power: float = 1.0) -> Float[Array, ""]:
    """Rate of spot emergence relative to the Sun's, for `Activity.level`. [1].

    Args:
        sph: Photometric activity. [ppm]
        power: 1 where spots crowd into the same places, so that amplitude grows with their number; 2 where
            they are placed independently, so that it grows with its square root.
    """
    return (sph / SPH_SUN_PPM) ** power


def cycle_noyes(rossby: Float[Array, ""]) -> Ranged:
    """Length of the activity cycle, that of the Sun at its Rossby number. [day].

    Args:
        rossby: 0.3 to 3, with `turnover_noyes`. [1]

    Source: Noyes, Weiss & Vaughan (1984), ApJ 287, 769: the power 1.28 +- 0.48, as commonly quoted; not
        checked against the paper, nor found in a public text.
    """
    inside = (rossby >= 0.3) & (rossby <= 3.0)
    return ranged(11.0 * 365.25 * (jnp.where(inside, rossby, 1.0) / 2.1) ** 1.28, inside)


def cycle_branches(prot: Float[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Lengths of the cycle on the active and the inactive branch: 300 and 90 rotations. [day].

    The Sun, at 158 rotations, lies between.

    Args:
        prot: 5 to 50. [day]

    Source: Boehm-Vitense (2007), ApJ 657, 486, as commonly quoted, not checked against the paper; the review
        of Guedel (2007), Living Rev. Solar Phys. 4, 3, has 200 to 600 rotations for active stars and about
        100 for inactive ones. Scatter CYCLE_SCATTER_DEX.
    """
    inside = (prot >= 5.0) & (prot <= 50.0)
    return ranged(300.0 * prot, inside)[0], ranged(90.0 * prot, inside)[0]
