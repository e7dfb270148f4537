"""Fits: data beside their model with residuals, the posterior's corner, correlations."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dynamojax.files.fit_record import FitRecord, FittedData
from dynamojax.plotting.populations import plot_corner
from dynamojax.plotting.style import FAINT, INK, MUTED, PALETTE, STYLE, new_figure, scaled_flux

_MOST = 10  # parameters of a corner, beyond which nobody can read it
_MANY = 3000  # points from which they are drawn as a raster, small and pale


def short_name(name: str) -> str:
    """Name of a parameter without its owner: "lat 1" of spots.lat_deg[1]."""
    stem, _, index = name.partition("[")
    owner, _, field = stem.rpartition(".")
    field = field.removesuffix("_deg")
    if owner not in ("", "star", "spots"):
        field = f"{owner} {field}"
    return f"{field} {index.removesuffix(']')}" if index else field


def _label(name: str, unit: str) -> str:
    symbol = {"median flux": "", "solRad": r"R$_\odot$"}.get(unit, unit)
    return f"{short_name(name)} [{symbol}]" if symbol else short_name(name)


@rc_context(STYLE)
def plot_fitted_light_curve(name: str, data: FittedData) -> Figure:
    """A light curve as points, its model as a line; below, what is left over, in units of its error.

    Args:
        name: Of the data set.
        data: With or without a model.
    """
    figure = new_figure(7.0, 3.6)
    top, low = figure.subplots(2, 1, sharex=True, height_ratios=[2.2, 1.0])
    good, times = data.good[0], data.where
    spread = data.values[0][good]
    factor, unit = scaled_flux(float(np.ptp(np.percentile(spread, [0.5, 99.5]))))
    many = times.size > _MANY
    points = {"ms": 1.6 if many else 3.2, "mew": 0, "alpha": 0.7, "color": INK, "rasterized": many}
    flux = (data.values[0] - 1) * factor
    top.errorbar(times, flux, factor * data.errors[0], fmt="none", ecolor=FAINT, elinewidth=0.5, zorder=1)
    top.plot(times, flux, ".", label="data", zorder=2, **points)
    for k, part in enumerate(_stretches(times)):
        model = (data.model[0][part] - 1) * factor
        top.plot(times[part], model, color=PALETTE[1], label=None if k else "model", zorder=3, lw=0.9)
    low.plot(times[good], data.residual[0][good], ".", **points)
    _zero(low)
    top.legend(loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=2, markerscale=2, borderpad=0.1)
    top.set_ylabel(f"Flux / median - 1 [{unit}]")
    top.set_title(name, loc="left", weight="bold")
    low.set_ylabel("Resid. / error")
    low.set_xlabel("Time from the epoch [d]")
    top.margins(x=0.01)
    figure.align_ylabels([top, low])
    return figure


def _zero(axes: Axes) -> None:
    axes.axhline(0.0, color=INK, lw=0.7)
    for level in (-2.0, 2.0):
        axes.axhline(level, color=INK, lw=0.5, ls=(0, (4, 4)), alpha=0.6)


def _stretches(times: np.ndarray) -> list[slice]:
    """Runs without gaps, so that a line never bridges one."""
    if times.size < 3:
        return [slice(None)]
    step = np.diff(times)
    ends = [0, *(np.flatnonzero(step > 5 * np.median(step)) + 1), times.size]
    return [slice(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]


@rc_context(STYLE)
def plot_fitted_spectrum(name: str, data: FittedData) -> Figure:
    """A spectrum (the first epoch) and its model; below, what is left over in units of its error."""
    figure = new_figure(7.0, 3.8)
    top, low = figure.subplots(2, 1, sharex=True, height_ratios=[2.2, 1.0])
    for k, arm in enumerate(np.unique(data.arm)):
        here = data.arm == arm
        wave, good = data.where[here], data.good[0][here]
        flux = np.where(good, data.values[0][here], np.nan)
        top.plot(wave, flux, color=MUTED, lw=0.7, label=None if k else "data", rasterized=True)
        model = data.model[0][here]
        top.plot(wave, model, color=PALETTE[1], lw=0.8, label=None if k else "model", rasterized=True)
        residual = np.where(good, data.residual[0][here], np.nan)
        low.plot(wave, residual, color=MUTED, lw=0.6, rasterized=True)
    _zero(low)
    reach = 1.2 * float(np.nanpercentile(np.abs(data.residual[data.good]), 99.5)) if data.n_good else 3.0
    if np.isfinite(reach):
        low.set_ylim(-max(reach, 3.0), max(reach, 3.0))
    top.legend(loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=2, borderpad=0.1)
    top.set_ylabel("Flux over its median")
    top.set_title(name, loc="left", weight="bold")
    low.set_ylabel("Resid. / error")
    low.set_xlabel("Wavelength in vacuum [Å]")
    top.margins(x=0.01)
    figure.align_ylabels([top, low])
    return figure


def plot_posterior_corners(record: FitRecord) -> list[Figure]:
    """Every parameter against every other, ten at a time: the star's first, then spot by spot.

    Raises:
        ValueError: no draws.
    """
    if record.draws is None or len(record.draws) < 2:
        raise ValueError("the fit has no draws of its posterior; fit with posterior.method = laplace or nuts")
    order = _by_spot(record.names)
    parts = np.array_split(order, -(-len(order) // _MOST))
    figures = []
    for part in parts:
        columns = {_label(p.name, p.unit): record.draws[:, i] for i in part for p in [record.parameters[i]]}
        figures.append(plot_corner({"posterior": columns}, bins=24))
    return figures


def _by_spot(names: list[str]) -> list[int]:
    """Order of parameters: those without an index, then all of spot 0, all of spot 1."""

    def place(i: int) -> tuple[int, int]:
        index = names[i].partition("[")[2].removesuffix("]")
        return (int(index) if index else -1, i)

    return sorted(range(len(names)), key=place)


@rc_context(STYLE)
def plot_correlations(record: FitRecord) -> Figure:
    """Correlation of every pair of parameters: dark cells are what the data cannot tell apart.

    Raises:
        ValueError: no draws.
    """
    if record.draws is None or len(record.draws) < 2:
        raise ValueError("the fit has no draws of its posterior; fit with posterior.method = laplace or nuts")
    order = _by_spot(record.names)
    n = len(order)
    matrix = np.atleast_2d(np.corrcoef(record.draws[:, order].T))
    size = max(3.0, 0.28 * n + 1.6)
    figure = new_figure(size + 0.6, size)
    axes = figure.subplots()
    image = axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    labels = [short_name(record.names[i]) for i in order]
    axes.set_xticks(range(n), labels, rotation=90)
    axes.set_yticks(range(n), labels)
    axes.tick_params(which="both", length=0)
    axes.minorticks_off()
    bar = figure.colorbar(image, ax=axes, shrink=0.7)
    bar.set_label("Correlation")
    bar.minorticks_off()
    return figure
