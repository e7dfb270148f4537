"""Radial velocities against time: the sum in every band, and its terms."""

from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dynamojax.observables.velocity_series import VelocitySeries
from dynamojax.plotting.checks import check_one_star
from dynamojax.plotting.style import INK, MUTED, PALETTE, STYLE, band_colours, new_figure
from dynamojax.simulate import Observables, Simulator

_TERMS = ("rotation", "convection", "transit", "reflex")
_NAMES = {"transit": "Rossiter-McLaughlin", "reflex": "reflex motion"}
_TERM_STYLES = {"rotation": "-", "convection": (0, (5, 1.5)), "transit": "-.", "reflex": (0, (1, 1.2))}


@rc_context(STYLE)
def plot_velocity_series(
    simulator: Simulator,
    observables: Observables,
    seen: Mapping[str, tuple[np.ndarray, np.ndarray] | tuple[np.ndarray, np.ndarray, np.ndarray]]
    | None = None,
    *,
    terms_in: str | None = None,
) -> Figure:
    """Velocities of one star about its systemic one: each velocimeter's total by band, and its terms in one.

    Args:
        simulator: It knows the velocimeters' bands and times.
        observables: Of one star.
        seen: By a name for the legend, times [day] and velocities [km/s], with errors or without, such as
            those of correlations; their median is set to that of the first velocimeter's total there.
        terms_in: Band of the terms; each velocimeter's first where left out.

    Raises:
        ValueError: invalid observables, more than one star, no velocimeter, an unknown band, a wrong shape.
    """
    check_one_star(observables)
    photometers = {v.photometer.name: v.photometer for v in simulator.velocimeters}
    if not photometers:
        raise ValueError("simulator has no velocimeter; give it one: velocimeters=[dj.Photometer(...)]")
    wanted = {name: p.bands[0] if terms_in is None else terms_in for name, p in photometers.items()}
    bad = [name for name, p in photometers.items() if wanted[name] not in p.bands]
    if bad:
        raise ValueError(
            f"terms_in = {terms_in!r} is no band of {bad[0]}; it has {', '.join(photometers[bad[0]].bands)}"
        )
    series = {name: _as_numpy(observables.velocities[name]) for name in photometers}
    factor, unit = _unit([s["total"] for s in series.values()])
    figure = new_figure(6.6, 0.3 + 3.4 * len(series))
    panels = figure.subplots(2 * len(series), 1, sharex=True, height_ratios=[1.1, 1.0] * len(series))
    colours = dict(
        zip(simulator.grid.bands, band_colours(np.asarray(simulator.grid.wavelength_eff)), strict=True)
    )
    for k, (name, photometer) in enumerate(photometers.items()):
        top, low = panels[2 * k], panels[2 * k + 1]
        for i, band in enumerate(photometer.bands):
            top.plot(photometer.times, series[name]["total"][i] * factor, color=colours[band], label=band)
        if k == 0:
            _draw_seen(top, seen or {}, photometer.times, series[name]["total"][0], factor)
        _draw_terms(low, photometer.times, series[name], photometer.bands.index(wanted[name]), factor)
        top.set_title(f"{name}: total", loc="left", weight="bold", pad=3)
        low.set_title(f"its terms in {wanted[name]}", loc="left", pad=3)
        _legend(top)
        _legend(low)
    panels[-1].set_xlabel("Time [d]")
    panels[-1].margins(x=0.01)
    figure.supylabel(f"Radial velocity less the systemic one [{unit}]", fontsize=9)
    return figure


def _as_numpy(series: VelocitySeries) -> dict[str, np.ndarray]:
    """Terms of every band, (n_bands, n_times), and their sum without the systemic velocity. [km/s]"""
    shape = np.shape(series.rotation)
    terms = {name: np.broadcast_to(np.asarray(getattr(series, name), float), shape) for name in _TERMS}
    return terms | {"total": sum(terms.values(), np.zeros(shape))}


def _unit(totals: list[np.ndarray]) -> tuple[float, str]:
    """m/s unless there are kilometres."""
    return (
        (1.0, "km/s") if max(np.nanmax(total) - np.nanmin(total) for total in totals) > 2.0 else (1e3, "m/s")
    )


def _draw_terms(axes: Axes, times, series: dict, i: int, factor: float) -> None:
    """Terms that are not zero throughout."""
    axes.axhline(0, color=MUTED, lw=0.5, zorder=1)
    most = max(np.nanmax(np.abs(series[name][i])) for name in _TERMS)
    for name, colour in zip(_TERMS, PALETTE[:4], strict=True):
        if np.nanmax(np.abs(series[name][i])) > 1e-6 * most:
            values = series[name][i] * factor
            axes.plot(times, values, color=colour, ls=_TERM_STYLES[name], label=_NAMES.get(name, name))


def _draw_seen(axes: Axes, seen: Mapping, times, total, factor: float) -> None:
    """Points of other makers, offset to the median of the line beneath them."""
    for (name, values), marker in zip(seen.items(), "osD^v", strict=False):
        columns = [np.asarray(v, float) for v in values]
        if len(columns) not in (2, 3) or len({c.shape for c in columns}) > 1 or columns[0].ndim != 1:
            shapes = [c.shape for c in columns]
            raise ValueError(
                f"seen[{name!r}] has shapes {shapes}; times and velocities, and maybe errors, of one length"
            )
        at, velocity = columns[0], columns[1]
        offset = np.nanmedian(np.interp(at, times, total) - velocity)
        errors = columns[2] * factor if len(columns) == 3 else None
        axes.errorbar(
            *(at, (velocity + offset) * factor, errors),
            fmt=marker,
            ms=3.0,
            color=INK,
            mfc="white",
            mew=0.8,
            elinewidth=0.7,
            label=name,
            zorder=4,
        )


def _legend(axes: Axes) -> None:
    """Above the panel, on the right, where it hides nothing."""
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 0.985),
        ncols=4,
        handlelength=1.8,
        columnspacing=1.0,
        borderpad=0.1,
        fontsize=7,
    )
