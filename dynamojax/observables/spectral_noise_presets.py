"""Curves of signal to noise: of one's own, and those of surveys."""

import numpy as np

from dynamojax.constants import DAY_S
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.observables.spectral_noise import BadPixels, Ripple, SignalToNoise, SpectralNoise


def signal_to_noise(
    spectrograph: Spectrograph,
    snr,
    mag: float | int,
    exposure: float | int,
    *,
    wavelength=None,
    per_element: bool = False,
    background: float | int = 0.0,
) -> SignalToNoise:
    """A curve of signal to noise brought to the pixels of a spectrograph.

    Args:
        spectrograph: Whose pixels.
        snr: A number, or one for each of `wavelength`. [1]
        mag: For which it holds. [mag]
        exposure: For which it holds. [day]
        wavelength: Of the curve, rising, in vacuum, covering all pixels. [A]
        per_element: Whether the curve is per resolution element, wavelength / R, rather than per pixel.
        background: Share of the background in the variance, 0 to 1. [1]

    Raises:
        ValueError: a curve that does not cover the pixels, or a number out of its range.
    """
    at = spectrograph.wavelength
    if wavelength is None:
        values = np.full(at.shape, float(snr))
    else:
        known = np.asarray(wavelength, dtype=np.float64)
        if np.any(np.diff(known) <= 0) or at.min() < known[0] or at.max() > known[-1]:
            raise ValueError(
                f"wavelength from {known[0]:g} to {known[-1]:g} A must rise and cover the pixels of "
                f"{spectrograph.name}, {at.min():.1f} to {at.max():.1f} A"
            )
        values = np.interp(at, known, np.asarray(snr, dtype=np.float64))
    if not (np.all(values > 0) and exposure > 0 and 0 <= background <= 1):
        raise ValueError(
            f"snr down to {values.min():g}, exposure = {exposure}, background = {background}: "
            "snr and exposure above 0, background from 0 to 1"
        )
    if per_element:
        values = values / np.sqrt(at / spectrograph.resolution / spectrograph.width)
    return SignalToNoise(values, mag, exposure, background)


# Median of F and G stars among 14 public spectra of the pilot survey (plan B6212), flux times the root of
# the inverse variance, brought to the mean flux of the spectrum, to r = 14 and to an hour; scatter 15 %.
_LAMOST_WAVELENGTH = (
    *(3650, 3700, 3900, 4100, 4300, 4750, 5200, 5600, 5850, 6200),
    *(6600, 7000, 7400, 7800, 8300, 8800, 9050, 9150),
)
_LAMOST_SNR = (9, 9, 18, 29, 39, 60, 67, 62, 68, 95, 119, 136, 146, 148, 142, 120, 103, 103)
# One pixel in 200 is hit and nine of ten are noticed: round numbers, for want of a measurement.
_HIT = {"rate": 0.005, "amplitude": 10.0, "caught": 0.9}


def lamost_noise(spectrograph: Spectrograph) -> SpectralNoise:
    """LAMOST at low resolution; `mag` is SDSS r. The continuum is uncertain by a tenth.

    Source: public spectra of the pilot survey; for the continuum Xiang et al. (2015), MNRAS 448, 90.
    """
    white = signal_to_noise(spectrograph, _LAMOST_SNR, 14.0, 1 / 24, wavelength=_LAMOST_WAVELENGTH)
    return SpectralNoise(white, BadPixels(**_HIT), Ripple(0.1))


def apogee_noise(spectrograph: Spectrograph) -> SpectralNoise:
    """APOGEE: 100 per half a resolution element in three visits of 4000 s at H = 12.2; `mag` is H.

    Source: Majewski et al. (2017), AJ 154, 94. The ripple, 1 %, is an assumption.
    """
    exposure = 3 * 4000.0 / DAY_S
    white = signal_to_noise(spectrograph, 100.0 * np.sqrt(2.0), 12.2, exposure, per_element=True)
    return SpectralNoise(white, BadPixels(**_HIT), Ripple(0.01))


def galah_noise(spectrograph: Spectrograph) -> SpectralNoise:
    """GALAH: 100 per resolution element in an hour at V = 14; `mag` is V.

    Source: De Silva et al. (2015), MNRAS 449, 2604. The ripple, 1 %, is an assumption.
    """
    white = signal_to_noise(spectrograph, 100.0, 14.0, 1 / 24, per_element=True)
    return SpectralNoise(white, BadPixels(**_HIT), Ripple(0.01))
