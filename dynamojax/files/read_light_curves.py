"""Observed light curves from files of Kepler and TESS, of this package, and from tables of one's own."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

TABLES = {".csv": "ascii.csv", ".ecsv": "ascii.ecsv"}
_FLUXES = ("PDCSAP_FLUX", "KSPSAP_FLUX", "FLUX", "SAP_FLUX")
_QUALITIES = ("SAP_QUALITY", "QUALITY")
_BANDS = {"kepler": "kepler", "tess": "tess"}


@dataclass(frozen=True, eq=False)
class ObservedLightCurve:
    """One light curve on the host; `DataSet.light_curve(c.band, c.time, c.flux, c.flux_err, ...)` fits it.

    Attributes:
        name: Of the star.
        band: Name of its band in the grid; empty if the file does not tell.
        time: Of mid-exposure, rising, from `reference`. [day]
        flux: NaN where missing. [flux_unit]
        flux_err: Standard deviation. [flux_unit]
        good: Where the quality flag is 0 and flux and error are numbers.
        reference: BJD of time 0; NaN if the file does not tell. [day]
        flux_unit: counts, or relative; empty if the file does not tell.
        n_rows: Of the file.
    """

    name: str
    band: str
    time: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    good: np.ndarray
    reference: float
    flux_unit: str
    n_rows: int


def read_light_curve(
    path: str | Path, flux: str | None = None, *, with_errors: bool = True
) -> ObservedLightCurve:
    """Read a light curve.

    Args:
        path: FITS of the Kepler or TESS archive or of `write_light_curves`; or .csv or .ecsv with the columns
            time [day], flux, flux_err and perhaps quality (0 is good).
        flux: Column of the flux; the corrected one if left out.
        with_errors: Whether points need errors; if not, flux_err is 1 wherever the file has none.

    Raises:
        ValueError: no such file, a damaged one, one without these columns, or a time that is there twice.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} does not exist; give the name of a light curve")
    if path.suffix in TABLES:
        return _read_table(path, flux or "flux", with_errors)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error below says what is wrong with a damaged file
            with fits.open(path, memmap=False) as hdus:
                return _read_fits(path, hdus, flux, with_errors)
    except (OSError, TypeError, IndexError) as error:
        raise ValueError(f"{path} is damaged, or no light curve ({error}); fetch it again") from None


def _read_fits(path: Path, hdus, flux: str | None, with_errors: bool) -> ObservedLightCurve:
    # its stubs do not know that a table has columns
    tables: list[Any] = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)]
    names = tables[0].data.names if tables else []
    wanted = next((n for n in ((flux,) if flux else _FLUXES) if n in names), None)
    if "TIME" not in names or wanted is None or f"{wanted}_ERR" not in names:
        raise ValueError(
            f"{path}: TIME, {flux or ' or '.join(_FLUXES)} and its _ERR are needed, it has {', '.join(names)}"
        )
    data, header = tables[0].data, {**hdus[0].header, **tables[0].header}
    quality = next((data[n] for n in _QUALITIES if n in names), np.zeros(len(data), int))
    telescope = str(header.get("TELESCOP", "")).lower()
    band = _BANDS.get(telescope, str(header.get("FILTER", "")))
    unit = "relative" if header.get("FLUXUNIT") == "relative" else "counts"
    reference = (
        float(header["BJDREFI"]) + float(header.get("BJDREFF", 0.0)) if "BJDREFI" in header else np.nan
    )
    columns = (data["TIME"], data[wanted], data[f"{wanted}_ERR"], quality)
    name = str(header.get("OBJECT", path.stem))
    return _light_curve(name, band, columns, reference, unit, with_errors)


def _read_table(path: Path, flux: str, with_errors: bool) -> ObservedLightCurve:
    from astropy.table import Table

    try:
        table = Table.read(path, format=TABLES[path.suffix])
    except (ValueError, TypeError, OSError) as error:
        raise ValueError(f"{path} is not such a table: {error}") from None
    needed = ["time", flux, *([f"{flux}_err"] if with_errors else [])]
    missing = [name for name in needed if name not in table.colnames]
    if missing:
        raise ValueError(
            f"{path} lacks the columns {', '.join(missing)}; it has {', '.join(table.colnames)}: rename "
            "them, or name the column of the flux"
        )
    flags = next((n for n in table.colnames if n.upper() in _QUALITIES), None)
    quality = np.zeros(len(table), int) if flags is None else table[flags]
    columns = [_numbers(path, table, name) for name in ("time", flux)]
    nothing = np.full(len(table), np.nan)
    columns.append(_numbers(path, table, f"{flux}_err") if f"{flux}_err" in table.colnames else nothing)
    rising = np.sort(columns[0][np.isfinite(columns[0])])
    twice = rising[1:][np.diff(rising) == 0]
    if twice.size:
        raise ValueError(
            f"{path}: time {twice[0]:.10g} is there twice; average its rows, or drop all but one"
        )
    known = columns[1][np.isfinite(columns[1])]
    unit = "relative" if known.size > 0 and 0.3 < np.median(known) < 3.0 else ""
    return _light_curve(path.stem, "", (*columns, quality), np.nan, unit, with_errors)


def _numbers(path: Path, table, name: str) -> np.ndarray:
    """A column as numbers, NaN where it is empty."""
    try:
        return np.ma.filled(np.ma.asarray(table[name], dtype=float), np.nan)
    except ValueError as error:
        raise ValueError(
            f"{path}: column {name} has what is no number ({error}); correct or empty it"
        ) from None


def _light_curve(name, band, columns, reference, unit, with_errors) -> ObservedLightCurve:
    """Rows with a time, in its order, each time once."""
    time, flux, error = (np.asarray(column, np.float64) for column in columns[:3])
    quality, n_rows = np.asarray(columns[3]), len(time)
    here = np.flatnonzero(np.isfinite(time))
    here = here[np.unique(time[here], return_index=True)[1]]
    time, flux, error, quality = time[here], flux[here], error[here], quality[here]
    if not with_errors:
        error = np.where(np.isfinite(error) & (error > 0), error, 1.0)
    good = (quality == 0) & np.isfinite(flux) & np.isfinite(error) & (error > 0)
    if not good.any():
        raise ValueError(f"{name}: no good point among {good.size}: all are flagged, NaN or without error")
    return ObservedLightCurve(name, band, time, flux, error, good, reference, unit, n_rows)
