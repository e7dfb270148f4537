"""Spectra written as FITS: a table that `specutils` opens, and the layouts of LAMOST and APOGEE.

Each is written completely or not at all, and read again by `files.read_spectra`.
"""

import json
from pathlib import Path

import numpy as np
from astropy.io import fits

from dynamojax.files.observed import (
    ABSOLUTE,
    ObservedSpectrum,
    barycentric_from_topocentric,
    redshift_of_velocity,
)
from dynamojax.files.writing import provenance, replacing
from dynamojax.instruments.spectrograph_presets import APOGEE_ORIGIN, APOGEE_PIXELS, APOGEE_STEP
from dynamojax.refraction import air_from_vacuum

SURVEY_UNIT = 1e-17  # [erg/s/cm2/A], of the fluxes of LAMOST and APOGEE
_SURVEY_BUNIT = "10^-17 erg/s/cm^2/Ang"
_NOT_GOOD = 1  # bit of both surveys' masks; APOGEE calls it BADPIX
# What is stated in the header too, if `meta` has it.
_CARDS = {"BJD_MID": "[d] TDB, middle of the exposure", "EXPTIME": "[s] length of the exposure"}
_NO_WEIGHT = 1e10  # error of pixels without light, in units of the largest other error


def write_spectrum(path: str | Path, spectrum: ObservedSpectrum) -> Path:
    """Write a table of wavelength, flux, uncertainty, ivar and mask (True where not good).

    `specutils.Spectrum.read(path)` gives flux, standard deviation and mask with their units. Wavelengths
    are in air if the spectrum's medium is, which the header states. A spectrum without noise, whose `ivar`
    is 0 everywhere, has neither uncertainty nor ivar.
    """
    in_air = spectrum.medium == "air"
    wavelength = air_from_vacuum(spectrum.wavelength) if in_air else spectrum.wavelength
    inverse = "adu-2" if spectrum.flux_unit != ABSOLUTE else "erg-2 s2 cm4 Angstrom2"
    columns = [
        fits.Column("wavelength", "D", "Angstrom", array=wavelength),
        fits.Column("flux", "D", spectrum.flux_unit, array=spectrum.flux),
    ]
    if np.any(spectrum.ivar > 0):
        columns += [
            fits.Column("uncertainty", "D", spectrum.flux_unit, array=spectrum.flux_err),
            fits.Column("ivar", "D", inverse, array=spectrum.ivar),
        ]
    columns.append(fits.Column("mask", "L", array=~spectrum.good))
    primary = fits.PrimaryHDU(header=_header(spectrum))
    primary.header["VACUUM"] = (not in_air, "wavelengths in vacuum, otherwise in air")
    hdus = [primary, fits.BinTableHDU.from_columns(columns, name="SPECTRUM"), _meta_table(spectrum)]
    return _written(path, hdus)


def _meta_table(spectrum: ObservedSpectrum) -> fits.BinTableHDU:
    """In a table, since values in a header are short."""
    keys = [str(key) for key in spectrum.meta]
    values = [json.dumps(value) for value in spectrum.meta.values()]
    columns = [
        fits.Column(name, f"{max((len(x) for x in texts), default=1)}A", array=np.array(texts, dtype=str))
        for name, texts in (("key", keys), ("value", values))
    ]
    return fits.BinTableHDU.from_columns(columns, name="META")


def _header(spectrum: ObservedSpectrum) -> fits.Header:
    header, about = fits.PrimaryHDU().header, provenance()
    header["ORIGIN"] = ("dynamojax", "package that wrote this file")
    header["PROCVER"] = (about["version"], "its version")
    header["OBJECT"] = spectrum.name
    header["INSTRUME"] = spectrum.instrument
    header["FRAME"] = (spectrum.frame, "wavelengths are as seen from here")
    if np.isfinite(spectrum.rv):
        header["RV"] = (spectrum.rv, "[km/s] radial velocity, positive recedes")
    for key, comment in _CARDS.items():
        if key in spectrum.meta:
            header[key] = (spectrum.meta[key], comment)
    return header


def _written(path: str | Path, hdus: list) -> Path:
    with replacing(path) as part:
        fits.HDUList(hdus).writeto(part, overwrite=True)
    return Path(path)


def _in_survey_unit(spectrum: ObservedSpectrum) -> float:
    return SURVEY_UNIT if spectrum.flux_unit == ABSOLUTE else 1.0


def write_lamost(path: str | Path, spectrum: ObservedSpectrum) -> Path:
    """Write the five rows of LAMOST's low-resolution files: flux, ivar, wavelength, and-mask, or-mask.

    Z and SUBCLASS are written if the spectrum has a velocity, and `meta["SUBCLASS"]`.

    Raises:
        ValueError: the wavelengths are not even in their logarithm.
    """
    log10 = np.log10(spectrum.wavelength)
    step = (log10[-1] - log10[0]) / (log10.size - 1) if log10.size > 1 else np.nan
    start = log10[0]
    if not np.allclose(log10, start + step * np.arange(log10.size), rtol=0, atol=1e-3 * step):
        raise ValueError(
            f"{spectrum.name}: LAMOST's layout needs wavelengths even in log10; use write_spectrum"
        )
    unit = _in_survey_unit(spectrum)
    flagged = np.where(spectrum.good, 0, _NOT_GOOD)
    rows = [spectrum.flux / unit, spectrum.ivar * unit**2, spectrum.wavelength, flagged, flagged]
    hdu = fits.PrimaryHDU(np.array(rows, dtype=np.float32), header=_header(spectrum))
    header = hdu.header
    header["TELESCOP"] = ("LAMOST", "layout; see ORIGIN")
    header["EXTEN0"] = "Flux Inverse Wavelength Andmask Ormask"
    if unit == SURVEY_UNIT:
        header["BUNIT"] = _SURVEY_BUNIT
    header["VACUUM"] = (True, "wavelengths are in vacuum")
    header["HELIO"] = (spectrum.frame == "barycentre", "free of the motion of the Earth")
    for key, value in (("COEFF0", start), ("COEFF1", step), ("CRVAL1", start), ("CD1_1", step)):
        header[key] = value
    header["CRPIX1"], header["CTYPE1"], header["DC-FLAG"] = 1, "LINEAR", 1
    header["WFITTYPE"], header["CLASS"] = "LOG-LINEAR", "STAR"
    if "SUBCLASS" in spectrum.meta:
        header["SUBCLASS"] = spectrum.meta["SUBCLASS"]
    if np.isfinite(spectrum.rv) and spectrum.frame != "star":
        header["Z"] = (redshift_of_velocity(spectrum.rv), "redshift, positive recedes")
    return _written(path, [hdu])


def _on_apogee_grid(spectrum: ObservedSpectrum) -> np.ndarray:
    place = (np.log10(spectrum.wavelength) - APOGEE_ORIGIN) / APOGEE_STEP
    index = np.round(place).astype(int)
    if np.any(np.abs(place - index) > 1e-3) or index[0] < 0 or index[-1] >= APOGEE_PIXELS:
        raise ValueError(
            f"{spectrum.name}: APOGEE's layout needs its pixels, log10(wavelength) = {APOGEE_ORIGIN} + "
            f"{APOGEE_STEP} k for k from 0 to {APOGEE_PIXELS - 1}; use write_spectrum"
        )
    return index


def write_apstar(path: str | Path, spectrum: ObservedSpectrum) -> Path:
    """Write flux, error and mask as in APOGEE's apStar files, one row of 8575 pixels each.

    Between the chips the flux is NaN and the mask set. APOGEE's own wavelengths are those of the star's
    frame, with its barycentric velocity in VHELIO; what is simulated keeps its own, the barycentre's or the
    observatory's, and FRAME, which `read_apstar` heeds, says which. In the observatory's the velocity is in
    VRAD, as in apVisit files, and VHELIO and BC are there if `meta` has "barycentric_velocity".

    Raises:
        ValueError: the pixels are not APOGEE's.
    """
    primary, flux, error, mask = _apogee_hdus(spectrum, with_rows=True)
    # By these two specutils knows an apStar file.
    primary.header["HISTORY"] = "layout of APOGEE apStar"
    primary.header["SFILE1"] = ("apVisit", "none: simulated")
    primary.header["NVISITS"] = 1
    return _written(path, [primary, flux, error, mask])


def write_aspcapstar(path: str | Path, spectrum: ObservedSpectrum, model) -> Path:
    """Write flux, error and best model as in APOGEE's aspcapStar files; fluxes relative to a continuum.

    Args:
        path: File.
        spectrum: On APOGEE's pixels, in units of its continuum.
        model: Flux of the model, of the same pixels.

    Raises:
        ValueError: the pixels are not APOGEE's.
    """
    primary, flux, error, _ = _apogee_hdus(spectrum, with_rows=False)
    values = np.zeros(APOGEE_PIXELS)
    values[_on_apogee_grid(spectrum)] = np.asarray(model, dtype=np.float64)
    return _written(path, [primary, flux, error, fits.ImageHDU(values, header=flux.header)])


def _apogee_velocities(spectrum: ObservedSpectrum) -> dict[str, tuple[float, str]]:
    """What is known of them; VHELIO is barycentric in any frame."""
    cards, rv = {}, spectrum.rv
    if spectrum.frame == "observatory":
        cards["VRAD"] = rv, "[km/s] from the observatory, positive recedes"
        towards = spectrum.meta.get("barycentric_velocity", np.nan)
        cards["BC"] = towards, "[km/s] of the observatory towards the star"
        rv = barycentric_from_topocentric(rv, towards)
    cards["VHELIO"] = rv, "[km/s] from the barycentre, positive recedes"
    return {name: (value, text) for name, (value, text) in cards.items() if np.isfinite(value)}


def _apogee_hdus(spectrum: ObservedSpectrum, with_rows: bool) -> list:
    index, unit = _on_apogee_grid(spectrum), _in_survey_unit(spectrum)
    flux, error = np.full(APOGEE_PIXELS, np.nan), np.full(APOGEE_PIXELS, np.nan)
    mask = np.full(APOGEE_PIXELS, _NOT_GOOD, dtype=np.int64)
    flux[index] = spectrum.flux / unit
    stated = spectrum.flux_err / unit
    error[index] = np.where(spectrum.good, stated, _NO_WEIGHT * np.nanmax(stated))
    mask[index] = np.where(spectrum.good, 0, _NOT_GOOD)
    primary = fits.PrimaryHDU(header=_header(spectrum))
    primary.header["CRVAL1"], primary.header["CDELT1"] = APOGEE_ORIGIN, APOGEE_STEP
    primary.header["CTYPE1"] = "LOG-LINEAR"
    primary.header.update(_apogee_velocities(spectrum))
    images = [fits.ImageHDU(x[None] if with_rows else x) for x in (flux, error, mask)]
    for image in images:
        image.header["CRVAL1"], image.header["CDELT1"], image.header["CRPIX1"] = APOGEE_ORIGIN, APOGEE_STEP, 1
        image.header["CTYPE1"] = "LOG-LINEAR"
    if unit == SURVEY_UNIT:
        images[0].header["BUNIT"] = f"Flux ({_SURVEY_BUNIT})"
        images[1].header["BUNIT"] = f"Err ({_SURVEY_BUNIT})"
    return [primary, *images]
