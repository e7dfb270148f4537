"""A page of stars from a data set: what each instrument recorded of them, and their spots."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from dynamojax.plotting.style import FAINT, MUTED, PALETTE, STYLE, new_figure, scaled_flux
from dynamojax.population.dataset import Arrays, DataSet, read_shard

_MANY = 3000  # points from which they are drawn as a raster


@rc_context(STYLE)
def plot_examples(data: DataSet, n_stars: int = 4) -> Figure:
    """Valid stars of the first finished shard, from quiet to variable: a row each.

    Args:
        data: At least one shard of it is finished.
        n_stars: How many, at most.

    Raises:
        ValueError: no shard is finished, no star in the first one is valid, or it holds no observables.
    """
    about = data.description()
    arrays = read_shard(data.paths[0])
    panels = _panels(about["columns"])
    if not panels:
        raise ValueError(f"{data.folder} holds neither observables nor spots to draw; see its columns")
    rows = _chosen(arrays, panels, n_stars)
    figure = new_figure(3.1 * len(panels) + 0.4, 1.75 * len(rows) + 0.5)
    axes = figure.subplots(len(rows), len(panels), squeeze=False)
    for i, row in enumerate(rows):
        for j, (kind, name) in enumerate(panels):
            _DRAW[kind](axes[i, j], name, arrays, row, about)
            if i < len(rows) - 1:
                axes[i, j].set_xlabel("")
            if i == 0 and j > 0:
                axes[i, j].set_title(name, weight="bold", pad=14)
        axes[i, 0].set_title(_about_star(arrays, row), loc="left", fontsize=8, pad=3)
    figure.suptitle(f"{data.folder.name}: {data.n_finished} stars; without noise: lines", fontsize=9)
    return figure


def _panels(columns: dict) -> list[tuple[str, str]]:
    """What there is to draw: curves, spectra, spots; by the axis of their columns."""
    panels = []
    for name, column in columns.items():
        instrument, _, kind = column["axis"].rpartition("_")
        is_flux = name.endswith(("_flux", "_flux_model")) and kind in ("time", "wavelength")
        place = ("curve" if kind == "time" else "spectrum", name.removesuffix("_model").removesuffix("_flux"))
        if is_flux and instrument and place not in panels:
            panels.append(place)
        place = ("velocity", name.removesuffix("_model").removesuffix("_velocity"))
        if _is_series(name, column) and place not in panels:
            panels.append(place)
    return sorted(panels) + ([("spots", "spots")] if "spot_lat" in columns else [])


def _is_series(name: str, column: dict) -> bool:
    """Whether a column is a series of velocities; those beside spectra are of the star as a whole."""
    return name.endswith("_velocity_model") or (name.endswith("_velocity") and column["group"] == "noisy")


def _chosen(arrays: Arrays, panels: list, n_stars: int) -> np.ndarray:
    valid = np.flatnonzero(arrays["valid"])
    if not len(valid):
        raise ValueError("no star of the first shard is valid, so there is nothing to draw")
    curves = [name for kind, name in panels if kind == "curve"]
    if curves:
        spread = [np.nanstd(_column(arrays, curves[0])[row]) for row in valid]
        valid = valid[np.argsort(spread)]
    places = np.unique(np.linspace(0.1, 0.9, n_stars) * (len(valid) - 1) + 0.5).astype(int)
    return valid[np.unique(places)]


def _column(arrays: Arrays, name: str) -> np.ndarray:
    """Without noise if that is kept."""
    return arrays[f"{name}_flux_model" if f"{name}_flux_model" in arrays else f"{name}_flux"]


def _about_star(arrays: Arrays, row: int | np.integer) -> str:
    prot, inc = arrays["star_prot"][row], np.rad2deg(arrays["star_inc"][row])
    return f"star {arrays['star_id'][row]}: {arrays['star_teff'][row]:.0f} K, {prot:.1f} d, i = {inc:.0f}°"


def _axis(about: dict, name: str) -> np.ndarray:
    column = about["columns"].get(f"{name}_flux") or about["columns"][f"{name}_flux_model"]
    return np.asarray(about["axes"][column["axis"]]["values"])


def _curve(axes: Axes, name: str, arrays: Arrays, row: int | np.integer, about: dict) -> None:
    times, model = _axis(about, name), _column(arrays, name)[row]
    factor, unit = scaled_flux(float(np.ptp(model)))
    seen, good = arrays.get(f"{name}_flux"), arrays.get(f"{name}_good")
    if seen is not None and good is not None:
        points = np.where(good[row], seen[row], np.nan)
        many = len(times) > _MANY
        axes.plot(
            times, factor * (points - 1), ".", color=FAINT, ms=1.0 if many else 2.5, mew=0, rasterized=many
        )
        low, high = np.nanpercentile(points, [0.2, 99.8]) if np.isfinite(points).any() else (1, 1)
        low, high = min(low, model.min()) - 1, max(high, model.max()) - 1
        margin = 0.06 * (high - low) + 1e-9
        axes.set_ylim(factor * (low - margin), factor * (high + margin))
    if f"{name}_flux_model" in arrays:
        axes.plot(times, factor * (model - 1), color=PALETTE[0], lw=1.0)
    axes.set_ylabel(f"{name} flux - 1 [{unit}]")
    axes.set_xlabel("Time [d]")


def _spectrum(axes: Axes, name: str, arrays: Arrays, row: int | np.integer, about: dict) -> None:
    wavelength, model = _axis(about, name), _column(arrays, name)[row]
    # one exposure is enough to see what they are like
    first = model[0] if model.ndim > 1 else model
    level, order = np.nanmedian(first), np.argsort(wavelength)
    at = _with_gaps(wavelength[order])
    seen = arrays.get(f"{name}_flux")
    if seen is not None:
        noisy = (seen[row][0] if model.ndim > 1 else seen[row]) / level
        axes.plot(at, noisy[order], color=FAINT, lw=0.5, rasterized=True)
    axes.plot(at, first[order] / level, color=PALETTE[1], lw=0.5, rasterized=True)
    axes.set_ylim(0, 1.15 * np.nanmax(first) / level)
    axes.set_xlabel("Wavelength in vacuum [Å]")
    axes.set_ylabel(f"flux / {level:.1e}")


def _with_gaps(wavelength: np.ndarray) -> np.ndarray:
    """NaN at the first pixel after a gap, so that no line bridges it."""
    steps = np.diff(wavelength, prepend=wavelength[0])
    return np.where(steps > 5 * np.median(steps), np.nan, wavelength)


def _velocity(axes: Axes, name: str, arrays: Arrays, row: int | np.integer, about: dict) -> None:
    """Less their median: what is of the star as a whole, and far larger, is not what is looked at."""
    kept = [key for key in (f"{name}_velocity", f"{name}_velocity_model") if key in arrays]
    times = np.asarray(about["axes"][about["columns"][kept[0]]["axis"]]["values"])
    middle = np.median(arrays[kept[-1]][row])
    factor, unit = (1.0, "km/s") if np.ptp(arrays[kept[-1]][row]) > 1.0 else (1e3, "m/s")
    for key in kept:
        is_model = key.endswith("_model")
        style = {"color": PALETTE[0], "lw": 0.8} if is_model else {"color": FAINT, "ms": 2.0, "mew": 0}
        axes.plot(times, factor * (arrays[key][row] - middle), "-" if is_model else ".", **style)
    axes.set_xlabel("Time [d]")
    axes.set_ylabel(f"{name} less its median [{unit}]")


def _spots(axes: Axes, name: str, arrays: Arrays, row: int | np.integer, about: dict) -> None:
    """At their largest, whenever that is, on a map of latitude and longitude."""
    lat, lon, radius = (np.rad2deg(arrays[f"spot_{key}"][row]) for key in ("lat", "lon", "radius"))
    kept = radius > 0
    lon = (lon + 180.0) % 360.0 - 180.0
    wide = np.maximum(np.cos(np.deg2rad(lat)), 0.05)
    caps = [
        Ellipse((x, y), 2 * r / w, 2 * r)
        for x, y, r, w in zip(lon[kept], lat[kept], radius[kept], wide[kept], strict=True)
    ]
    axes.add_collection(PatchCollection(caps, color=MUTED, alpha=0.45, lw=0))
    axes.set(xlim=(-180, 180), ylim=(-90, 90), xlabel="Longitude at time 0 [°]", ylabel="Latitude [°]")
    axes.set_xticks([-180, -90, 0, 90, 180])
    axes.set_yticks([-90, -45, 0, 45, 90])
    axes.set_title(f"{kept.sum()} spots", loc="right", fontsize=8, pad=3)


_DRAW = {"curve": _curve, "spectrum": _spectrum, "spots": _spots, "velocity": _velocity}
