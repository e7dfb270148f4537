"""Tracks of the kiauhoku package: rotating YREC (fastlaunch, slowlaunch, rocrit), yrec, mist and others.

kiauhoku (Claytor et al. 2020, ApJ 888, 43) downloads a grid once from Zenodo into ~/.kiauhoku/grids and keeps
it as one Parquet file: a table indexed by initial_mass, initial_met, initial_alpha where it has one, and eep.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dynamojax.constants import DAY_S
from dynamojax.evolution.track_file import track_grid
from dynamojax.evolution.tracks import TrackGrid


class _Column(NamedTuple):
    """Names a quantity goes by, each with what to multiply it by; whether it is a log10 already."""

    names: tuple[tuple[str, float], ...]
    is_log: bool = False


_LOG_TEFF = _Column((("Log Teff(K)", 1.0),), True)
_YREC: dict[str, _Column] = {
    "log_age": _Column((("Age(Gyr)", 1.0),)),
    "log_teff": _LOG_TEFF,
    "log_luminosity": _Column((("L/Lsun", 1.0),)),
    "log_mass": _Column((("Mass(Msun)", 1.0),)),
    "log_prot": _Column((("Prot(days)", 1.0),)),
    "log_turnover": _Column((("Tau(cz)(sec)", 1.0 / DAY_S),)),
}
# In the yrec grid, unlike those with rotation, L/Lsun is a logarithm.
_COLUMNS: dict[str, dict[str, _Column]] = {
    "fastlaunch": _YREC,
    "slowlaunch": _YREC,
    "rocrit": _YREC,
    "yrec": {
        "log_age": _YREC["log_age"],
        "log_teff": _LOG_TEFF,
        "log_luminosity": _Column((("L/Lsun", 1.0),), True),
        "log_mass": _YREC["log_mass"],
        "log_turnover": _YREC["log_turnover"],
    },
    "mist": {
        "log_age": _Column((("star_age", 1e-9),)),
        "log_teff": _Column((("log_Teff", 1.0),), True),
        "log_luminosity": _Column((("log_L", 1.0),), True),
        "log_mass": _Column((("star_mass", 1.0),)),
    },
    "dartmouth": {
        "log_age": _Column((("Age (yrs)", 1e-9),)),
        "log_teff": _Column((("Log T", 1.0),), True),
        "log_luminosity": _Column((("Log L", 1.0),), True),
    },
    "garstec": {
        "log_age": _Column((("Age(Gyr)", 1.0), ("Age(Myr)", 1e-3))),
        "log_teff": _Column((("Teff", 1.0),)),
        "log_luminosity": _Column((("Log L/Lsun", 1.0),), True),
    },
}
KIAUHOKU_GRIDS = tuple(_COLUMNS)
_REQUIRED = ("log_age", "log_teff", "log_luminosity")


def load_kiauhoku(name: str, path: str | Path | None = None, *, leave_out_broken: bool = False) -> TrackGrid:
    """Read one of kiauhoku's grids.

    Args:
        name: One of KIAUHOKU_GRIDS.
        path: The Parquet file; where kiauhoku keeps it when not given.
        leave_out_broken: Leave out tracks whose age does not increase, instead of raising.

    Raises:
        ValueError: no such grid, no such file, kiauhoku not installed, or a table of another form.
    """
    if name not in _COLUMNS:
        raise ValueError(f"name = {name!r} is not a grid of kiauhoku; choose from {', '.join(_COLUMNS)}")
    path = kiauhoku_path(name) if path is None else Path(path)
    if not path.exists():
        raise ValueError(
            f"path = {path} does not exist; download it once (0.1 to 1 GB) with "
            f"python -c \"from dynamojax.evolution.kiauhoku import fetch_kiauhoku as f; f('{name}')\""
        )
    try:
        frame = _kiauhoku().stargrid.from_parquet(str(path), name=name)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is damaged or not Parquet ({error}); delete and fetch it again") from error
    axes, values, columns = _arranged(frame, _COLUMNS[name], path)
    first, last = _ends(values)
    if leave_out_broken:
        index = np.arange(values.shape[3])
        inside = (index[1:] > first[..., None]) & (index[1:] <= last[..., None])
        with np.errstate(invalid="ignore"):
            broken = (inside & ~(np.diff(values[..., 0], axis=-1) > 0)).any(-1)
        first, last = np.where(broken, 0, first), np.where(broken, -1, last)
    return track_grid(path, axes, values, first, last, columns)


def kiauhoku_path(name: str) -> Path:
    """Where kiauhoku keeps a grid."""
    folder = import_module("kiauhoku.config").grids_path if _kiauhoku() else ""
    return Path(folder) / name / f"{name}_eep.pqt"


def fetch_kiauhoku(name: str) -> Path:
    """Download a grid from Zenodo, by kiauhoku itself; the file it then is.

    Raises:
        ValueError: no such grid, or the download failed.
    """
    if name not in _COLUMNS:
        raise ValueError(f"name = {name!r} is not a grid of kiauhoku; choose from {', '.join(_COLUMNS)}")
    path = kiauhoku_path(name)
    try:
        _kiauhoku().download(name, create_interpolator=False)
    except OSError as error:  # requests' errors are
        raise ValueError(
            f"{name} could not be downloaded ({error}); fetch {name}_eep.tar.gz from "
            f"https://doi.org/10.5281/zenodo.4287717 in a browser and unpack it into {path.parent.parent}"
        ) from error
    return path


def _kiauhoku() -> Any:
    try:
        return import_module("kiauhoku")
    except ImportError as error:
        raise ValueError('kiauhoku is not installed; pip install "dynamojax[evolution]"') from error


def _arranged(frame: Any, columns: dict[str, _Column], path: Path):
    """Axes, cube [mass, feh, alpha, eep, log_age and columns] padded with NaN, and names of the columns."""
    levels = list(frame.index.names)
    missing = [n for n in ("initial_mass", "initial_met", "eep") if n not in levels]
    if missing:
        raise ValueError(f"{path}: its index is {levels}, without {missing}; this is not a grid on EEPs")
    at = {n: np.round(np.asarray(frame.index.get_level_values(n), dtype=float), 6) for n in levels}
    alpha = at.get("initial_alpha", np.zeros(len(frame)))
    nodes = [np.unique(x) for x in (at["initial_mass"], at["initial_met"], alpha)]
    eep = np.arange(at["eep"].min(), at["eep"].max() + 1)
    place = [
        np.searchsorted(n, x)
        for n, x in zip(nodes, (at["initial_mass"], at["initial_met"], alpha), strict=True)
    ]
    place.append((at["eep"] - eep[0]).astype(int))
    table = {name: _log10(frame, column, path, name) for name, column in columns.items()}
    # A grid without mass loss has no column for the mass.
    table = {"log_mass": np.log10(at["initial_mass"])} | {k: v for k, v in table.items() if v is not None}
    names = (
        "log_teff",
        "log_luminosity",
        "log_mass",
        *(n for n in ("log_prot", "log_turnover") if n in table),
    )
    cube = np.full((*map(len, nodes), len(eep), 1 + len(names)), np.nan)
    cube[tuple(place)] = np.stack([table[n] for n in ("log_age", *names)], axis=1)
    axes = dict(zip(("mass", "feh", "alpha", "eep"), (*nodes, eep), strict=True))
    return axes, cube, names


def _log10(frame: Any, column: _Column, path: Path, name: str) -> np.ndarray | None:
    for label, factor in column.names:
        if label in frame.columns:
            values = np.asarray(frame[label], dtype=float)
            with np.errstate(divide="ignore", invalid="ignore"):
                return values if column.is_log else np.log10(values * factor)
    if name in _REQUIRED:
        labels = [label for label, _ in column.names]
        raise ValueError(f"{path}: no column {labels}; it has {list(frame.columns)}; is it another grid?")
    return None


def _ends(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last phase of the stretch without gaps that each track begins with; last is -1 for none."""
    known = np.asarray(np.isfinite(values).all(-1))
    first = np.argmax(known, axis=-1)
    index = np.arange(known.shape[-1])
    after = ~known & (index > first[..., None])
    last = np.where(after.any(-1), np.argmax(after, axis=-1), known.shape[-1]) - 1
    return np.where(known.any(-1), first, 0), np.where(known.any(-1) & (last - first >= 3), last, -1)
