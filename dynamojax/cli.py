"""The command line. JAX is imported inside the commands that compute, so that help and errors are instant."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dynamojax.config import documents, starsim
from dynamojax.config.reading import Settings, read_settings

if TYPE_CHECKING:
    from dynamojax.config.experiment import Experiment
    from dynamojax.files.records import Record
    from dynamojax.simulate import Observables

app = typer.Typer(
    name="dynamojax",
    help="Realistic stellar observables: light curves of spotted, rotating stars with planets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
_SLOW = 2.0  # [s], from which on a step shows that it is running


def _print_version(wanted: bool | None) -> None:
    if wanted:
        print(f"dynamojax {version('dynamojax')}")
        raise typer.Exit


@app.callback()
def main(
    _: Annotated[
        bool | None,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = None,
) -> None:
    """Realistic stellar observables: light curves of spotted, rotating stars with planets."""


@contextmanager
def _clear_errors(debug: bool) -> Iterator[None]:
    """An error in what a person gave is one message and exit code 2, not a traceback."""
    try:
        yield
    except (ValueError, OSError) as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        print("interrupted; files that were not complete have been removed", file=sys.stderr)
        raise typer.Exit(130) from None


class _Steps:
    """Says what is going on, on standard error."""

    def __init__(self, quiet: bool):
        from rich.console import Console

        self.console = Console(stderr=True, quiet=quiet, highlight=False)

    def note(self, text: str) -> None:
        """One line."""
        self.console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, text: str) -> Iterator["_Step"]:
        """A spinner with a clock while the block runs, then how long it took if that was long."""
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        begin = time.monotonic()
        silent = not self.console.is_terminal  # in a log there is one line for each step, no spinner
        if silent:
            self.note(f"{text} ...")
        with Progress(*columns, console=self.console, transient=True, disable=silent) as progress:
            yield _Step(progress, progress.add_task(text, total=None), text)
        taken = time.monotonic() - begin
        if taken > _SLOW:
            self.note(f"{text}: {taken:.1f} s")


class _Step:
    """One step on the screen; call it with (done, total) where its length is known."""

    def __init__(self, progress, task, text: str):
        self.progress, self.task, self.text = progress, task, text

    def __call__(self, done: int, total: int) -> None:
        self.progress.update(self.task, description=f"{self.text} {done}/{total}")


def _read(path: Path, days: float, steps: _Steps) -> Settings:
    """A configuration, or a star.conf, whose differences are printed."""
    if not starsim.is_star_conf(path):
        return read_settings(path)
    settings, notes = starsim.translate(path, days)
    steps.note(f"{path} is translated; what differs from the original:")
    for note in notes:
        steps.note(f"  - {note}")
    return settings


@app.command()
def simulate(
    path: Annotated[Path, typer.Argument(metavar="CONFIG", help="A .toml, or a star.conf of the original.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder of the files.")] = None,
    plot: Annotated[bool | None, typer.Option("--plot/--no-plot", help="Draw the light curves.")] = None,
    animate: Annotated[bool | None, typer.Option("--animate", help="Animate the rotating star.")] = None,
    days: Annotated[float, typer.Option(help="Time span of a star.conf, which holds none.")] = 30.0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Simulate one star: light curves of every photometer, as files and a plot."""
    with _clear_errors(debug):
        steps = _Steps(quiet)
        settings = _read(path, days, steps)
        wanted = settings["output"]
        folder = Path(wanted["folder"]) if output is None else output
        plot = wanted["plot"] if plot is None else plot
        animate = wanted["animate"] if animate is None else animate
        with steps.step("Starting JAX"):
            import jax

            from dynamojax.config import experiment as run
            from dynamojax.files import prepare_folder
        folder = prepare_folder(folder)
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
            paths = _write(folder, record, wanted["formats"], steps)
            paths += _draw(folder, experiment, observables, record, plot, animate, steps)
        for written in paths:
            steps.note(f"wrote {written}")


def _summary(experiment: "Experiment") -> str:
    system = experiment.system
    lines = [f"{experiment.settings['star']['name']}: {system.spots.n_spots} spots"]
    lines.append(f"{system.planets.n_planets} planets")
    for name, photometer in experiment.simulator.photometers.items():
        lines.append(f"{name} {photometer.times.size} exposures in {', '.join(photometer.bands)}")
    return "; ".join(lines)


def _warn_of_overlap(share: float, steps: _Steps) -> None:
    if not share <= 20e-6:  # NaN is too many overlapping spots to tell
        steps.note(
            f"note: overlapping spots are counted twice over up to {1e6 * share:.0f} ppm of the disc; "
            'surface.overlap = "exact" counts them once'
        )


def _write(folder: Path, record: "Record", formats: list[str], steps: _Steps) -> list[Path]:
    from dynamojax.files import write_light_curves, write_simulation

    with steps.step("Writing"):
        paths = write_light_curves(folder, record) if "fits" in formats else []
        return paths + ([write_simulation(folder, record)] if "hdf5" in formats else [])


def _draw(
    folder: Path,
    experiment: "Experiment",
    observables: "Observables",
    record: "Record",
    plot: bool,
    animate: bool,
    steps: _Steps,
) -> list[Path]:
    from dynamojax.files import replacing
    from dynamojax.files.writing import file_stem

    stem, paths = file_stem(record.name), []
    if plot:
        with steps.step("Drawing"):
            import numpy as np

            from dynamojax.plotting import plot_light_curves

            seen = {
                name: np.where(r.good, r.corrected, np.nan)
                for name, r in record.recordings.items()
                if np.isfinite(r.noise_mag).all()
            }
            figure = plot_light_curves(experiment.simulator, observables, seen)
            paths.append(folder / f"{stem}.png")
            with replacing(paths[-1]) as part:
                figure.savefig(part, dpi=150)
    if animate:
        with steps.step("Animating") as progress:
            from dynamojax.plotting import animate_star

            name = next(iter(experiment.simulator.photometers))
            path = folder / f"{stem}.gif"
            paths.append(animate_star(experiment.simulator, experiment.system, name, path, progress=progress))
    return paths


@app.command()
def config(
    markdown: Annotated[bool, typer.Option("--markdown", help="As tables for documentation.")] = False,
) -> None:
    """Print a configuration with every key, its meaning, unit, range and default."""
    print(documents.markdown() if markdown else documents.template(), end="")


@app.command()
def translate(
    path: Annotated[Path, typer.Argument(metavar="STAR_CONF", help="A star.conf of the original.")],
    days: Annotated[float, typer.Option(help="Time span, which star.conf does not hold.")] = 30.0,
    debug: Debug = False,
) -> None:
    """Print a star.conf of the original as TOML, with a list of what differs."""
    with _clear_errors(debug):
        settings, notes = starsim.translate(path, days)
        header = "\n".join([f"Translated from {path.name}. What differs:", *(f"- {note}" for note in notes)])
        print(documents.to_toml(settings.values, header), end="")


if __name__ == "__main__":
    app()
