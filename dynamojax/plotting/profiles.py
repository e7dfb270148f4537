"""Dynamic spectra: how the profile of a line departs from its mean, against velocity and time."""

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.interpolate import CubicSpline

from dynamojax.constants import C_KM_S
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.plotting.checks import check_one_star
from dynamojax.plotting.spectra import epoch_colours
from dynamojax.plotting.style import FAINT, INK, MUTED, STYLE, new_figure, scaled_flux
from dynamojax.simulate import Observables, Simulator

_EDGE = 0.1  # share of the velocities at either end that is taken for continuum


@rc_context(STYLE)
def plot_dynamic_spectrum(
    simulator: Simulator,
    observables: Observables,
    spectrograph: str,
    lines: float | int | Sequence[float | int],
    *,
    reach: float | int,
    period: float | int | None = None,
    vsini: float | int | None = None,
) -> Figure:
    """Mean profile of a line, or of several together, and below it what each epoch shows beyond the mean.

    Velocities are relative to the star as a whole: systemic, reflex and barycentric motion are taken out.

    Args:
        simulator: It knows the spectrograph's pixels and times.
        observables: Of one star.
        spectrograph: Name of one with three epochs or more.
        lines: Wavelengths in vacuum; the profiles of several are averaged in velocity. [A]
        reach: Velocity to either side of the line. [km/s]
        period: Of rotation, for phases in place of times. [day]
        vsini: Marked at either side, if given. [km/s]

    Raises:
        ValueError: invalid observables, more than one star, too few epochs, a line outside the pixels.
    """
    check_one_star(observables)
    if spectrograph not in simulator.spectrographs:
        known = ", ".join(simulator.spectrographs)
        raise ValueError(f"spectrograph = {spectrograph!r} is not simulated; choose from {known}")
    instrument, spectra = simulator.spectrographs[spectrograph], observables.spectra[spectrograph]
    if len(instrument.times) < 3:
        raise ValueError(f"{spectrograph} has {len(instrument.times)} epochs, three or more show a change")
    velocity, profiles = line_profiles(
        *(instrument, np.asarray(spectra.flux, float), np.asarray(spectra.velocity, float)),
        *(np.atleast_1d(np.asarray(lines, float)), float(reach)),
    )
    figure = new_figure(4.2, 5.0)
    top, low = figure.subplots(2, 1, sharex=True, height_ratios=[1.0, 2.2])
    for profile, colour in zip(profiles, epoch_colours(len(profiles)), strict=True):
        top.plot(velocity, profile, color=colour, lw=0.5, alpha=0.6)
    top.plot(velocity, profiles.mean(axis=0), color=INK, lw=1.2)
    top.set_ylabel("Flux over\ncontinuum")
    top.set_title(_title(spectrograph, np.atleast_1d(lines)), loc="left", weight="bold", pad=3)
    y = instrument.times if period is None else instrument.times / float(period)
    _draw_residuals(figure, low, velocity, y, profiles - profiles.mean(axis=0))
    low.set_ylabel("Time [d]" if period is None else "Rotational phase")
    low.set_xlabel("Velocity relative to the star [km/s]")
    for axes in (top, low):
        for v in () if vsini is None else (-float(vsini), float(vsini)):
            axes.axvline(v, color=MUTED, lw=0.7, ls=(0, (4, 3)))
    low.set_xlim(-reach, reach)
    return figure


def line_profiles(
    spectrograph: Spectrograph, flux: np.ndarray, velocity: np.ndarray, lines: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Profiles in units of a straight continuum through both ends, in velocity about the star's own.

    Args:
        spectrograph: Pixels.
        flux: (n_times, n_pixels). [any unit]
        velocity: Of the star at each epoch. [km/s]
        lines: In vacuum. [A]
        reach: To either side. [km/s]

    Returns:
        Velocities, as far apart as the pixels, and the mean profile of the lines at each epoch.
    """
    steps, pieces = [], []
    shift = np.arctanh(velocity / C_KM_S)
    room = np.arctanh(reach / C_KM_S) + np.abs(shift).max()
    for line in lines:
        for i, arm in enumerate(spectrograph.arms):
            if np.log(arm.wavelength[0] / line) < -room and np.log(arm.wavelength[-1] / line) > room:
                here = spectrograph.arm_of_pixel == i
                x = np.log(arm.wavelength / line)
                pieces.append((x, flux[:, here]))
                steps.append(np.median(np.diff(x[np.abs(x) < 2 * room])) * C_KM_S)
                break
        else:
            raise ValueError(
                f"lines = {line:g} A with {room * C_KM_S:.0f} km/s to either side is in no arm of "
                f"{spectrograph.name}; choose another line or a smaller reach"
            )
    n = max(8, round(reach / min(steps)))
    grid = reach * np.arange(-n, n + 1) / n
    at = np.arctanh(grid / C_KM_S)
    profiles = np.zeros((len(flux), len(grid)))
    for x, values in pieces:
        for k, (row, s) in enumerate(zip(values, shift, strict=True)):
            # Straight lines between pixels would leave ripples that move with the star.
            profiles[k] += _over_continuum(grid, CubicSpline(x, row)(at + s)) / len(pieces)
    return grid, profiles


def _over_continuum(velocity: np.ndarray, profile: np.ndarray) -> np.ndarray:
    """Divided by the straight line through the medians of both ends."""
    n = max(2, int(_EDGE * len(velocity)))
    ends = np.array([velocity[:n].mean(), velocity[-n:].mean()])
    levels = np.array([np.median(profile[:n]), np.median(profile[-n:])])
    slope = np.diff(levels)[0] / np.diff(ends)[0]
    return profile / (levels[0] + slope * (velocity - ends[0]))


def _title(name: str, lines: np.ndarray) -> str:
    return f"{name}, {lines[0]:.1f} Å" if len(lines) == 1 else f"{name}, {len(lines)} lines"


def _draw_residuals(figure: Figure, axes: Axes, velocity, y: np.ndarray, residual: np.ndarray) -> None:
    """An image with one strip an epoch, empty where there was none for long."""
    most = float(np.abs(residual).max())
    factor, unit = scaled_flux(most)
    v_edges = _edges(velocity)
    half = 0.5 * min(np.median(np.diff(y)) * 1.5, np.ptp(y) / 3)
    axes.set_facecolor(FAINT)
    image = None
    for k, row in enumerate(residual):
        low = y[k] - half if k == 0 else max(y[k] - half, 0.5 * (y[k] + y[k - 1]))
        high = y[k] + half if k == len(y) - 1 else min(y[k] + half, 0.5 * (y[k] + y[k + 1]))
        image = axes.pcolormesh(
            *(v_edges, [low, high], row[None] * factor),
            cmap="RdBu_r",
            vmin=-most * factor,
            vmax=most * factor,
            rasterized=True,
        )
    axes.set_ylim(y[0] - half, y[-1] + half)
    if image is not None:
        figure.colorbar(image, ax=axes, label=f"Profile minus mean [{unit} of continuum]", pad=0.02)


def _edges(centres: np.ndarray) -> np.ndarray:
    middle = 0.5 * (centres[1:] + centres[:-1])
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])
