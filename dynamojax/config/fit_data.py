"""From the tables [[data]] to data sets: files are read, cut, cleaned and binned, on the host in float64."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np
from astropy.io import fits

from dynamojax.config.fit_cleaning import binned, outliers, scatter
from dynamojax.config.fit_reading import FitSettings
from dynamojax.constants import DAY_S
from dynamojax.files.observed import RELATIVE, ObservedSpectrum
from dynamojax.files.open_spectrum import open_spectrum
from dynamojax.files.read_light_curves import TABLES, ObservedLightCurve, read_light_curve
from dynamojax.inference.data import NUISANCES, DataSet, Nuisance
from dynamojax.instruments.photometer import Photometer, sub_exposures_of_spots
from dynamojax.numerics import LATEST_DAY

_RESOLUTIONS = {"lamost": 1800.0, "apogee": 22500.0}


@dataclass(frozen=True)
class Prepared:
    """Data sets, and what was done to the files.

    Attributes:
        data: In the order of the configuration.
        epoch: Time 0 of the parameters, as times stand in the first light curve. [day]
        reference: BJD of time 0 there; NaN if it is not known. [day]
        notes: A line for each data set.
    """

    data: tuple[DataSet, ...]
    epoch: float
    reference: float
    notes: tuple[str, ...]


def prepare_data(settings: FitSettings) -> Prepared:
    """Read all data sets of a configuration.

    Raises:
        ValueError: a file that cannot be read, or data that cannot be fitted.
    """
    tables = settings["data"]
    curves = {
        i: _cleaned(i, table, settings.settings.folder)
        for i, table in enumerate(tables)
        if table["kind"] == "light_curve"
    }
    epoch, reference = _epoch(settings["fit"]["epoch"], list(curves.values()))
    free = {table["name"] for table in settings["free"]}
    data, notes = [], []
    for i, table in enumerate(tables):
        if i in curves:
            shift = _shift(i, curves[i].reference, reference)
            _check_epoch(table, epoch, curves[i].time + shift)
            one = _light_curve(table, curves[i], epoch - shift, settings.settings.folder)
            bins = "" if table["bin"] is None else f", in bins of {table['bin']:g} day"
            about = f"rows, flux in {curves[i].flux_unit}{bins}", curves[i].n_rows
        else:
            one, frame = _spectrum(i, table, settings.settings.folder, epoch)
            about = f"pixels, wavelengths in the frame of the {frame}", np.size(one.good)
        data.append(_with_nuisances(one, table, free))
        notes.append(f"{one.name}: {one.n_good} points of {table['path']}, which has {about[1]} {about[0]}")
    _check_names(data)
    return Prepared(tuple(data), epoch, reference, tuple(notes))


def _check_epoch(table: dict, epoch: float, time: np.ndarray) -> None:
    far = np.abs(time - epoch).max()
    if far > LATEST_DAY:
        raise ValueError(
            f"fit.epoch = {epoch:g} is {far:.0f} day from times of {table['path']}, allowed: {LATEST_DAY}; "
            "give it as times stand in the first light curve, or leave it out"
        )


def _check_names(data: list[DataSet]) -> None:
    names = [one.name for one in data]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two data sets are called {twice[0]!r}; give each a name in [[data]]")


def _cleaned(i: int, table: dict, folder: Path) -> ObservedLightCurve:
    """A light curve cut to its window, without flares if it is clipped."""
    _check_format(i, table)
    stated = table["error"] == "stated"
    curve = read_light_curve(folder / table["path"], table["column"], with_errors=stated)
    if table["flux_unit"] is not None:
        curve = dataclasses.replace(curve, flux_unit=table["flux_unit"])
    if not curve.flux_unit:
        raise ValueError(
            f"data[{i}]: flux of {table['path']} has the median {np.median(curve.flux[curve.good]):g}, and "
            "the file does not tell its unit; give flux_unit: counts (any linear unit), ppm or mag"
        )
    if table["reference"] is not None:
        curve = dataclasses.replace(curve, reference=table["reference"])
    low = -np.inf if table["start"] is None else table["start"]
    high = np.inf if table["stop"] is None else table["stop"]
    keep = (curve.time >= low) & (curve.time <= high)
    _check_errors(i, table, curve, keep)
    good = curve.good & keep
    if not good.any():
        raise ValueError(
            f"data[{i}]: no good point between start = {low:g} and stop = {high:g} day; {table['path']} has "
            f"them from {curve.time[curve.good][0]:g} to {curve.time[curve.good][-1]:g}"
        )
    time, flux, error = (x[good] for x in (curve.time, curve.flux, curve.flux_err))
    if table["clip"] is not None:
        calm = ~outliers(time, flux, table["clip"])
        time, flux, error = time[calm], flux[calm], error[calm]
    if table["error"] == "scatter":
        error = np.full(flux.size, scatter(i, time, flux))
    if table["bin"] is not None:
        time, flux, error = binned(time, flux, error, table["bin"])
    return dataclasses.replace(curve, time=time, flux=flux, flux_err=error, good=np.ones(time.size, bool))


def _check_format(i: int, table: dict) -> None:
    is_table = Path(table["path"]).suffix in TABLES
    if table["format"] != "auto" and (table["format"] == "table") != is_table:
        raise ValueError(
            f"data[{i}]: format = {table['format']!r}, but {table['path']} is "
            f"{'a table' if is_table else 'none'}: names of tables end in {' or '.join(TABLES)}, all else is "
            "read as FITS; leave format out, or rename the file"
        )


def _check_errors(i: int, table: dict, curve: ObservedLightCurve, keep: np.ndarray) -> None:
    """In a table of one's own an error of 0 is no missing value."""
    bad = keep & (curve.flux_err <= 0) & np.isfinite(curve.flux)
    if bad.any() and Path(table["path"]).suffix in TABLES:
        raise ValueError(
            f"data[{i}]: flux_err = {curve.flux_err[bad][0]:g} at time {curve.time[bad][0]:g} of "
            f"{table['path']} must be positive; give its true error, NaN to leave the point out, or "
            'error = "scatter"'
        )


def _epoch(given: float | None, curves: list[ObservedLightCurve]) -> tuple[float, float]:
    if not curves:
        return 0.0, np.nan
    first = curves[0]
    middle = round(0.5 * float(first.time[0] + first.time[-1]), 1)
    return (middle if given is None else given), first.reference


def _shift(i: int, own: float, first: float) -> float:
    """What takes a light curve's times to those of the first. [day]"""
    if np.isfinite(own) != np.isfinite(first):
        raise ValueError(
            f"data[{i}]: of its times or of the first light curve's nobody knows to which BJD they belong; "
            "give reference, the BJD of time 0, for whichever file does not tell"
        )
    return own - first if np.isfinite(own) else 0.0


def _light_curve(table: dict, curve: ObservedLightCurve, epoch: float, folder: Path) -> DataSet:
    band = table["band"] or curve.band
    if not band:
        raise ValueError(f"{table['path']} does not tell its band; give band, as kepler or tess")
    name, exposure = table["name"] or band, _exposure(table, curve, folder)
    times = curve.time - epoch
    photometer = Photometer(name, (band,), times, exposure, 1, sub_exposures_of_spots(exposure * DAY_S))
    return DataSet.light_curve(
        photometer,
        curve.time,
        curve.flux,
        curve.flux_err,
        flux_unit=curve.flux_unit,
        epoch=epoch,
        trend_degree=table["trend_degree"],
        breaks=table["breaks"] or (),
        offset=table["offset"],
        noise=table["noise"],
    )


def _exposure(table: dict, curve: ObservedLightCurve, folder: Path) -> float:
    """Length of an exposure; of bins theirs, or the shortest step if that is less. [day]"""
    step = float(np.diff(curve.time).min()) if curve.time.size > 1 else np.inf
    if table["bin"] is not None:
        return min(table["bin"], step)
    if table["exposure_s"] is not None:
        return table["exposure_s"] / DAY_S
    return min(stated_exposure(folder / table["path"]), step)


def stated_exposure(path: Path) -> float:
    """Length of an exposure as FITS files of Kepler, TESS and this package say, else 0. [day]"""
    if path.suffix in TABLES:
        return 0.0
    with fits.open(path) as opened:
        hdus: Any = opened  # its stubs do not know what it holds
        header = hdus[1].header
        is_own = hdus[0].header.get("ORIGIN") == "dynamojax"
        return float(header.get("EXPOSURE" if is_own else "TIMEDEL", 0.0))


def _spectrum(i: int, table: dict, folder: Path, epoch: float) -> tuple[DataSet, str]:
    """A spectrum, and in which frame its wavelengths are."""
    seen = open_spectrum(folder / table["path"], table["format"], table["medium"])
    if table["continuum_degree"] < 0 and seen.flux_unit == RELATIVE:
        raise ValueError(
            f"data[{i}]: continuum_degree = -1 is for absolute fluxes, those of {table['path']} are "
            "relative; give 0 or more"
        )
    resolution = table["resolution"] or _RESOLUTIONS.get(seen.instrument)
    if resolution is None:
        raise ValueError(f"data[{i}]: the resolving power of {table['path']} is not known; give resolution")
    low, high = table["wavelength"] or (0.0, np.inf)
    _check_window(i, table, seen, low, high)
    one = DataSet.spectrum(
        table["name"] or seen.instrument,
        seen.wavelength,
        seen.flux,
        seen.flux_err,
        resolution=resolution,
        times=(0.0 if table["time"] is None else table["time"] - epoch,),
        good=seen.good,
        low=low,
        high=high,
        continuum_degree=table["continuum_degree"],
        noise=table["noise"],
    )
    return one, seen.frame


def _check_window(i: int, table: dict, seen: ObservedSpectrum, low: float, high: float) -> None:
    here = (seen.wavelength >= low) & (seen.wavelength <= high)
    if not (here & seen.good).any():
        raise ValueError(
            f"data[{i}]: no good pixel between wavelength = {low:g} and {high:g} A; {table['path']} has "
            f"{seen.wavelength[0]:.1f} to {seen.wavelength[-1]:.1f} A, {int(seen.good.sum())} of them good"
        )


def _with_nuisances(data: DataSet, table: dict, free: set[str]) -> DataSet:
    """Where jitter and the like start, or are held; free jitter starts at half the errors."""
    start = vars(data.nuisance)
    values = {name: start[name] if table[name] is None else table[name] for name in NUISANCES}
    if table["jitter"] is None and f"{data.name}.jitter" in free:
        values["jitter"] = 0.5 * float(np.median(np.asarray(data.errors)[np.asarray(data.good)]))
    return eqx.tree_at(lambda d: d.nuisance, data, Nuisance(**values))
