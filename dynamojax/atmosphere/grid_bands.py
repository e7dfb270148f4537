"""Band intensities from the spectra of any grid file, integrated once on the host and kept."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import jax.numpy as jnp
import numpy as np

from dynamojax.atmosphere.bands import (
    VEGA_LN_WAVELENGTH,
    Filter,
    ab_zero_point,
    band_integral,
    band_weights,
    pivot_wavelength,
)
from dynamojax.atmosphere.grid import EMBEDDED as EMBEDDED_BANDS
from dynamojax.atmosphere.grid import BandGrid, extrapolated, level_and_shape, read_datasets
from dynamojax.atmosphere.grid_cut import node_reader, padded
from dynamojax.atmosphere.grid_file import GridFile, opened
from dynamojax.atmosphere.grid_layout import Segment
from dynamojax.atmosphere.locations import locations
from dynamojax.writing import hdf5_file, replacing

FORMAT = "dynamojax band of a grid"
_METHOD = 1  # to be raised when the integration changes: it is part of the key of what is kept
_LOST = 1e-3
_PACKAGE = Path(__file__).resolve().parents[1]  # nothing is written into it


def bands_from_spectra(
    file: GridFile, bandpasses: Sequence[Filter], cache: str | Path | None = None
) -> BandGrid:
    """A grid of band intensities for the simulator, from spectra. On the host, once for each band.

    Args:
        file: Spectra, of `open_grid`.
        bandpasses: Filter curves; a band may lie over several segments.
        cache: Folder of what is kept; where left out, one beside the file, or in the user's cache where
            that cannot be written. What is stale or damaged is made again.

    Raises:
        ValueError: two filters of one name; one with more than 0.1 % of its light beyond the spectra (of a
            source of constant F_lambda); a damaged grid file.

    Accuracy: integrated linearly in ln(wavelength) between the samples of the spectra.
    """
    names = [band.name for band in bandpasses]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"bandpasses = {names}: different names, at least one, are needed")
    pieces = {band.name: _pieces(file, band) for band in bandpasses}  # refuses before it computes
    folder = _folder(file, cache)
    kept = ((band.name, _kept(folder, file, band)) for band in bandpasses)
    cubes = {name: cube for name, cube in kept if cube is not None}
    missing = [band for band in bandpasses if band.name not in cubes]
    if missing:
        cubes |= _integrated(file, {band.name: pieces[band.name] for band in missing})
    for band in missing:
        _keep(folder, file, band, cubes[band.name])
    return _grid(file, bandpasses, np.stack([cubes[name] for name in names], axis=-2))


def _grid(file: GridFile, bandpasses: Sequence[Filter], ln_intensity: np.ndarray) -> BandGrid:
    exists, axes, cube = padded(file.exists, [file.teff, file.logg, file.feh], ln_intensity)
    cube = np.where(exists[..., None, None], cube, np.nan)
    level, shape = level_and_shape(extrapolated(cube, axes))
    curves = [(band.wavelength, band.throughput, band.photon_counting) for band in bandpasses]
    pivots = [pivot_wavelength(*curve) for curve in curves]
    vega = read_datasets(EMBEDDED_BANDS, ("vega",))["vega"]
    return BandGrid(
        *axes,
        log_level=level,
        log_shape=shape,
        exists=jnp.asarray(exists),
        wavelength_eff=np.array(pivots),
        ab_zero_point=np.array([ab_zero_point(pivot) for pivot in pivots]),
        vega_zero_point=np.array([band_weights(VEGA_LN_WAVELENGTH, *curve) @ vega for curve in curves]),
        bands=tuple(band.name for band in bandpasses),
        mu_nodes=file.mu_nodes,
    )


def _stretches(segments: Sequence[Segment]) -> Iterator[tuple[Segment, float, float]]:
    """Wavelengths [A] that some segment covers, each with the most finely sampled that does."""
    edges = np.unique([end for s in segments for end in s.axis.ends])
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        over = [s for s in segments if s.axis.ends[0] <= low and high <= s.axis.ends[1]]
        if over:
            yield max(over, key=lambda s: s.axis.sampling), float(low), float(high)


def _pieces(file: GridFile, band: Filter) -> dict[str, np.ndarray]:
    """By segment, the weights of its wavelengths in the band mean."""
    curve = band.wavelength, band.throughput, band.photon_counting
    ends = float(band.wavelength[0]), float(band.wavelength[-1])
    pieces, kept = {}, 0.0
    for segment, low, high in _stretches(list(file.segments.values())):
        low, high = max(low, ends[0]), min(high, ends[1])
        if low < high:
            weights = band_integral(segment.axis.ln_wavelength, *curve, low, high)
            pieces[segment.name] = pieces.get(segment.name, 0.0) + weights
            kept += _light(band, low, high)
    lost = 1.0 - kept / _light(band, *ends)
    if lost > _LOST:
        spans = ", ".join("{:.0f}-{:.0f} A".format(*s.axis.ends) for s in file.segments.values())
        raise ValueError(
            f"{band.name}: {100 * lost:.2f} % of the throughput lies beyond the spectra of {file.path.name}, "
            f"{spans} (allowed: {100 * _LOST:g} %); take a grid that reaches farther, or band_from_filter"
        )
    total = sum(weights.sum() for weights in pieces.values())
    return {name: weights / total for name, weights in pieces.items()}


def _light(band: Filter, low: float, high: float) -> float:
    """What is detected from low to high [A] of a source of constant F_lambda; exact, by Simpson's rule."""
    x = np.union1d(band.wavelength, (low, high))
    x = x[(x >= low) & (x <= high)]
    middle = 0.5 * (x[1:] + x[:-1])
    left, centre, right = (
        np.interp(at, band.wavelength, band.throughput) * (at if band.photon_counting else 1.0)
        for at in (x[:-1], middle, x[1:])
    )
    return float(np.sum(np.diff(x) * (left + 4.0 * centre + right) / 6.0))


def _integrated(file: GridFile, pieces: dict[str, dict]) -> dict[str, np.ndarray]:
    """Ln of the band intensities [n_teff, n_logg, n_feh, n_mu], NaN in holes, model after model."""
    n_mu = len(file.mu_nodes)
    totals = {name: np.zeros((*file.exists.shape, n_mu)) for name in pieces}
    with opened(file.path) as stored:
        for segment in file.segments.values():
            weights = {band: p[segment.name] for band, p in pieces.items() if segment.name in p}
            if weights:
                group = stored[f"segments/{segment.name}"]
                _add(group, segment, file.exists, weights, totals)
    return {name: np.log(np.where(file.exists[..., None], total, np.nan)) for name, total in totals.items()}


def _add(group: Any, segment: Segment, exists: np.ndarray, weights: dict, totals: dict) -> None:
    used = np.flatnonzero(sum(weights.values()))
    start, stop = int(used[0]), int(used[-1]) + 1
    matrix = np.stack([w[start:stop] for w in weights.values()], axis=1)
    read = node_reader(group, segment, start, stop)
    for node in map(tuple, np.argwhere(exists).tolist()):
        means = 10.0 ** read(node) @ matrix
        for k, name in enumerate(weights):
            totals[name][node] += means[:, k]


def _key(file: GridFile, band: Filter) -> str:
    """Digest of all that the result depends on."""
    digest = hashlib.blake2b(f"{_METHOD} {file.attributes['content']} {band.photon_counting}".encode())
    for array in (band.wavelength, band.throughput):
        digest.update(np.ascontiguousarray(array, np.float64).tobytes())
    return digest.hexdigest()[:24]


def _folder(file: GridFile, cache: str | Path | None) -> Path | None:
    """Where bands are kept; None where nothing can be written."""
    is_embedded = file.path.resolve().is_relative_to(_PACKAGE)
    beside = [] if is_embedded else [file.path.with_suffix(".bands")]
    choices = [*beside, locations().cache / "bands"]
    for folder in [Path(cache)] if cache is not None else choices:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".probe").touch()
            (folder / ".probe").unlink()
        except OSError:
            continue
        return folder
    if cache is not None:
        raise ValueError(f"cache = {cache} cannot be written to; choose another folder")
    return None


def _kept(folder: Path | None, file: GridFile, band: Filter) -> np.ndarray | None:
    """What was kept, None where there is nothing whole."""
    key = _key(file, band)
    if folder is None or not (folder / f"{key}.h5").exists():
        return None
    try:
        with h5py.File(folder / f"{key}.h5", "r") as opened:
            dataset: Any = opened["ln_intensity"]
            cube = dataset[()]
            same = opened.attrs["format"] == FORMAT and opened.attrs["key"] == key
    except (OSError, KeyError, RuntimeError):
        return None
    right = same and cube.shape == (*file.exists.shape, len(file.mu_nodes))
    return cube if right and np.array_equal(np.isfinite(cube).all(-1), file.exists) else None


def _keep(folder: Path | None, file: GridFile, band: Filter, cube: np.ndarray) -> None:
    if folder is None:
        return
    key = _key(file, band)
    with replacing(folder / f"{key}.h5") as part, hdf5_file(part) as opened:
        opened.attrs.update({"format": FORMAT, "key": key, "band": band.name, "grid": file.path.name})
        opened.create_dataset("ln_intensity", data=cube, compression="gzip", fletcher32=True)
