"""The command that simulates one star."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dynamojax.cli.console import Debug, Quiet, Steps, clear_errors
from dynamojax.config import starsim
from dynamojax.config.reading import Settings, read_settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dynamojax.config.experiment import Experiment
    from dynamojax.files.records import Record
    from dynamojax.simulate import Observables


def _read(path: Path, days: float, steps: Steps) -> Settings:
    """A configuration, or a star.conf, whose differences are printed."""
    if not starsim.is_star_conf(path):
        return read_settings(path)
    settings, notes = starsim.translate(path, days)
    steps.note(f"{path} is translated; what differs from the original:")
    for note in notes:
        steps.note(f"  - {note}")
    return settings


def simulate(
    path: Annotated[Path, typer.Argument(metavar="CONFIG", help="A .toml, or a star.conf of the original.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder of the files.")] = None,
    plot: Annotated[bool | None, typer.Option("--plot/--no-plot", help="Draw what is seen.")] = None,
    animate: Annotated[bool | None, typer.Option("--animate", help="Animate the rotating star.")] = None,
    days: Annotated[float, typer.Option(help="Time span of a star.conf, which holds none.")] = 30.0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Simulate one star: light curves, spectra and velocities of every instrument, as files and plots."""
    with clear_errors(debug):
        steps = Steps(quiet)
        settings = _read(path, days, steps)
        wanted = settings["output"]
        plot = wanted["plot"] if plot is None else plot
        animate = wanted["animate"] if animate is None else animate
        if animate and not settings["photometers"]:
            raise ValueError(
                "--animate takes the times of a photometer; add [[photometers]], or leave it out"
            )
        with steps.step("Starting JAX"):
            import jax

            from dynamojax.config import experiment as run
            from dynamojax.files import prepare_folder
        folder = prepare_folder(Path(wanted["folder"]) if output is None else output)
        with jax.enable_x64(settings["simulation"]["precision"] == "float64"):
            with steps.step("Reading the grid and making the star"):
                experiment = run.prepare(settings)
            steps.note(_summary(experiment))
            with steps.step("Simulating (the first time, compiling)"):
                observables = run.observe(experiment)
            with steps.step("Adding noise"):
                record = run.record(experiment, observables)
            with steps.step("Checking for overlapping spots"):
                _warn_of_overlap(run.counted_twice(experiment), steps)
            paths = _write(folder, record, wanted, steps)
            paths += _draw(folder, experiment, observables, record, plot, animate, steps)
        for written in paths:
            steps.note(f"wrote {written}")


def _summary(experiment: "Experiment") -> str:
    system, simulator = experiment.system, experiment.simulator
    lines = [f"{experiment.settings['star']['name']}: {system.spots.n_spots} spots"]
    lines.append(f"{system.planets.n_planets} planets")
    for name, photometer in simulator.photometers.items():
        lines.append(f"{name} {photometer.times.size} exposures in {', '.join(photometer.bands)}")
    for name, spectrograph in simulator.spectrographs.items():
        lines.append(f"{name} {spectrograph.times.size} spectra of {spectrograph.n_pixels} pixels")
    for name, photometer in experiment.velocimeters.items():
        lines.append(f"{name} {photometer.times.size} velocities in {', '.join(photometer.bands)}")
    return "; ".join(lines)


def _warn_of_overlap(share: float, steps: Steps) -> None:
    if not share <= 20e-6:  # NaN is too many overlapping spots to tell
        where = f"counted twice over up to {1e6 * share:.0f} ppm of the disc"
        steps.note(f'note: overlapping spots are {where}; surface.overlap = "exact" counts them once')


def _write(folder: Path, record: "Record", wanted: dict, steps: Steps) -> list[Path]:
    from dynamojax.files import write_light_curves, write_simulation, write_spectra, write_velocities

    with steps.step("Writing"):
        paths = []
        if "fits" in wanted["formats"]:
            paths += write_light_curves(folder, record)
            paths += write_spectra(folder, record, tuple(wanted["layouts"]))
            paths += write_velocities(folder, record)
        return paths + ([write_simulation(folder, record)] if "hdf5" in wanted["formats"] else [])


def _draw(
    folder: Path,
    experiment: "Experiment",
    observables: "Observables",
    record: "Record",
    plot: bool,
    animate: bool,
    steps: Steps,
) -> list[Path]:
    from dynamojax.files import replacing
    from dynamojax.files.writing import file_stem

    stem, paths = file_stem(record.name), []
    if plot:
        with steps.step("Drawing"):
            for name, figure in _figures(experiment, observables, record):
                paths.append(folder / f"{stem}{name}.png")
                with replacing(paths[-1]) as part:
                    figure.savefig(part, dpi=150)
    if animate:
        with steps.step("Animating") as progress:
            from dynamojax.plotting import animate_star

            name = next(iter(experiment.simulator.photometers))
            path = folder / f"{stem}.gif"
            paths.append(animate_star(experiment.simulator, experiment.system, name, path, progress=progress))
    return paths


def _figures(
    experiment: "Experiment", observables: "Observables", record: "Record"
) -> Iterator[tuple[str, "Figure"]]:
    """Figures, with what is added to the name of their file."""
    import numpy as np

    if record.recordings:
        from dynamojax.plotting import plot_light_curves

        seen = {
            name: np.where(r.good, r.corrected, np.nan)
            for name, r in record.recordings.items()
            if np.isfinite(r.noise_mag).all()
        }
        yield "", plot_light_curves(experiment.simulator, observables, seen)
    if record.spectra:
        from dynamojax.plotting.spectra import plot_spectra

        seen = {
            name: np.where(r.good, r.noisy, np.nan) for name, r in record.spectra.items() if np.any(r.error)
        }
        yield "_spectra", plot_spectra(experiment.simulator, observables, seen)
    if record.velocities:
        from dynamojax.plotting.velocities import plot_velocity_series

        first = next(iter(record.velocities.values()))
        noisy = first.photometer.times, first.noisy[0] - first.systemic, first.error[0]
        seen = {"with noise": noisy} if np.any(first.error) else None
        yield "_velocities", plot_velocity_series(experiment.simulator, observables, seen)
