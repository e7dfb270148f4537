"""Spectrographs that exist. Each takes times, or a number of epochs from a start at a cadence [day].

The resolving powers are the published typical ones, constant over an arm; `Arm` takes a table.
"""

import numpy as np

from dynamojax.constants import C_KM_S, DAY_S
from dynamojax.instruments.schedule import regular_times
from dynamojax.instruments.spectrograph import Arm, Spectrograph


def _log_even(name: str, start: int, stop: int, step_dex: float, resolution, origin: float = 0.0) -> Arm:
    """Pixels at log10(wavelength) = origin + k step for k from start to stop - 1."""
    return Arm.from_centres(name, 10 ** (origin + step_dex * np.arange(start, stop)), resolution)


def _even(name: str, low: float, high: float, step: float, resolution, medium: str = "vacuum") -> Arm:
    """Pixels every `step` from low to at most high [A]."""
    n = int(np.floor((high - low) / step + 1e-6)) + 1
    return Arm.from_centres(name, low + step * np.arange(n), resolution, medium=medium)


def _at(name, arms, times, schedule, exposure_s, n_sub, medium="vacuum") -> Spectrograph:
    times = regular_times(name, times, **schedule)
    return Spectrograph(name, tuple(arms), times, exposure_s / DAY_S, n_sub, medium)


def lamost(
    times=None, *, exposure_s: float | int = 1800.0, n_sub: int = 1, resolution=1800.0, **schedule
) -> Spectrograph:
    """LAMOST, low resolution: 3690-9100 A in vacuum, every 1e-4 dex, R = 1800.

    Args:
        times: Of mid-exposure; or, in its place, `epochs`, `start` and `cadence`. [day]
        exposure_s: Length of an exposure. [s]
        n_sub: Sub-exposures.
        resolution: As in `Arm.from_centres`. [1]
        **schedule: epochs = 1, start = 0.0, cadence = 1.0 [day].

    Source: LAMOST DR7, data production description; grid from COEFF0 and COEFF1 of its files, whole
    multiples of 1e-4 in log10.
    """
    arms = [_log_even("lrs", 35671, 39591, 1e-4, resolution)]
    return _at("lamost", arms, times, schedule, exposure_s, n_sub)


def lamost_mrs(
    times=None, *, exposure_s: float | int = 1200.0, n_sub: int = 1, resolution=7500.0, **schedule
) -> Spectrograph:
    """LAMOST, medium resolution: 4950-5350 and 6300-6800 A in vacuum, every 1e-5 dex, R = 7500.

    Source: LAMOST DR7, medium-resolution data production description; Liu et al. (2020),
    arXiv:2005.07210.
    """
    arms = [
        _log_even("blue", 369461, 372836, 1e-5, resolution),
        _log_even("red", 379935, 383251, 1e-5, resolution),
    ]
    return _at("lamost_mrs", arms, times, schedule, exposure_s, n_sub)


APOGEE_ORIGIN, APOGEE_STEP, APOGEE_PIXELS = 4.179, 6e-6, 8575
_APOGEE_CHIPS = {"blue": (246, 3274), "green": (3585, 6080), "red": (6344, 8335)}


def apogee(
    times=None, *, exposure_s: float | int = 4000.0, n_sub: int = 1, resolution=22500.0, **schedule
) -> Spectrograph:
    """APOGEE: 15100-17000 A in vacuum on three chips, on its grid of 6e-6 dex from 4.179, R = 22500.

    An exposure is one visit of eight exposures of 500 s.
    Source: Majewski et al. (2017), AJ 154, 94; CRVAL1 and CDELT1 of apStar files; the pixels lit by each
    chip in data releases 13 to 17.
    """
    arms = [
        _log_even(chip, *pixels, APOGEE_STEP, resolution, APOGEE_ORIGIN)
        for chip, pixels in _APOGEE_CHIPS.items()
    ]
    return _at("apogee", arms, times, schedule, exposure_s, n_sub)


# Range of each arm and step of its pixels [A in air].
_HERMES = {
    "blue": (4713.0, 4903.0, 0.046),
    "green": (5648.0, 5873.0, 0.055),
    "red": (6478.0, 6737.0, 0.064),
    "infrared": (7585.0, 7887.0, 0.074),
}


def galah(
    times=None, *, exposure_s: float | int = 3600.0, n_sub: int = 1, resolution=28000.0, **schedule
) -> Spectrograph:
    """GALAH with HERMES: four arms between 4713 and 7887 A in air, R = 28000.

    Source: De Silva et al. (2015), MNRAS 449, 2604; steps of the pixels from Buder et al. (2018),
    MNRAS 478, 4513.
    """
    arms = [_even(arm, *pixels, resolution, "air") for arm, pixels in _HERMES.items()]
    return _at("galah", arms, times, schedule, exposure_s, n_sub, "air")


def harps(
    times=None, *, exposure_s: float | int = 900.0, n_sub: int = 1, resolution=115000.0, **schedule
) -> Spectrograph:
    """HARPS: 3783-5304 and 5338-6912 A in air, every 0.01 A as in its merged spectra, R = 115000.

    That is 309,000 pixels; take those needed with `within`.
    Source: HARPS User Manual, 3P6-MAN-ESO-90100-0005; Mayor et al. (2003), The Messenger 114, 20.
    """
    chips = {"blue": (3783.0, 5304.0, 0.01), "red": (5338.0, 6912.0, 0.01)}
    arms = [_even(chip, *pixels, resolution, "air") for chip, pixels in chips.items()]
    return _at("harps", arms, times, schedule, exposure_s, n_sub, "air")


def espresso(
    times=None, *, exposure_s: float | int = 900.0, n_sub: int = 1, resolution=140000.0, **schedule
) -> Spectrograph:
    """ESPRESSO, high resolution with one telescope: 3782-7887 A in vacuum, every 0.5 km/s, R = 140000.

    That is 441,000 pixels; take those needed with `within`.
    Source: Pepe et al. (2021), A&A 645, A96.
    """
    step = 0.5 / C_KM_S
    n = int(np.log(7887.0 / 3782.0) / step) + 1
    arms = [Arm.from_centres("hr", 3782.0 * np.exp(step * np.arange(n)), resolution)]
    return _at("espresso", arms, times, schedule, exposure_s, n_sub)


def gaia_rvs(
    times=None, *, exposure_s: float | int = 3 * 4.42, n_sub: int = 1, resolution=11500.0, **schedule
) -> Spectrograph:
    """Gaia's Radial Velocity Spectrometer: 8450-8720 A in vacuum, every 0.1 A, R = 11500.

    A passage crosses three CCDs of 4.42 s. Steps as in the mean spectra of DR3, which cover 8460-8700 A.
    Source: Cropper et al. (2018), A&A 616, A5; Gaia DR3 documentation, section 20.12.1.
    """
    arms = [_even("rvs", 8450.0, 8720.0, 0.1, resolution)]
    return _at("gaia_rvs", arms, times, schedule, exposure_s, n_sub)
