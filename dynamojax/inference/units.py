"""What comes in from outside: units are converted, values checked, on the host in float64."""

from typing import Any

import numpy as np

_FLUX_UNITS = ("relative", "counts", "ppm", "mag")
_LN_PER_MAG = 0.4 * np.log(10.0)
_BRIGHTEST, _FAINTEST = -30.0, 40.0  # [mag]
_FAR = 5.0  # ranges of deviations from 0 to their median, at most: a window of a longer light curve
_OUTLIERS = 0.01  # share of points that may be anything


def in_unit(name: str, what: str, values: Any, unit: str) -> np.ndarray:
    """Rising numbers in a unit, from plain numbers in it or from an astropy Quantity or Time.

    Raises:
        ValueError: a Quantity of another kind, numbers that are no such thing, or that do not rise.
    """
    from astropy import units

    if hasattr(values, "jd"):  # Time of astropy
        values = np.asarray(values.jd, np.float64)
    if hasattr(values, "unit") and hasattr(values, "to_value"):
        try:
            values = values.to_value(unit)
        except units.UnitConversionError:
            raise ValueError(f"{name}: {what} is in {values.unit}, a unit of {unit} is expected") from None
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not values.size or not np.all(np.isfinite(values)):
        raise ValueError(
            f"{name}: {what} of shape {values.shape} must be one or more finite numbers [{unit}]"
        )
    if np.any(np.diff(values) <= 0):
        raise ValueError(f"{name}: {what} must rise strictly; sort it and drop what is there twice")
    if unit == "Angstrom" and not 900 <= np.median(values) <= 1e6:
        raise ValueError(
            f"{name}: {what} has the median {np.median(values):g}, no wavelength in angstrom between 900 "
            "and 1e6; convert it (1 nm = 10 A, 1 um = 10000 A) or give an astropy Quantity"
        )
    return values


def relative_flux(name: str, flux, flux_err, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """Linear flux and error of any scale, (n_bands, n), from what the unit says.

    Raises:
        ValueError: an unknown unit, or values that contradict it.
    """
    if unit not in _FLUX_UNITS:
        raise ValueError(f"{name}: flux_unit = {unit!r}, allowed: {', '.join(_FLUX_UNITS)}")
    flux, flux_err, unit = _plain(name, flux, flux_err, unit)
    flux = np.atleast_2d(_unmasked(flux))
    error = _of_each(name, flux_err, flux)
    if not np.isfinite(flux).any():
        raise ValueError(f"{name}: all {flux.size} fluxes are NaN or missing; nothing can be fitted")
    middle = np.nanmedian(flux, axis=1, keepdims=True)
    for band in zip(flux, error, strict=True):
        _check_values(name, *band, unit)
    if unit == "mag":
        flux = np.exp(-_LN_PER_MAG * (flux - middle))
        return flux, _LN_PER_MAG * flux * error
    if unit == "ppm":
        return 1.0 + 1e-6 * flux, 1e-6 * error
    return flux, error


def _check_values(name: str, flux, error, unit: str) -> None:
    """That one band's numbers are what their unit says, but for as many as may be outliers."""
    known = np.isfinite(flux)
    if not known.any():
        return
    (low, high), middle = np.percentile(flux[known], [1, 99]), np.median(flux[known])
    is_near_one = 0.3 < middle < 3.0
    about_one = low > 0 and is_near_one
    if unit == "ppm" and (low < -1e6 or about_one or abs(middle) > _FAR * (high - low)):
        raise ValueError(
            f"{name}: flux_unit = 'ppm' expects deviations from the mean, these lie from {low:g} to "
            f"{high:g}; give flux_unit = 'relative' for fluxes about 1, or 'counts' for any linear unit"
        )
    if unit == "mag" and not (_BRIGHTEST < low and high < _FAINTEST):
        raise ValueError(
            f"{name}: flux_unit = 'mag', but values lie from {low:g} to {high:g}, allowed: {_BRIGHTEST:g} to "
            f"{_FAINTEST:g}; give the unit that they have"
        )
    size = np.where(np.isfinite(error), error, 0)
    if unit in ("relative", "counts") and np.mean(flux[known] + 5 * size[known] < 0) > _OUTLIERS:
        raise ValueError(
            f"{name}: fluxes from {low:g} to {high:g} are below 0 by more than their errors, which light is "
            "not; for deviations from the mean give flux_unit = 'ppm', or add what was subtracted"
        )
    typical, whole = np.median(size[known]), {"ppm": 1e6, "mag": 1.0}.get(unit, abs(middle))
    if typical > whole > 0:
        raise ValueError(
            f"{name}: flux_err is {typical:g} (median) beside a flux of {whole:g}; give both in the same unit"
        )
    if unit == "relative" and not is_near_one:
        raise ValueError(
            f"{name}: flux_unit = 'relative' expects fluxes about 1, the median is {middle:g}; "
            "give flux_unit = 'counts' for any linear unit, 'ppm' for deviations from the mean, or 'mag'"
        )


def _plain(name: str, flux, flux_err, unit: str) -> tuple[Any, Any, str]:
    """Numbers of flux and error in one unit, and how to read them."""
    if not (hasattr(flux, "unit") and hasattr(flux, "value")):
        scale = {"relative": "", "ppm": "1e-6", "mag": "mag"}.get(unit)
        return flux, _error_in(name, flux_err, scale, "a flux without unit"), unit
    unit = _unit_of(name, flux, unit)
    scale = {"relative": "", "ppm": "1e-6"}.get(unit, flux.unit)
    return flux.to_value(scale), _error_in(name, flux_err, scale, f"a flux in {flux.unit}"), unit


def same_unit(name: str, flux, flux_err) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of any linear flux, (n_rows, n), and of its errors in the same unit."""
    unit = getattr(flux, "unit", "") or ""
    error = _error_in(name, flux_err, unit, f"a flux in {unit}" if unit else "a flux without unit")
    flux = np.atleast_2d(_unmasked(getattr(flux, "value", flux)))
    return flux, _of_each(name, error, flux)


def _of_each(name: str, flux_err, flux: np.ndarray) -> np.ndarray:
    error = _unmasked(flux_err)
    if error.ndim and error.shape[-1] not in (1, flux.shape[-1]):
        raise ValueError(
            f"{name}: flux has {flux.shape[-1]} points, flux_err {error.shape[-1]}; give one for each, or "
            "one for all"
        )
    return np.broadcast_to(error, flux.shape)


def _error_in(name: str, flux_err, unit, beside: str):
    """Numbers of an error in the unit of its flux; plain ones are in it already."""
    from astropy import units

    if getattr(flux_err, "unit", None) is None or not hasattr(flux_err, "to_value"):
        return flux_err
    try:
        return flux_err.to_value(units.dimensionless_unscaled if unit is None else unit)
    except (units.UnitConversionError, units.UnitTypeError):
        raise ValueError(
            f"{name}: flux_err is in {flux_err.unit or 'no unit'} beside {beside}; give both in the same unit"
        ) from None


def _unmasked(values) -> np.ndarray:
    """Plain numbers, NaN where masked, as columns of lightkurve are."""
    return np.asarray(values.filled(np.nan) if hasattr(values, "filled") else values, np.float64)


def _unit_of(name: str, flux, unit: str) -> str:
    """How to read a Quantity."""
    from astropy import units

    if isinstance(flux.unit, units.MagUnit) or flux.unit == units.mag:
        return "mag"
    if flux.unit.is_equivalent(units.dimensionless_unscaled):
        return unit
    if flux.unit.physical_type in ("time", "length", "speed", "temperature", "angle"):
        raise ValueError(f"{name}: flux is in {flux.unit}, a unit of flux is expected")
    return "counts"


def checked(name: str, flux, error, good, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Flux, error, mask and the median of what is good.

    Raises:
        ValueError: lengths that differ, no good point, an error that is not positive, a median that is not.
    """
    flux, error = np.asarray(flux, np.float64), np.asarray(error, np.float64)
    if flux.shape[-1] != n or flux.shape != error.shape:
        raise ValueError(f"{name}: {n} points, but flux {flux.shape} and errors {error.shape}")
    given = np.ones(n, bool) if good is None else np.asarray(good)
    if given.dtype != bool or given.shape[-1:] != (n,):
        raise ValueError(
            f"{name}: good of shape {given.shape} and type {given.dtype} must be a mask, {n} times True or "
            "False"
        )
    mask = np.broadcast_to(given, flux.shape)
    mask = mask & np.isfinite(flux) & np.isfinite(error)
    if not mask.any():
        raise ValueError(
            f"{name}: no good point among {flux.size}: all are masked or NaN; nothing can be fitted"
        )
    bad = mask & (error <= 0)
    if bad.any():
        at = np.argwhere(bad)[0]
        raise ValueError(
            f"{name}: flux_err = {error[tuple(at)]:g} at {at.tolist()} must be positive; mask the point, or "
            "give its true error"
        )
    scale = float(np.median(flux[mask]))
    if not scale > 0:
        raise ValueError(
            f"{name}: the median flux is {scale:g} and must be positive; add what was subtracted, or for "
            "deviations from the mean give flux_unit = 'ppm'"
        )
    return flux, error, mask, scale
