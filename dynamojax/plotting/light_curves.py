"""Light curves: one panel a photometer, one colour a band, data as points and models as lines."""

from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dynamojax.observables.noise.model import NoisyLightCurve
from dynamojax.plotting.checks import check_one_star
from dynamojax.plotting.style import STYLE, band_colours, new_figure, scaled_flux
from dynamojax.simulate import Observables, Simulator

_MANY = 3000  # points from which they are drawn as a raster, small and pale


@rc_context(STYLE)
def plot_light_curves(
    simulator: Simulator,
    observables: Observables,
    noisy: Mapping[str, NoisyLightCurve | np.ndarray] | None = None,
) -> Figure:
    """Relative flux of one star in every photometer, against time.

    Args:
        simulator: It knows the photometers' times and bands.
        observables: Of one star.
        noisy: By photometer, the noisy flux of its bands (n_bands, n_times) or of its one band; drawn as
            points under the model, where `good` if it has that field.

    Raises:
        ValueError: invalid observables, more than one star, an unknown photometer, a wrong shape.
    """
    check_one_star(observables)
    noisy = {} if noisy is None else noisy
    names = list(simulator.photometers)
    unknown = [name for name in noisy if name not in names]
    if unknown:
        raise ValueError(f"noisy has {unknown}, which are not simulated; choose from {', '.join(names)}")
    curves = {name: np.asarray(observables.light_curves[name].flux, float) for name in names}
    points = {name: _points(name, noisy[name], curves[name].shape) for name in noisy}
    low, high = _limits(list(curves.values()), list(points.values()))
    factor, unit = scaled_flux(high - low)
    figure = new_figure(6.6, 0.9 + 1.6 * len(names))
    panels = figure.subplots(len(names), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    colours = dict(
        zip(simulator.grid.bands, band_colours(np.asarray(simulator.grid.wavelength_eff)), strict=True)
    )
    for axes, name in zip(panels, names, strict=True):
        photometer = simulator.photometers[name]
        shades = [colours[b] for b in photometer.bands]
        _draw(axes, photometer.times, curves[name], points.get(name), photometer.bands, shades, factor)
        first, *others = photometer.bands
        label = name if others or name == first else f"{name}, {first}"
        axes.set_title(label, loc="left", weight="bold", pad=3)
        axes.margins(x=0.01)
    margin = 0.06 * (high - low) + 1e-12
    panels[0].set_ylim((low - margin) * factor, (high + margin) * factor)
    panels[-1].set_xlabel("Time [d]")
    figure.supylabel(f"Flux relative to the immaculate star, minus 1 [{unit}]", fontsize=9)
    return figure


def _points(name: str, noisy: NoisyLightCurve | np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    flux, good = (noisy.flux, noisy.good) if isinstance(noisy, NoisyLightCurve) else (noisy, True)
    flux = np.atleast_2d(np.asarray(flux, float))
    if flux.shape != shape:
        raise ValueError(
            f"noisy[{name!r}] has shape {flux.shape}, but {shape} (n_bands, n_times) is expected"
        )
    return np.where(good, flux, np.nan)


def _limits(models: list[np.ndarray], points: list[np.ndarray]) -> tuple[float, float]:
    """Range of flux - 1: all of the models, and the points but for outliers, a thousandth at each end."""
    ends = [(m.min(), m.max()) for m in models]
    ends += [np.nanpercentile(p, [0.1, 99.9]) for p in points if np.isfinite(p).any()]
    low, high = float(np.min(ends)) - 1, float(np.max(ends)) - 1
    return low, max(high, low + 1e-7)


def _draw(axes: Axes, times, flux, points, bands, colours, factor: float) -> None:
    many = len(times) > _MANY
    for i, colour in enumerate(colours):
        if points is not None:
            axes.plot(
                *(times, (points[i] - 1) * factor, "."),
                color=colour,
                ms=1.2 if many else 2.2,
                alpha=0.35 if many else 0.45,
                label="with noise" if i == 0 else None,
                mew=0,
                rasterized=many,
            )
        for k, part in enumerate(_segments(times)):
            label = None if k else bands[i] if len(bands) > 1 else "without noise"
            axes.plot(times[part], (flux[i, part] - 1) * factor, color=colour, label=label, zorder=3)
    if len(bands) > 1 or points is not None:
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 0.985),
            ncols=len(bands) + 1,
            markerscale=4.0,
            handlelength=1.0,
            columnspacing=1.0,
            borderpad=0.1,
        )


def _segments(times: np.ndarray) -> list[slice]:
    """Runs without gaps, so that a line never bridges one."""
    if len(times) < 2:
        return [slice(None)]
    step = np.diff(times)
    breaks = np.flatnonzero(step > 5 * np.median(step)) + 1
    ends = [0, *breaks, len(times)]
    return [slice(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]
