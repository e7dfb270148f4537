"""Band means: how a filter weighs a spectrum, and bands that the grid does not hold."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np

from dynamojax.atmosphere.grid import (
    EMBEDDED,
    BandGrid,
    extrapolated,
    level_and_shape,
    load_grid,
    read_datasets,
)
from dynamojax.atmosphere.limb_darkening import quadrature_nodes

# Bins of the embedded spectrum of Vega: fine enough for its lines in a filter of 2 %.
VEGA_LN_WAVELENGTH = np.log(2600.0) + 0.002 * np.arange(1511)
# Limb darkening of a new band is interpolated in ln(wavelength) between these.
_LADDER = (
    *("johnson_u", "johnson_b", "johnson_v", "cousins_r", "cousins_i"),
    *("2mass_j", "2mass_h", "2mass_ks"),
)
_NARROWEST = 0.02
_C_ANGSTROM_S = 2.99792458e18  # SI


def band_weights(
    ln_wavelength: np.ndarray, wavelength: np.ndarray, throughput: np.ndarray, photon_counting: bool
) -> np.ndarray:
    """Weights of a band mean: sum(weights F) = <F_lambda> for F linear in ln(wavelength) between nodes.

    Args:
        ln_wavelength: Nodes of the spectrum, evenly spaced. [ln A]
        wavelength: Of the filter curve, increasing. [A]
        throughput: Of the filter curve. [any unit]
        photon_counting: Whether the detector counts photons (weight lambda T) or energy (weight T).
    """
    weights = band_integral(ln_wavelength, wavelength, throughput, photon_counting, *wavelength[[0, -1]])
    return weights / weights.sum()


def band_integral(
    ln_wavelength: np.ndarray,
    wavelength: np.ndarray,
    throughput: np.ndarray,
    photon_counting: bool,
    low: float,
    high: float,
) -> np.ndarray:
    """Weights of the integral of a spectrum times the band, from low to high [A]; else as `band_weights`."""
    ends = np.log([low, high])
    n = max(4001, 8 * int(np.ptp(ends) / np.diff(ln_wavelength[:2])[0]))
    fine = np.linspace(ends[0], ends[1], n)
    at = np.exp(fine)
    # d lambda = lambda d ln(lambda); a photon counter adds one more lambda.
    response = np.interp(at, wavelength, throughput, left=0.0, right=0.0) * at ** (
        2 if photon_counting else 1
    )
    response *= np.ptp(ends) / (n - 1)
    response[[0, -1]] *= 0.5
    x = (fine - ln_wavelength[0]) / (ln_wavelength[1] - ln_wavelength[0])
    i = np.clip(np.floor(x).astype(int), 0, len(ln_wavelength) - 2)
    u = np.clip(x - i, 0.0, 1.0)
    weights = np.bincount(i, response * (1 - u), len(ln_wavelength))
    return weights + np.bincount(i + 1, response * u, len(ln_wavelength))


def log_band_mean(weights: np.ndarray, ln_flux: np.ndarray) -> np.ndarray:
    """Ln of the band means, shape (n, n_bands), of spectra ln_flux (n, n_wavelengths)."""
    peak = ln_flux.max(1, keepdims=True)
    return np.log(np.exp(ln_flux - peak) @ weights.T) + peak


def pivot_wavelength(wavelength: np.ndarray, throughput: np.ndarray, photon_counting: bool) -> float:
    """Pivot wavelength [A]: turns a band mean of F_lambda into one of F_nu for any spectrum.

    Source: Bessell & Murphy (2012), PASP 124, 140, equations A10-A11.
    """
    energy = throughput * (wavelength if photon_counting else 1.0)
    return float(np.sqrt(np.trapezoid(energy, wavelength) / np.trapezoid(energy / wavelength**2, wavelength)))


def ab_zero_point(pivot: float) -> float:
    """Band mean of F_lambda at AB magnitude 0 [erg/s/cm2/A].

    Source: Oke & Gunn (1983), ApJ 266, 713: 48.60 mag for F_nu in erg/s/cm2/Hz.
    """
    return float(10 ** (-0.4 * 48.60) * _C_ANGSTROM_S / pivot**2)


@runtime_checkable
class Filter(Protocol):
    """What a band is made from; `instruments.bandpass.Bandpass` is one."""

    name: str
    wavelength: np.ndarray
    throughput: np.ndarray
    photon_counting: bool


def band_from_filter(grid: BandGrid, bandpass: Filter, path: str | Path | None = None) -> BandGrid:
    """The grid with one more band, from a filter curve. On the host, once.

    The flux is integrated over smooth spectra (scale 6 % in wavelength, 2600-53300 A) that reproduce the 35
    band fluxes tabulated for each model; the limb darkening is interpolated in ln(wavelength) between
    UBVRIJHK. The spectra hold no lines: for a filter on a line use spectra, not this.

    Args:
        grid: Grid to extend, with the nodes of the file at `path`.
        bandpass: Filter curve.
        path: File of the spectra; the embedded one when not given.

    Raises:
        ValueError: the name is taken; the filter is narrower than 2 %, or has more than 0.1 % of its
            throughput beyond the spectra; the grid has other nodes.

    Accuracy: each of the 35 tabulated bands predicted without itself (400 models of 3000-7000 K), error of
        the flux, then of the contrast over 1000 K, median and 95 %: broad optical bands (Kepler, TESS, G)
        0.1 and 0.3 %, 0.1 and 0.5 %; BVRI and griz 0.4 and 1 %, 0.2 and 1 %; ultraviolet 1.8 and 4.4 %, 1.1
        and 2.7 %; 5 % wide among lines (Stromgren v) 9 and 16 %, 4 and 10 %; in the gaps between J, H and K
        up to 12 and 25 %, 5 and 16 %. Limb darkening, rms of I/<I> over the disc: 0.1-0.8 % (B: 2 %) above
        3500 K, 0.4-2.4 % (J: 5 %) below. `python -m grids.measure_bands` prints them all.
    """
    path = EMBEDDED if path is None else Path(path)
    full = load_grid(path)
    if bandpass.name in grid.bands:
        raise ValueError(f"name = {bandpass.name!r} is already a band of the grid; choose another name")
    if grid.exists.shape != full.exists.shape or grid.mu_nodes != full.mu_nodes:
        raise ValueError(
            f"grid has nodes {grid.exists.shape}, the spectra {full.exists.shape}; load it from {path}"
        )
    data = read_datasets(path, ("node", "ln_wavelength", "spectrum", "vega"))
    curve = bandpass.wavelength, bandpass.throughput, bandpass.photon_counting
    _check_coverage(bandpass, np.exp(data["ln_wavelength"][[0, -1]]))
    pivot = pivot_wavelength(*curve)
    weights = band_weights(data["ln_wavelength"], *curve)
    ln_flux = log_band_mean(weights[None], data["spectrum"] * data["spectrum_step"])[:, 0]
    ln_intensity = np.full((*full.exists.shape, len(full.mu)), np.nan)
    index = tuple(data["node"].astype(int).T)
    ln_intensity[index] = (ln_flux - np.log(np.pi))[:, None] + _shape(full, pivot)[index]
    axes = [np.asarray(axis, dtype=float) for axis in (full.teff, full.logg, full.feh)]
    level, shape = level_and_shape(extrapolated(ln_intensity[..., None, :], axes))
    vega = band_weights(VEGA_LN_WAVELENGTH, *curve) @ data["vega"]

    def joined(old, new, axis=-1):
        return jnp.concatenate([old, jnp.asarray(new, dtype=old.dtype)], axis)

    return BandGrid(
        grid.teff,
        grid.logg,
        grid.feh,
        joined(grid.log_level, level),
        joined(grid.log_shape, shape, -2),
        grid.exists,
        joined(grid.wavelength_eff, [pivot]),
        joined(grid.ab_zero_point, [ab_zero_point(pivot)]),
        joined(grid.vega_zero_point, [vega]),
        (*grid.bands, bandpass.name),
        grid.mu_nodes,
    )


def _check_coverage(bandpass: Filter, ends: np.ndarray) -> None:
    wavelength, throughput = bandpass.wavelength, bandpass.throughput
    fine = np.union1d(wavelength, ends)
    total = np.trapezoid(throughput, wavelength)
    response = np.interp(fine, wavelength, throughput, left=0.0, right=0.0)
    keep = (fine >= ends[0]) & (fine <= ends[1])
    lost = 1.0 - np.trapezoid(response[keep], fine[keep]) / total
    if lost > 1e-3:
        raise ValueError(
            f"{bandpass.name}: {100 * lost:.2f} % of the throughput lies beyond the spectra, "
            f"{ends[0]:.0f}-{ends[1]:.0f} A (allowed: 0.1 %); cut the filter or check its unit"
        )
    width = total / throughput.max() / np.average(wavelength, weights=throughput * np.gradient(wavelength))
    if width < _NARROWEST:
        raise ValueError(
            f"{bandpass.name}: width = {100 * width:.2f} % of the wavelength, allowed: "
            f"{100 * _NARROWEST:.0f} % or more; the spectra behind the grid hold no lines"
        )


def _shape(grid: BandGrid, pivot: float) -> np.ndarray:
    """Ln of I(mu) over the disc's mean at a wavelength, at every node, from the ladder of bands."""
    rungs = grid.select(_LADDER)
    ln_intensity = np.asarray(rungs.log_intensity, dtype=float)
    weight = quadrature_nodes(len(grid.mu))[1]
    x = np.log(np.asarray(rungs.wavelength_eff, dtype=float))
    i = int(np.clip(np.searchsorted(x, np.log(pivot)) - 1, 0, len(x) - 2))
    u = np.clip((np.log(pivot) - x[i]) / (x[i + 1] - x[i]), 0.0, 1.0)

    def normalised(ln):
        return ln - np.log(2.0 * np.exp(ln) @ weight)[..., None]

    return normalised(sum(c * normalised(ln_intensity[..., k, :]) for c, k in ((1 - u, i), (u, i + 1))))
