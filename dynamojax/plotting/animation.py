"""The turning star beside its light curve, as GIF or MP4."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.animation import AbstractMovieWriter, FFMpegWriter, PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dynamojax.files.writing import replacing
from dynamojax.plotting.disc import Disc, draw_disc, move_planets
from dynamojax.plotting.style import FAINT, MUTED, PALETTE, STYLE, scaled_flux
from dynamojax.simulate import Simulator
from dynamojax.system import System


@rc_context(STYLE)
def animate_star(
    simulator: Simulator,
    system: System,
    photometer: str,
    path: str | Path,
    *,
    band: str | None = None,
    start: float | None = None,
    stop: float | None = None,
    n_frames: int = 120,
    fps: int = 20,
    n_pixels: int = 320,
    dpi: int = 110,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write an animation of the star and its light curve, with a marker at the time shown.

    The file appears under its name only when it is complete.

    Args:
        simulator: With the photometer.
        system: One star.
        photometer: Name of the photometer.
        path: Ends in .gif, or in .mp4 where ffmpeg is installed.
        band: One of the photometer's; the first by default.
        start: First time shown; the first exposure by default. [day]
        stop: Last time shown; the last exposure by default. [day]
        n_frames: Frames.
        fps: Frames a second.
        n_pixels: Pixels across the disc.
        dpi: Pixels an inch; the figure is 7.2 by 2.9 inches.
        progress: Called with the frames done and their total after each.

    Returns:
        The path.

    Raises:
        ValueError: a value out of range, another ending, no ffmpeg, no such folder, a star off the grid.
    """
    path = Path(path)
    writer = _writer(path, fps)
    if photometer not in simulator.photometers:
        raise ValueError(f"photometer = {photometer!r} must be one of {', '.join(simulator.photometers)}")
    if n_frames < 2:
        raise ValueError(f"n_frames = {n_frames} must be at least 2")
    bands = simulator.photometers[photometer].bands
    band = bands[0] if band is None else band
    if band not in bands:
        raise ValueError(f"band = {band!r} must be one of {', '.join(bands)}, those of {photometer}")
    times = simulator.photometers[photometer].times
    span = float(times[0]) if start is None else start, float(times[-1]) if stop is None else stop
    shown = (times >= span[0]) & (times <= span[1])
    if shown.sum() < 2:
        raise ValueError(f"start, stop = {span[0]:g}, {span[1]:g} hold fewer than two exposures; widen them")
    disc = Disc(simulator, system, band, n_pixels)
    flux = np.asarray(simulator(system).light_curves[photometer].flux[bands.index(band)], float)
    if not np.isfinite(flux).all():
        raise ValueError(
            "the light curve has NaN: the simulation is not valid; see dynamojax.validate(system)"
        )
    frames = np.linspace(*span, n_frames)
    figure, update = _scene(disc, times[shown], flux[shown], frames[0])
    _write(figure, update, frames, writer, path, dpi, progress)
    return path


def _writer(path: Path, fps: int) -> AbstractMovieWriter:
    if fps < 1:
        raise ValueError(f"fps = {fps} must be at least 1")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ValueError(
            f"path = {path}: the folder {path.parent} is not there or not writable; make it first"
        )
    if path.suffix == ".gif":
        return PillowWriter(fps=fps)
    if path.suffix != ".mp4":
        raise ValueError(f"path = {path} must end in .gif or .mp4")
    if shutil.which("ffmpeg") is None:
        raise ValueError(
            f"path = {path}: .mp4 needs the program ffmpeg, which is not found; install it or use .gif"
        )
    return FFMpegWriter(fps=fps, bitrate=4000)


def _scene(disc: Disc, times: np.ndarray, flux: np.ndarray, first: float):
    """The figure, and the function that moves it to a time."""
    # Fixed places: a layout engine would let the panels jump from frame to frame.
    figure = Figure(figsize=(7.2, 2.9))
    FigureCanvasAgg(figure)
    sky, curve = figure.add_axes((0.005, 0.03, 0.385, 0.94)), figure.add_axes((0.5, 0.19, 0.48, 0.7))
    image, planets = draw_disc(sky, disc, first, 1.0)
    factor, unit = scaled_flux(float(np.ptp(flux)))
    value = (flux - 1) * factor
    curve.plot(times, value, color=FAINT, lw=1.0)
    (past,) = curve.plot([], [], color=PALETTE[0])
    (marker,) = curve.plot([], [], "o", color=PALETTE[0], ms=7, mec="white", mew=0.8, zorder=4)
    curve.set(xlabel="Time [d]", ylabel=f"Relative flux, {disc.band}, minus 1 [{unit}]")
    curve.set_xlim(times[0], times[-1])
    clock = curve.set_title("", color=MUTED, loc="right")

    def update(time: float) -> None:
        image.set_data(disc.image(time)[0])
        move_planets(disc.system, planets, time)
        now = np.interp(time, times, value)
        seen = times <= time
        past.set_data(np.append(times[seen], time), np.append(value[seen], now))
        marker.set_data([time], [now])
        clock.set_text(f"t = {time:.2f} d")

    return figure, update


def _write(figure, update, frames, writer, path: Path, dpi: int, progress) -> None:
    """Frames into a temporary file of the same folder, renamed when complete, removed when not."""
    with replacing(path) as part, writer.saving(figure, str(part), dpi):
        for i, time in enumerate(frames):
            update(float(time))
            writer.grab_frame()
            if progress is not None:
                progress(i + 1, len(frames))
