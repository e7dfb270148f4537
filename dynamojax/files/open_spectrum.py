"""Any observed spectrum: what a file is, and the reader for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from dynamojax.files.observed import ObservedSpectrum, observed
from dynamojax.files.read_light_curves import TABLES
from dynamojax.files.read_spectra import read_apstar, read_apvisit, read_lamost, read_spectrum
from dynamojax.refraction import vacuum_from_air


def open_spectrum(path: str | Path, kind: str = "auto", medium: str = "vacuum") -> ObservedSpectrum:
    """Read a spectrum.

    Args:
        path: File.
        kind: lamost, apogee (apStar, aspcapStar), apvisit, dynamojax (`write_spectrum`), table (.csv or .ecsv
            with wavelength [angstrom], flux, flux_err), specutils; auto looks.
        medium: Of the wavelengths of a table, vacuum or air.

    Raises:
        ValueError: no such file, a damaged one, one that nobody can read, or a medium for what is no table.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} does not exist; give the name of a spectrum")
    kind = kind_of(path) if kind == "auto" else kind
    if kind == "table":
        return _read_table(path, medium)
    if medium != "vacuum":
        raise ValueError(
            f"medium = {medium!r} is for tables; {path} is read as {kind}, which knows its own: leave it out"
        )
    return _READERS[kind](path)


def kind_of(path: Path) -> str:
    """What a file seems to be; specutils if it is nothing that is known here."""
    if path.suffix in TABLES:
        return "table"
    try:
        with fits.open(path, lazy_load_hdus=False) as opened:
            hdus: Any = opened  # its stubs do not know what it holds
            names, header = {hdu.name for hdu in hdus}, hdus[0].header
            if {"SPECTRUM", "META"} <= names:
                return "dynamojax"
            if "LAMOST" in str(header.get("TELESCOP", "")).upper() or "COEFF0" in header:
                return "lamost"
            if path.name.startswith(("apVisit", "asVisit")):
                return "apvisit"
            if path.name.startswith(("apStar", "asStar", "aspcapStar")) or "APRED" in header:
                return "apogee"
    except (OSError, ValueError, TypeError):  # not FITS, or damaged: its reader says it
        pass
    return "specutils"


def _read_table(path: Path, medium: str) -> ObservedSpectrum:
    from astropy.table import Table

    try:
        table = Table.read(path, format=TABLES.get(path.suffix, "ascii.csv"))
    except (ValueError, TypeError, OSError) as error:
        raise ValueError(f"{path} is not such a table: {error}") from None
    missing = [name for name in ("wavelength", "flux", "flux_err") if name not in table.colnames]
    if missing:
        raise ValueError(f"{path} lacks the columns {', '.join(missing)}; it has {', '.join(table.colnames)}")
    wavelength, flux, error = (
        np.ma.filled(np.ma.asarray(table[name], dtype=float), np.nan)
        for name in ("wavelength", "flux", "flux_err")
    )
    return _plain(path, wavelength, flux, error, medium)


def _read_with_specutils(path: Path) -> ObservedSpectrum:
    try:
        import specutils  # pyright: ignore[reportMissingImports]
        from astropy import units
        from astropy.nddata import StdDevUncertainty
    except ImportError:
        raise ValueError(
            f"{path} is no spectrum of LAMOST, APOGEE or this package; specutils may know it: "
            "pip install specutils"
        ) from None
    try:
        read = specutils.Spectrum.read(str(path))
        wavelength = read.spectral_axis.to_value(units.AA, units.spectral())
    except Exception as error:  # its readers raise what they like
        first = str(error).strip().splitlines()[:1]
        raise ValueError(f"{path}: specutils cannot read it ({' '.join(first)}); give format") from None
    if np.ndim(read.flux) != 1:
        raise ValueError(f"{path} holds spectra of shape {read.flux.shape}; save the one you want by itself")
    if read.uncertainty is None:
        raise ValueError(f"{path} has no uncertainties, without which nothing can be fitted; add them")
    error = read.uncertainty.represent_as(StdDevUncertainty).array
    flux = np.where(read.mask, np.nan, read.flux.value) if read.mask is not None else read.flux.value
    return _plain(path, wavelength, flux, error, "vacuum")


def _plain(path: Path, wavelength, flux, error, medium: str) -> ObservedSpectrum:
    """Wavelengths rising; pixels without a number or an error are not good, an error of 0 is refused."""
    order = np.argsort(wavelength)
    wavelength, flux, error = (np.asarray(x, np.float64)[order] for x in (wavelength, flux, error))
    bad = np.isfinite(flux) & (error <= 0)
    if bad.any():
        at = float(wavelength[bad][0])
        raise ValueError(
            f"{path}: flux_err = {error[bad][0]:g} at {at:.2f} A must be positive; give its true error, or "
            "NaN to leave the pixel out"
        )
    good = np.isfinite(flux) & np.isfinite(error)
    ivar = np.where(good, 1.0, 0.0) / np.where(good, error, 1.0) ** 2
    wavelength = vacuum_from_air(wavelength) if medium == "air" else wavelength
    return observed(path.stem, path.stem, wavelength, np.where(good, flux, 0.0), ivar, ~good)


_READERS: dict[str, Callable[[Path], ObservedSpectrum]] = {
    "lamost": read_lamost,
    "apogee": read_apstar,
    "apvisit": read_apvisit,
    "dynamojax": read_spectrum,
    "specutils": _read_with_specutils,
}
