"""Populations: every quantity against every other, one by one, and beside a catalogue's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dynamojax.plotting.style import FAINT, INK, MUTED, PALETTE, STYLE, new_figure
from dynamojax.population.sampling import LABEL_UNITS, Sample
from dynamojax.units import STAR_UNITS

_SYMBOLS = {
    "M_sun": r"M$_\odot$",
    "L_sun": r"L$_\odot$",
    "day": "d",
    "1": "",
    "bool": "",
    "solMass": r"M$_\odot$",
    "solRad": r"R$_\odot$",
}
LOGARITHMIC = frozenset(
    (
        "prot",
        "distance",
        "rossby",
        "sph",
        "level",
        "luminosity",
        "tau_decay",
        "cycle_length",
        "turnover",
        "radius",
    )
    + ("binary_period", "flux_ratio")
)
USUAL = ("teff", "logg", "feh", "age_gyr", "prot", "rossby", "sph", "tau_decay")
_MASS = (0.39, 0.86)  # of the contours: one and two sigma of a plane normal law
_MANY = 5000  # stars from which they are drawn small and pale
_WHOLE = 0.999  # of the values within the axes


def columns(sample: Sample, names: Sequence[str] = USUAL) -> dict[str, np.ndarray]:
    """Numbers of the valid stars of a population, by name of a star's parameter or of a label.

    Raises:
        ValueError: an unknown name.
    """
    star = vars(sample.system.star)
    unknown = [name for name in names if name not in star and name not in sample.labels]
    if unknown:
        raise ValueError(f"names {unknown} are unknown; choose from {sorted({*star, *sample.labels})}")
    valid = np.asarray(sample.valid)
    return {n: np.asarray(star[n] if n in star else sample.labels[n], float)[valid] for n in names}


def axis_label(name: str) -> str:
    """Name and unit of a quantity, as on an axis."""
    unit = STAR_UNITS.get(name, LABEL_UNITS.get(name, ""))
    unit = _SYMBOLS.get(unit, unit)
    return f"{name} [{unit}]" if unit else name


def _scaled(name: str, values: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(values) if name in LOGARITHMIC else values


def _range(parts: Sequence[np.ndarray]) -> tuple[float, float]:
    values = np.concatenate([p[np.isfinite(p)] for p in parts])
    if not values.size:
        return 0.0, 1.0
    cut = 50 * (1 - _WHOLE)
    low, high = np.percentile(values, [cut, 100 - cut])
    pad = 0.03 * (high - low) or 0.5
    return float(low - pad), float(high + pad)


@rc_context(STYLE)
def plot_corner(populations: Mapping[str, Mapping[str, np.ndarray]], *, bins: int = 30) -> Figure:
    """Every pair of quantities, and each one's distribution along the diagonal.

    Args:
        populations: By name, columns as from `columns`; the same names in each. Quantities over orders of
            magnitude (`LOGARITHMIC`) are drawn by log10.
        bins: Of the histograms.

    Raises:
        ValueError: no population, or different columns.
    """
    names = _common(populations)
    n = len(names)
    figure = new_figure(1.25 * n + 0.6, 1.25 * n + 0.6)
    axes = figure.subplots(n, n, squeeze=False)
    data = {
        title: {k: _scaled(k, np.asarray(c[k], float)) for k in names} for title, c in populations.items()
    }
    spans = {k: _range([c[k] for c in data.values()]) for k in names}
    for i, row in enumerate(names):
        for j, column in enumerate(names):
            panel = axes[i, j]
            if j > i:
                panel.axis("off")
                continue
            for colour, (title, c) in zip(PALETTE, data.items(), strict=False):
                if i == j:
                    _histogram(panel, c[row], spans[row], bins, colour, title)
                else:
                    _cloud(panel, c[column], c[row], spans[column], spans[row], colour)
            _frame(panel, row, column, spans, i == j, i == n - 1, j == 0)
    if len(data) > 1:
        legend = axes[0, 0].legend(loc="upper left", bbox_to_anchor=(1.05, 1.0), borderaxespad=0.0)
        legend.set_in_layout(False)  # it stands where panels are left out
    figure.align_labels()
    return figure


def _common(populations: Mapping[str, Mapping[str, np.ndarray]]) -> list[str]:
    kinds = {tuple(c) for c in populations.values()}
    if len(kinds) != 1 or not next(iter(kinds)):
        raise ValueError(
            f"populations have columns {sorted(kinds)}: give at least one, all with the same; see columns()"
        )
    if len(populations) > len(PALETTE):
        raise ValueError(f"populations are {len(populations)}, at most {len(PALETTE)} can be told apart")
    return list(next(iter(kinds)))


def _frame(panel: Axes, row: str, column: str, spans, diagonal: bool, lowest: bool, first: bool) -> None:
    panel.set_xlim(*spans[column])
    if not diagonal:
        panel.set_ylim(*spans[row])
    panel.tick_params(labelbottom=lowest, labelleft=first and not diagonal, labelrotation=0)
    panel.locator_params(nbins=3)
    if lowest:
        panel.set_xlabel(_quantity(column))
    if first and not diagonal:
        panel.set_ylabel(_quantity(row))
    if diagonal:
        panel.set_yticks([])


def _quantity(name: str) -> str:
    return f"log {axis_label(name)}" if name in LOGARITHMIC else axis_label(name)


def _histogram(panel: Axes, values, span, bins: int, colour, title: str) -> None:
    kept = values[np.isfinite(values)]
    panel.hist(kept, bins=bins, range=span, density=True, histtype="step", color=colour, label=title, lw=1.1)


def _cloud(panel: Axes, x, y, x_span, y_span, colour) -> None:
    """Contours that hold 39 and 86 % of the stars, and the stars themselves, pale."""
    both = np.isfinite(x) & np.isfinite(y)
    panel.plot(x[both], y[both], ".", ms=1.0, mew=0, alpha=0.25, color=colour, rasterized=True)
    count, xe, ye = np.histogram2d(x[both], y[both], bins=26, range=[x_span, y_span])
    density = _smooth(count)
    order = np.sort(density.ravel())[::-1]
    share = np.cumsum(order) / max(order.sum(), 1e-30)
    levels = sorted(
        {float(order[np.searchsorted(share, m)]) for m in _MASS if np.searchsorted(share, m) < order.size}
    )
    levels = [v for v in levels if 0 < v < order[0]]
    if levels:
        middle = [0.5 * (e[1:] + e[:-1]) for e in (xe, ye)]
        panel.contour(*middle, density.T, levels=levels, colors=[colour], linewidths=0.8)


def _smooth(count: np.ndarray) -> np.ndarray:
    """Counts spread to their neighbours, 1-2-1 each way."""
    for axis in (0, 1):
        padded = np.pad(count, [(1, 1) if a == axis else (0, 0) for a in (0, 1)])
        take = lambda s, p=padded, a=axis: np.take(p, range(s, s + count.shape[a]), a)  # noqa: B023, E731
        count = 0.25 * take(0) + 0.5 * take(1) + 0.25 * take(2)
    return count


@rc_context(STYLE)
def plot_distributions(populations: Mapping[str, Mapping[str, np.ndarray]], *, bins: int = 40) -> Figure:
    """Distribution of each quantity, the populations laid over each other.

    Args:
        populations: As in `plot_corner`.
        bins: Of the histograms.
    """
    names = _common(populations)
    across = min(4, len(names))
    down = -(-len(names) // across)
    figure = new_figure(1.9 * across + 0.4, 1.6 * down + 0.4)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for panel, name in zip(panels, names, strict=False):
        parts = {title: _scaled(name, np.asarray(c[name], float)) for title, c in populations.items()}
        span = _range(list(parts.values()))
        for colour, (title, values) in zip(PALETTE, parts.items(), strict=False):
            _histogram(panel, values, span, bins, colour, title)
        panel.set_xlabel(_quantity(name))
        panel.set_yticks([])
    for panel in panels[len(names) :]:
        panel.axis("off")
    if len(populations) > 1:
        panels[0].legend(handlelength=1.0)
    return figure


@rc_context(STYLE)
def plot_beside_catalogue(
    drawn: Mapping[str, np.ndarray], catalogue: Mapping[str, np.ndarray], teff_edges: Sequence[float]
) -> Figure:
    """A generated population beside a catalogue: period against temperature, amplitude against period.

    Args:
        drawn: Columns teff [K], prot [d], sph [ppm] of generated stars with a measured period.
        catalogue: The same of real ones.
        teff_edges: Bins of teff, for the lower rows. [K]
    """
    edges = np.asarray(teff_edges, float)
    n = len(edges) - 1
    figure = new_figure(1.75 * n + 0.6, 6.6)
    rows: Any = figure.subfigures(3, 1, height_ratios=[1.25, 1.0, 1.0])  # an array, unlike its stubs
    top, middle, low = rows
    for axes, (title, c) in zip(
        top.subplots(1, 2, sharex=True, sharey=True),
        {"catalogue": catalogue, "drawn": drawn}.items(),
        strict=True,
    ):
        many = len(c["teff"]) > _MANY
        points = dict(ms=1.2, alpha=0.35, color=INK) if many else dict(ms=2.6, alpha=0.8, color=PALETTE[1])
        axes.plot(c["teff"], c["prot"], ".", mew=0, rasterized=True, **points)
        axes.set(yscale="log", xlim=(edges[-1], edges[0]), ylim=(0.8, 90.0), xlabel="teff [K]")
        axes.set_title(f"{title}, {len(c['teff'])} stars", loc="left")
    top.supylabel("Period [d]", fontsize=9)
    for axes, title, c, d in _binned(middle.subplots(1, n, sharey=True), edges, catalogue, drawn):
        for colour, part, fill, name in ((FAINT, c, True, "catalogue"), (PALETTE[1], d, False, "drawn")):
            axes.hist(
                np.log10(part["prot"]),
                bins=24,
                range=(-0.1, 2.0),
                density=True,
                histtype="stepfilled" if fill else "step",
                color=colour,
                label=name,
            )
        axes.set_title(title, loc="left")
        axes.set_xlabel("log period [d]")
        axes.set_yticks([])
    middle.axes[0].legend(loc="upper left", handlelength=1.0)
    for axes, _title, c, d in _binned(low.subplots(1, n, sharey=True), edges, catalogue, drawn):
        axes.plot(c["prot"], c["sph"], ".", ms=1.0, mew=0, alpha=0.25, color=MUTED, rasterized=True)
        axes.plot(d["prot"], d["sph"], ".", ms=2.2, mew=0, alpha=0.7, color=PALETTE[1], rasterized=True)
        axes.set(xscale="log", yscale="log", xlim=(0.8, 90.0), ylim=(10.0, 1e5), xlabel="Period [d]")
    low.supylabel(r"S$_\mathrm{ph}$ [ppm]", fontsize=9)
    return figure


def _binned(panels, edges: np.ndarray, catalogue, drawn):
    """Each panel with its title and both sets of columns cut to its bin of teff."""
    for axes, low, high in zip(np.atleast_1d(panels), edges[:-1], edges[1:], strict=True):
        parts = []
        for c in (catalogue, drawn):
            inside = (np.asarray(c["teff"]) >= low) & (np.asarray(c["teff"]) < high)
            parts.append({k: np.asarray(v)[inside] for k, v in c.items()})
        yield axes, f"{low:.0f}-{high:.0f} K", *parts
