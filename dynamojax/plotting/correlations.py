"""Correlation functions with their bisectors, and how they change from epoch to epoch."""

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from dynamojax.observables.line_shape import LineShape
from dynamojax.plotting.style import INK, MUTED, PALETTE, STYLE, new_figure


@rc_context(STYLE)
def plot_correlation(velocity, profile, shape: LineShape) -> Figure:
    """One correlation function with its Gaussian, its bisector and, larger, the bisector alone.

    Args:
        velocity: (n,) [km/s]
        profile: (n,) [any unit]
        shape: What `line_shape` found in it.

    Raises:
        ValueError: more than one profile, or one without a line.
    """
    velocity, profile = np.asarray(velocity, float), np.asarray(profile, float)
    if velocity.ndim != 1 or profile.shape != velocity.shape:
        raise ValueError(
            f"velocity and profile have shapes {velocity.shape} and {profile.shape}; one profile is expected"
        )
    if not bool(shape.valid):
        raise ValueError("shape.valid is False: there is no line in the profile; widen the velocities")
    centre, fwhm, contrast, level = (
        float(q) for q in (shape.velocity, shape.fwhm, shape.contrast, shape.continuum)
    )
    figure = new_figure(6.6, 3.1)
    left, right = figure.subplots(1, 2, width_ratios=(1.7, 1))
    fine = np.linspace(velocity[0], velocity[-1], 400)
    fit = 1 - contrast * np.exp(-4 * np.log(2) * ((fine - centre) / fwhm) ** 2)
    left.plot(fine, fit, color=PALETTE[1], label="Gaussian", lw=1.0)
    left.plot(velocity, profile / level, ".", color=PALETTE[0], ms=3.5, label="correlation")
    left.set_xlabel("Velocity [km/s]")
    left.set_ylabel("Relative to the continuum")
    left.margins(x=0.01)
    words = f"{centre:.4f} km/s\nFWHM {fwhm:.3f} km/s\ncontrast {100 * contrast:.2f} %"
    if bool(shape.bisector_valid):
        depth, middle = np.asarray(shape.depth, float), np.asarray(shape.bisector, float)
        at = 1 - depth * (1 - profile.min() / level)
        left.plot(middle, at, color=INK, lw=1.4, label="bisector")
        right.plot(1e3 * (middle - centre), at, color=INK)
        for part, colour in (((0.1, 0.4), PALETTE[2]), ((0.55, 0.9), PALETTE[3])):
            inside = (depth >= part[0]) & (depth <= part[1])
            mean = 1e3 * float(np.mean(middle[inside]) - centre)
            right.plot([mean, mean], at[inside][[0, -1]], color=colour, lw=4, alpha=0.6)
        words += f"\nspan {1e3 * float(shape.span):.1f} m/s"
    left.text(0.02, 0.04, words, transform=left.transAxes, color=MUTED, va="bottom", fontsize=7.5)
    left.legend(loc="lower right", handlelength=1.2)
    right.axvline(0, color=MUTED, lw=0.6)
    right.set_xlabel("Bisector minus velocity [m/s]")
    right.set_ylim(left.get_ylim())
    right.margins(x=0.15)
    return figure


@rc_context(STYLE)
def plot_residuals(velocity, profiles, times, *, period: float | None = None) -> Figure:
    """Profiles minus their mean, each over its own continuum: velocity across, time or phase upwards.

    Args:
        velocity: (n,) [km/s]
        profiles: (n_times, n) [any unit]
        times: (n_times,) [day]
        period: Times are folded with it. [day]

    Raises:
        ValueError: shapes that do not go together, or fewer than two profiles.
    """
    velocity, profiles, times = (np.asarray(q, float) for q in (velocity, profiles, times))
    if profiles.ndim != 2 or profiles.shape != (times.size, velocity.size) or times.size < 2:
        raise ValueError(
            f"profiles of shape {profiles.shape} need {times.size} times (two or more) and {velocity.size} "
            "velocities"
        )
    phase = times if period is None else times / period % 1.0
    order = np.argsort(phase)
    relative = profiles / np.nanmax(profiles, axis=1, keepdims=True)
    residual = 1e3 * (relative - np.nanmean(relative, axis=0))
    top = float(np.nanmax(np.abs(residual)))
    figure = new_figure(4.6, 3.6)
    axes = figure.subplots()
    # Rows are drawn at their own times, as far as halfway to the next.
    image = axes.pcolormesh(
        velocity,
        phase[order],
        residual[order],
        cmap="RdBu_r",
        vmin=-top,
        vmax=top,
        shading="nearest",
        rasterized=True,
    )
    axes.set_xlabel("Velocity [km/s]")
    axes.set_ylabel("Time [d]" if period is None else "Phase")
    bar = figure.colorbar(image, ax=axes, pad=0.02)
    bar.set_label("Minus the mean [1/1000 of the continuum]")
    return figure
