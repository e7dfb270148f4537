"""The butterfly diagram: where and when spots emerge, how large they are and how much they cover."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dynamojax.plotting.style import FAINT, INK, MUTED, PALETTE, STYLE, new_figure
from dynamojax.surface.evolution import LAWS, spot_radii
from dynamojax.system import Epochs, SpotMap

_YEAR_DAY = 365.25
_N_TIMES = 600


@rc_context(STYLE)
def plot_butterfly(spots: SpotMap, *, law: str = "gaussian", unit: str | None = None) -> Figure:
    """Latitude against time of maximum of every spot, marker areas in proportion to the spots' areas.

    Bars reach from tau_emerge before to tau_decay after the maximum; above, the area of all spots together,
    each counted in full; on the right, its distribution over latitude.

    Args:
        spots: Of one star; empty places are left out.
        law: Evolution of the radii, for the area.
        unit: Of the time axis: "day" or "year"; by default years beyond three of them.

    Raises:
        ValueError: more than one star, no spot, an unknown law, a unit that is neither.
    """
    if law not in LAWS:
        raise ValueError(f"law = {law!r} must be one of {', '.join(LAWS)}")
    lat, radius, t_max, rise, fall = _present(spots)
    span = np.ptp(t_max)
    unit = ("year" if span > 3 * _YEAR_DAY else "day") if unit is None else unit
    if unit not in ("day", "year"):
        raise ValueError(f"unit = {unit!r} must be 'day' or 'year'")
    scale = _YEAR_DAY if unit == "year" else 1.0
    margin = max(0.03 * span, min(0.2 * span, float(np.median(rise)))) if span > 0 else 1.0
    window = (t_max.min() - margin, t_max.max() + margin)
    figure = new_figure(6.6, 4.0)
    grid = figure.subplot_mosaic(
        [["area", "key"], ["map", "lat"]], width_ratios=(6, 1), height_ratios=(1, 3.2)
    )
    area = 2 * np.pi * (1 - np.cos(radius))
    _draw_map(grid["map"], t_max / scale, np.rad2deg(lat), area, (rise / scale, fall / scale))
    _draw_area(grid["area"], spots, law, window, scale)
    _draw_latitudes(grid["lat"], np.rad2deg(lat), area)
    _draw_key(grid["key"], area)
    limits = (window[0] / scale, window[1] / scale)
    grid["map"].set(xlim=limits, xlabel=f"Time of maximum [{'yr' if unit == 'year' else 'd'}]")
    grid["area"].set(xlim=limits)
    grid["lat"].set(ylim=grid["map"].get_ylim())
    return figure


def _present(spots: SpotMap) -> list[np.ndarray]:
    """Leaves of the spots that exist."""
    if spots.radius.ndim != 1:
        raise ValueError(f"spots.radius has shape {spots.radius.shape}: one star is expected; take one")
    leaves = (spots.lat, spots.radius, spots.t_max, spots.tau_emerge, spots.tau_decay)
    keep = np.asarray(spots.radius) > 0
    if not keep.any():
        raise ValueError("spots has no spot of radius above 0 (or is NaN throughout: see is_complete)")
    return [np.asarray(x, float)[keep] for x in leaves]


def _largest_marker(n_spots: int) -> float:
    """Marker area of the largest spot, smaller where there are many. [pt^2]"""
    return float(np.clip(3000.0 / np.sqrt(n_spots), 40.0, 130.0))


def _draw_map(axes: Axes, t, lat, area, taus) -> None:
    size = _largest_marker(len(area)) * area / area.max()
    rise, fall = (np.where(np.isfinite(x), x, 0.0) for x in taus)
    bars = [[(a - r, b), (a + f, b)] for a, b, r, f in zip(t, lat, rise, fall, strict=True)]
    axes.add_collection(LineCollection(bars, colors=FAINT, linewidths=0.5, zorder=1))
    order = np.argsort(-size)  # small ones on top of large ones
    colour = np.where(lat[order] >= 0, PALETTE[0], PALETTE[1])
    alpha = float(np.clip(12 / np.sqrt(len(t)), 0.3, 0.8))
    axes.scatter(t[order], lat[order], size[order], c=colour, alpha=alpha, lw=0.3, ec="white", zorder=2)
    axes.axhline(0.0, color=INK, lw=0.6, ls=(0, (5, 4)), zorder=0)
    top = min(90.0, max(1.25 * np.abs(lat).max(), 10.0))
    axes.set(ylim=(-top, top), ylabel="Latitude [deg]")


def _draw_key(axes: Axes, area) -> None:
    """Radii of spots beside their markers."""
    shares = np.array([1.0, 0.25, 0.05])
    radii = np.rad2deg(np.arccos(1 - shares * area.max() / (2 * np.pi)))
    sizes = np.sqrt(_largest_marker(len(area)) * shares)
    style = {"ls": "", "marker": "o", "mfc": FAINT, "mec": MUTED, "mew": 0.4}
    axes.legend(
        [Line2D([], [], ms=s, **style) for s in sizes],
        [f"{r:.2g}°" for r in radii],
        title="Spot radius",
        title_fontsize=8,
        loc="center",
        labelspacing=0.4,
    )
    axes.axis("off")


def _draw_area(axes: Axes, spots: SpotMap, law: str, window, scale: float) -> None:
    times = np.linspace(window[0], window[1], _N_TIMES)
    radii = np.asarray(spot_radii(spots, Epochs.from_days(times), law), float)
    share = 50.0 * np.nansum(1 - np.cos(radii), axis=0)  # % of the sphere
    axes.fill_between(times / scale, share, color=PALETTE[5], alpha=0.5, lw=0)
    axes.plot(times / scale, share, color=PALETTE[0], lw=0.8)
    axes.set(ylim=(0, None), ylabel="Covered [%]")
    axes.tick_params(labelbottom=False)


def _draw_latitudes(axes: Axes, lat, area) -> None:
    edges = np.linspace(-90.0, 90.0, 61)
    weight, _ = np.histogram(lat, edges, weights=area / area.sum())
    axes.stairs(100 * weight, edges, orientation="horizontal", color=MUTED, fill=True, alpha=0.35)
    axes.stairs(100 * weight, edges, orientation="horizontal", color=MUTED, lw=0.8)
    axes.set(xlabel="Area [%]", xlim=(0, None))
    axes.tick_params(labelleft=False)
