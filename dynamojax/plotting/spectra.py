"""Spectra: a row of panels for each spectrograph, one panel an arm, with the names of lines."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure

from dynamojax.constants import C_KM_S
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.observables.spectral_noise import NoisySpectrum
from dynamojax.plotting.checks import check_one_star
from dynamojax.plotting.lines import marks_within, placed
from dynamojax.plotting.style import FAINT, INK, MUTED, PALETTE, STYLE, new_figure, scaled_flux
from dynamojax.simulate import Observables, Simulator

_MANY_ARMS = 6  # from which they share one panel
_HEIGHT, _HEIGHT_OF_RATIOS = 2.6, 1.2  # [inch]
_NAME_WIDTH = 0.17  # of a written name, turned upright [inch]


@rc_context(STYLE)
def plot_spectra(
    simulator: Simulator,
    observables: Observables,
    seen: Mapping[str, NoisySpectrum | np.ndarray] | None = None,
) -> Figure:
    """Spectra of one star with the names of lines; below, where there are several, each over their mean.

    Args:
        simulator: It knows the spectrographs' pixels and times.
        observables: Of one star.
        seen: By spectrograph, spectra with noise, (n_times, n_pixels) or (n_pixels,) for the first epoch;
            drawn behind the first epoch's model, where `good` if they have that field.

    Raises:
        ValueError: invalid observables, more than one star, no spectrograph, an unknown one, a wrong shape.
    """
    check_one_star(observables)
    names, seen = list(simulator.spectrographs), {} if seen is None else seen
    if not names:
        raise ValueError("simulator has no spectrograph; give it one, or plot_light_curves for photometers")
    unknown = [name for name in seen if name not in names]
    if unknown:
        raise ValueError(f"seen has {unknown}, which are not simulated; choose from {', '.join(names)}")
    heights = [_HEIGHT + _HEIGHT_OF_RATIOS * (len(simulator.spectrographs[name].times) > 1) for name in names]
    figure = new_figure(7.0, sum(heights) + 0.2)
    parts = figure.subfigures(len(names), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, name in zip(parts, names, strict=True):
        spectra = observables.spectra[name]
        flux, velocity = np.asarray(spectra.flux, float), np.asarray(spectra.velocity, float)
        noisy = _first(name, seen[name], flux.shape) if name in seen else None
        _draw_spectrograph(part, simulator.spectrographs[name], flux, velocity, noisy)
    return figure


def _first(name: str, seen: NoisySpectrum | np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The first epoch's flux with noise, NaN where not good."""
    flux, good = (seen.flux, seen.good) if isinstance(seen, NoisySpectrum) else (seen, True)
    flux = np.where(np.asarray(good), np.asarray(flux, float), np.nan)
    if flux.shape not in (shape, shape[1:]):
        raise ValueError(
            f"seen[{name!r}] has shape {flux.shape}, but {shape} (n_times, n_pixels) or {shape[1:]} is "
            "expected"
        )
    return flux.reshape(-1, shape[1])[0]


def epoch_colours(n: int) -> list:
    """One colour an epoch, from dark (first) to light."""
    return [INK] if n == 1 else [mpl.colormaps["viridis"](x) for x in np.linspace(0.0, 0.88, n)]


def _groups(spectrograph: Spectrograph) -> list[list[int]]:
    """Arms of each panel."""
    n = len(spectrograph.arms)
    return [[i] for i in range(n)] if n <= _MANY_ARMS else [list(range(n))]


def _draw_spectrograph(part: SubFigure, spectrograph: Spectrograph, flux, velocity, noisy) -> None:
    """One row of panels, with ratios below it where there are several epochs."""
    several, groups = len(flux) > 1, _groups(spectrograph)
    spans = [
        (min(spectrograph.arms[i].edges[0] for i in g), max(spectrograph.arms[i].edges[-1] for i in g))
        for g in groups
    ]
    widths = [high - low for low, high in spans]
    floor = 0.16 * sum(widths)  # an arm is never too narrow to be read
    ratios = {"width_ratios": np.maximum(widths, floor)}
    if several:
        ratios["height_ratios"] = [_HEIGHT, _HEIGHT_OF_RATIOS]
    panels = part.subplots(
        1 + several, len(groups), squeeze=False, sharex="col", sharey="row", gridspec_kw=ratios
    )
    power = int(np.floor(np.log10(np.nanmax(flux))))
    top = float(np.nanmax(flux)) / 10.0**power
    inches = 6.2 * np.maximum(widths, floor) / np.maximum(widths, floor).sum()
    for k, (group, (low, high)) in enumerate(zip(groups, spans, strict=True)):
        for i in group:
            here = spectrograph.arm_of_pixel == i
            at = spectrograph.wavelength[here]
            if noisy is not None:
                panels[0, k].plot(at, noisy[here] / 10.0**power, color=FAINT, lw=0.5, rasterized=True)
            _draw_epochs(panels[:, k], at, flux[:, here], 10.0**power)
        doppler = np.exp(np.arctanh(velocity[0] / C_KM_S))
        _draw_marks(panels[0, k], low, high, doppler, top, (high - low) / inches[k])
        panels[-1, k].set_xlim(low, high)
    panels[0, 0].set_ylim(0, 1.14 * top)
    unit = f"$10^{{{power}}}$ erg/s/cm$^2$/Å"
    panels[0, 0].set_ylabel(f"Flux [{unit}]")
    panels[0, 0].set_title(spectrograph.name, loc="left", weight="bold", pad=42)
    if several:
        _finish_ratios(part, panels, spectrograph, flux)
    if noisy is not None:
        part.legend(
            *(panels[0, 0].lines[:2], ("with noise and errors of calibration", "without")),
            **dict(loc="upper right", ncols=2, handlelength=1.0, columnspacing=1.0, borderaxespad=0.2),
        )
    part.align_ylabels(panels[:, 0])
    part.supxlabel("Wavelength in vacuum [Å]", fontsize=9)


def _draw_epochs(panels: np.ndarray, at: np.ndarray, flux: np.ndarray, scale: float) -> None:
    """The first epoch's flux above, every epoch's ratio to the mean below."""
    panels[0].plot(at, flux[0] / scale, color=PALETTE[0], lw=0.8)
    if len(flux) > 1:
        mean = flux.mean(axis=0)
        factor, _ = scaled_flux(np.ptp(flux / mean))
        for spectrum, colour in zip(flux, epoch_colours(len(flux)), strict=True):
            panels[1].plot(
                at, (spectrum / mean - 1) * factor, color=colour, lw=0.7 if len(flux) <= 6 else 0.35
            )


def _draw_marks(axes: Axes, low, high, doppler: float, top: float, angstrom_per_inch: float) -> None:
    """Ticks above the spectrum at every line, names where there is room."""
    marks = marks_within(low, high, doppler)
    for mark in marks:
        axes.vlines(mark.wavelengths, 1.05 * top, 1.11 * top, color=MUTED, lw=0.7)
    for mark, at in placed(marks, _NAME_WIDTH * angstrom_per_inch):
        axes.annotate(
            mark.name,
            *((at, 1.0), (0, 3)),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=6.5,
            color=MUTED,
        )


def _finish_ratios(part: SubFigure, panels, spectrograph: Spectrograph, flux) -> None:
    """Name of the ratios, and which colour is when."""
    _, unit = scaled_flux(np.ptp(flux / flux.mean(axis=0)))
    panels[1, 0].set_ylabel(f"Change [{unit}]")
    times = spectrograph.times
    if len(times) <= 6:
        lines = panels[1, 0].lines[: len(times)]
        labels = [f"{t:.2f} d" for t in times]
        panels[0, -1].legend(
            *(lines, labels), loc="lower right", ncols=3, handlelength=1.0, columnspacing=0.8, fontsize=7
        )
    else:
        scale = ScalarMappable(Normalize(times[0], times[-1]), "viridis")
        part.colorbar(scale, ax=list(panels[1]), label="Time [d]", pad=0.01, aspect=8)
