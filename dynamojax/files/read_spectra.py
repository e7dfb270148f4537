"""Spectra of LAMOST and APOGEE, and one's own, read into `ObservedSpectrum`.

Pixels that a survey flags, that have no weight or are NaN are not good. A file that is damaged or laid out
otherwise is a ValueError that says what was expected.
"""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from dynamojax.files.observed import (
    ABSOLUTE,
    RELATIVE,
    ObservedSpectrum,
    observed,
    plain_header,
    velocity_of_redshift,
)
from dynamojax.files.spectra import SURVEY_UNIT
from dynamojax.refraction import vacuum_from_air

# Bits of APOGEE_PIXMASK with which a pixel is not to be used: bad, cosmic ray, saturated, unfixable, dark,
# flat, error, no sky (0 to 7), too little of the profile (14).
_APOGEE_BAD = sum(1 << bit for bit in (0, 1, 2, 3, 4, 5, 6, 7, 14))
_LAMOST_ROWS = ("flux", "inverse variance", "wavelength or continuum-subtracted flux", "and-mask", "or-mask")


@contextmanager
def _opened(path: str | Path, kind: str) -> Iterator[Any]:
    """The file's HDUs; whatever goes wrong while it is read becomes one kind of error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # astropy's words on damaged files: the error below says it
            with fits.open(path, memmap=False, lazy_load_hdus=False) as hdus:
                _load(hdus)
                yield hdus
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist; the name of one {kind} file is needed") from None
    except _Layout as error:
        raise ValueError(f"{path} is no {kind} file: {error}") from None
    except (OSError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"{path} is damaged, or no {kind} file ({error}); fetch it again") from None


def _load(hdus) -> None:
    """Read all data, so that what is cut off or garbled shows here."""
    try:
        for hdu in hdus:
            hdu.data  # noqa: B018
    except ValueError as error:
        raise OSError(error) from None


class _Layout(Exception):
    """A file that can be read but holds something else."""


def read_lamost(path: str | Path) -> ObservedSpectrum:
    """A low-resolution spectrum of LAMOST: five rows, or since DR8 a table with five columns.

    Wavelengths are barycentric, `rv` comes from Z (the pipeline's; NaN if it is not there). Pixels bad in
    every exposure (and-mask) are not good. Fluxes are relative unless BUNIT says otherwise.
    """
    with _opened(path, "LAMOST") as hdus:
        header = hdus[0].header
        rows = _lamost_rows(hdus)
        wavelength = _lamost_wavelength(header, rows)
        if header.get("VACUUM") is False:
            wavelength = vacuum_from_air(wavelength)
        unit = SURVEY_UNIT if "BUNIT" in header else 1.0
        z = header.get("Z", np.nan)
        return observed(
            str(header.get("OBJECT", header.get("DESIG", header.get("OBJNAME", Path(path).stem)))),
            "lamost",
            wavelength,
            rows[0] * unit,
            rows[1] / unit**2,
            rows[3] != 0,
            # -9999 where the pipeline found none.
            rv=velocity_of_redshift(z) if z > -1 else np.nan,
            flux_unit=ABSOLUTE if "BUNIT" in header else RELATIVE,
            frame=header.get("FRAME", "barycentre"),
            meta=plain_header(header),
        )


def _lamost_rows(hdus) -> np.ndarray:
    data = hdus[0].data
    if data is None and len(hdus) > 1 and isinstance(hdus[1], fits.BinTableHDU):
        table = hdus[1].data
        names = ("FLUX", "IVAR", "WAVELENGTH", "ANDMASK", "ORMASK")
        missing = [name for name in names if name not in table.names]
        if missing or len(table) != 1:
            raise _Layout(f"its table has {len(table)} rows and lacks {missing}; one row, none are needed")
        return np.array([table[name][0] for name in names], dtype=np.float64)
    if data is None:
        raise _Layout("it holds no image")
    if data.ndim != 2 or data.shape[0] != len(_LAMOST_ROWS):
        raise _Layout(f"its image is {data.shape}; five rows are needed: {', '.join(_LAMOST_ROWS)}")
    return np.asarray(data, dtype=np.float64)


def _lamost_wavelength(header: fits.Header, rows: np.ndarray) -> np.ndarray:
    """From the header, in double precision; the third row holds it in later releases only."""
    third = rows[2]
    is_wavelength = np.all(third > 1000.0) and np.all(np.diff(third) > 0)
    if "COEFF0" not in header or "COEFF1" not in header:
        if not is_wavelength:
            raise _Layout("it has neither COEFF0 and COEFF1 nor wavelengths in its third row")
        return third
    wavelength = 10 ** (header["COEFF0"] + header["COEFF1"] * np.arange(third.size))
    if is_wavelength and np.max(np.abs(third / wavelength - 1)) > 1e-4:
        raise _Layout("the wavelengths of its third row are not those of COEFF0 and COEFF1")
    return wavelength


def read_apstar(path: str | Path, row: int = 0) -> ObservedSpectrum:
    """A spectrum of APOGEE in the frame of the star: apStar (combined, and visits) or aspcapStar.

    Files of `write_apstar` are in the frame that their FRAME states; `rv` is VRAD in the observatory's, else
    VHELIO, which is relative to the barycentre.

    Args:
        path: File.
        row: Of an apStar file with several visits: 0 and 1 are the combined spectrum, then the visits.
    """
    with _opened(path, "APOGEE apStar or aspcapStar") as hdus:
        header = hdus[0].header
        if len(hdus) < 4 or any(hdus[i].data is None for i in (1, 2, 3)):
            raise _Layout(f"it has {len(hdus)} parts; header, flux, error and mask or model are needed")
        rows = [np.atleast_2d(hdus[i].data) for i in (1, 2, 3)]
        if len({x.shape for x in rows}) > 1 or rows[0].ndim != 2:
            raise _Layout(f"flux, error and mask have shapes {[x.shape for x in rows]}")
        if not 0 <= row < len(rows[0]):
            raise _Layout(f"row = {row}, but it has {len(rows[0])}")
        flux, error, third = (x[row] for x in rows)
        # aspcapStar holds a model in the mask's place.
        is_mask = np.issubdtype(third.dtype, np.integer)
        flagged = (third & _APOGEE_BAD) != 0 if is_mask else np.zeros(third.shape, dtype=bool)
        axis = hdus[1].header if "CRVAL1" in hdus[1].header else header
        wavelength = 10 ** (axis["CRVAL1"] + axis["CDELT1"] * np.arange(flux.size))
        return _apogee(path, header, hdus[1].header, wavelength, (flux, error, flagged), "star")


def read_apvisit(path: str | Path) -> ObservedSpectrum:
    """One visit of APOGEE, its three chips put together, in the frame of the observatory.

    `rv` is relative to the observatory (VRAD); `meta["BC"]` added to it gives the barycentric one.
    """
    with _opened(path, "APOGEE apVisit") as hdus:
        if len(hdus) < 5 or any(np.shape(hdus[i].data)[:1] != (3,) for i in (1, 2, 3, 4)):
            raise _Layout("flux, error, mask and wavelength of three chips are needed")
        flux, error, mask, wavelength = (np.asarray(hdus[i].data).ravel() for i in (1, 2, 3, 4))
        order = np.argsort(wavelength)
        flagged = (mask & _APOGEE_BAD) != 0
        columns = (flux[order], error[order], flagged[order])
        header = hdus[0].header
        return _apogee(path, header, hdus[1].header, wavelength[order], columns, "observatory")


def _apogee(path, header, flux_header, wavelength, columns, frame) -> ObservedSpectrum:
    frame = header.get("FRAME", frame)
    velocity = "VRAD" if frame == "observatory" else "VHELIO"
    flux, error, flagged = (np.asarray(column) for column in columns)
    is_absolute = "erg" in str(flux_header.get("BUNIT", ""))
    unit = SURVEY_UNIT if is_absolute else 1.0
    # Pixels without weight have errors 10^5 times the others' and more.
    has_weight = np.isfinite(error) & (error > 0) & (error < 1e4 * np.nanmedian(np.abs(error)))
    ivar = np.where(has_weight, 1.0, 0.0) / np.where(has_weight, error * unit, 1.0) ** 2
    return observed(
        str(header.get("OBJID", header.get("OBJECT", Path(path).stem))),
        "apogee",
        wavelength,
        flux * unit,
        ivar,
        flagged,
        rv=float(header.get(velocity, np.nan)),
        frame=frame,
        flux_unit=ABSOLUTE if is_absolute else RELATIVE,
        meta=plain_header(header),
    )


def read_spectrum(path: str | Path) -> ObservedSpectrum:
    """A spectrum written by `write_spectrum`."""
    with _opened(path, "dynamojax spectrum") as hdus:
        header = hdus[0].header
        if "SPECTRUM" not in hdus or "META" not in hdus:
            raise _Layout("it has no tables SPECTRUM and META")
        table = hdus["SPECTRUM"].data
        wavelength = np.asarray(table["wavelength"], dtype=np.float64)
        in_air = not header["VACUUM"]
        stated = {
            "rv": float(header.get("RV", np.nan)),
            "frame": header["FRAME"],
            "flux_unit": hdus["SPECTRUM"].columns["flux"].unit,
            "medium": "air" if in_air else "vacuum",
            "meta": {str(key): json.loads(value) for key, value in hdus["META"].data},
        }
        names = header["OBJECT"], header["INSTRUME"]
        wavelength = vacuum_from_air(wavelength) if in_air else wavelength
        if "ivar" not in table.names:  # without noise
            flux = np.asarray(table["flux"], dtype=np.float64)
            return ObservedSpectrum(*names, wavelength, flux, 0 * flux, ~table["mask"], **stated)
        return observed(*names, wavelength, table["flux"], table["ivar"], table["mask"], **stated)
