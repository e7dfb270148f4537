"""A spectrum as files hold it, observed or simulated, always in vacuum and with an inverse variance."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy.io import fits

from dynamojax.constants import C_KM_S
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.instruments.spectrograph_table import from_pixels

ABSOLUTE = "erg s-1 cm-2 Angstrom-1"
RELATIVE = "adu"  # any unit that is the same at all wavelengths
# Whose motion the wavelengths are free of: lines lie at rv (barycentre), at its sum with the Earth's motion
# (observatory), or at 0 (star).
FRAMES = ("barycentre", "observatory", "star")


@dataclass(frozen=True, eq=False)
class ObservedSpectrum:
    """One spectrum on the host.

    Attributes:
        name: Of the star.
        instrument: Of the spectrograph.
        wavelength: Rising, in vacuum. [A]
        flux: 0 where it was not a number. [flux_unit]
        ivar: Inverse variance, 0 where not good. [1 / flux_unit^2]
        good: Where the pixel is to be used.
        rv: Velocity of the star as stated with the spectrum, positive recedes; NaN if unknown. It is
            relative to the barycentre, in the frame "observatory" to the observatory. [km/s]
        frame: Of the wavelengths: barycentre, observatory or star.
        flux_unit: ABSOLUTE or RELATIVE.
        medium: In which a file gives the wavelengths, vacuum or air.
        meta: What else was stated.
    """

    name: str
    instrument: str
    wavelength: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray
    good: np.ndarray
    rv: float = float("nan")
    frame: str = "barycentre"
    flux_unit: str = ABSOLUTE
    medium: str = "vacuum"
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        shapes = {np.shape(x) for x in (self.wavelength, self.flux, self.ivar, self.good)}
        if len(shapes) > 1 or self.wavelength.ndim != 1 or not self.wavelength.size:
            raise ValueError(
                f"{self.name}: wavelength, flux, ivar and good have shapes {shapes}; one is needed"
            )
        if not np.all(np.diff(self.wavelength) > 0):
            raise ValueError(
                f"{self.name}: wavelengths must rise; sort the pixels, or drop those that overlap"
            )
        if self.frame not in FRAMES:
            raise ValueError(f"{self.name}: frame = {self.frame!r}, allowed: {', '.join(FRAMES)}")

    @property
    def flux_err(self) -> np.ndarray:
        """Standard deviation, NaN where not good. [flux_unit]"""
        return np.where(self.ivar > 0, 1.0, np.nan) / np.sqrt(np.where(self.ivar > 0, self.ivar, 1.0))

    @property
    def wavelength_of_star(self) -> np.ndarray:
        """Vacuum wavelengths in the frame of the star, by its stated velocity. [A]"""
        if self.frame == "star":
            return self.wavelength
        if not np.isfinite(self.rv):
            raise ValueError(f"{self.name}: rv = {self.rv}; measure it, or give it with dataclasses.replace")
        return self.wavelength * np.exp(-np.arctanh(self.rv / C_KM_S))

    def spectrograph(self, resolution, times=None, **settings) -> Spectrograph:
        """An instrument with the pixels of this spectrum, as `spectrograph_table.from_pixels`."""
        return from_pixels(self.instrument, self.wavelength, resolution, times, **settings)


def velocity_of_redshift(z: float) -> float:
    """Radial velocity of 1 + z = wavelength seen over wavelength emitted [km/s]."""
    return float(C_KM_S * np.tanh(np.log1p(z)))


def redshift_of_velocity(velocity: float) -> float:
    """The inverse of `velocity_of_redshift`; velocity in [km/s]."""
    return float(np.expm1(np.arctanh(velocity / C_KM_S)))


def barycentric_from_topocentric(velocity: float, towards: float) -> float:
    """Radial velocity free of an observatory's own, `towards` the star [km/s].

    Source: Wright & Eastman (2014), PASP 126, 838, eq. 2: redshifts multiply.
    """
    factor = (1 + redshift_of_velocity(velocity)) * (1 + towards / C_KM_S)
    return velocity_of_redshift(factor - 1)


def observed(name, instrument, wavelength, flux, ivar, flagged, **more) -> ObservedSpectrum:
    """A spectrum from the columns of a file: what is no number or has no weight is not good.

    Raises:
        ValueError: no pixel is good.
    """
    wavelength, flux, ivar = (np.asarray(x, dtype=np.float64) for x in (wavelength, flux, ivar))
    good = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0) & ~np.asarray(flagged, dtype=bool)
    if not good.any():
        raise ValueError(f"{name}: no good pixel among {good.size}: all are flagged, NaN or without weight")
    flux = np.where(np.isfinite(flux), flux, 0.0)
    return ObservedSpectrum(name, instrument, wavelength, flux, np.where(good, ivar, 0.0), good, **more)


def simulated(
    name: str, spectrograph: Spectrograph, flux, flux_err, good, *, rv: float = float("nan"), **more
) -> ObservedSpectrum:
    """One epoch of a simulated spectrum: pixels in order of wavelength, those of overlapping orders too.

    Args:
        name: Of the star.
        spectrograph: That made it.
        flux: Of its pixels. [erg/s/cm2/A, or flux_unit]
        flux_err: Standard deviation. [as the flux]
        good: Mask.
        rv: To be stated with the spectrum. [km/s]
        **more: Other attributes of `ObservedSpectrum`.
    """
    order = np.argsort(spectrograph.wavelength, kind="stable")
    error = np.asarray(flux_err, dtype=np.float64)[order]
    has_weight = np.isfinite(error) & (error > 0)
    ivar = np.where(has_weight, 1.0, 0.0) / np.where(has_weight, error, 1.0) ** 2
    columns = (spectrograph.wavelength[order], np.asarray(flux)[order], ivar, ~np.asarray(good)[order])
    more = {"rv": rv, "medium": spectrograph.medium, **more}
    return observed(name, spectrograph.name, *columns, **more)


def plain_header(header: fits.Header) -> dict[str, Any]:
    """Values of a header by keyword, comments and blanks left out."""
    skipped = ("", "COMMENT", "HISTORY")
    return {k: v for k, v in header.items() if k not in skipped and isinstance(v, str | int | float | bool)}
