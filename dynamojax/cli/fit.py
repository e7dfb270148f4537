"""The command that fits a star."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dynamojax.cli.console import Debug, Quiet, Steps, clear_errors
from dynamojax.config.fit_reading import FitSettings, read_fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dynamojax.files.fit_record import FitRecord

_GOES_ON = "interrupted; finished stages are kept, and the same command with --resume goes on from there"
_NO_FIT = 3  # exit code of a fit that failed, did not converge or lacks its draws; its results are written


def fit(
    path: Annotated[Path, typer.Argument(metavar="CONFIG", help="A .toml with [[data]] and [[free]].")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder of the results.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a fit that was begun.")] = False,
    plot: Annotated[bool | None, typer.Option("--plot/--no-plot", help="Draw the figures.")] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fit a star to light curves and spectra: parameters, uncertainties and a report; resumable."""
    with clear_errors(debug, _GOES_ON):
        steps = Steps(quiet)
        settings = read_fit(path)
        folder = Path(settings["output"]["folder"]) if output is None else output
        plot = settings["output"]["plot"] if plot is None else plot
        _check_extra()
        with steps.step("Starting JAX"):
            import jax

            from dynamojax.files import prepare_folder
        folder = prepare_folder(folder)
        with jax.enable_x64(settings.is_double):
            record = _run(settings, folder, resume, steps)
        for written in _write(folder, record, plot, steps):
            steps.note(f"wrote {written}")
    steps.note(_summary(record))
    if record.status != "converged" or (record.faults and not record.sampler):
        raise typer.Exit(_NO_FIT)


def _check_extra() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("numpyro", "optax", "optimistix", "tinygp") if find_spec(name) is None]
    if missing:
        raise ValueError(f"{', '.join(missing)} are missing; pip install 'dynamojax[fit]'")


def _run(settings: FitSettings, folder: Path, resume: bool, steps: Steps) -> "FitRecord":
    from dynamojax.config.fit_data import prepare_data
    from dynamojax.config.fit_record import record_of
    from dynamojax.config.fit_run import run_fit
    from dynamojax.config.fit_stages import Stages

    with steps.step("Reading data"):
        prepared = prepare_data(settings)
    for line in prepared.notes:
        steps.note(line)
    stages = Stages(folder, settings.digest, resume=resume)
    with steps.step("Fitting (the first time, compiling)"):
        outcome = run_fit(settings, prepared, stages, steps.note)
    if stages.n_found:
        steps.note(f"{stages.n_found} stages were there already")
    with steps.step("Maps of the posterior"):
        return record_of(outcome)


def _write(folder: Path, record: "FitRecord", plot: bool, steps: Steps) -> list[Path]:
    from dynamojax.files.fit_report import write_report
    from dynamojax.files.fit_results import write_fit
    from dynamojax.writing import replacing

    with steps.step("Writing"):
        paths = write_fit(folder, record)
    captions = {}
    with steps.step("Drawing"):
        for name, caption, figure in _figures(record) if plot else ():
            captions[name] = caption
            paths.append(folder / name)
            with replacing(paths[-1]) as part:
                figure.savefig(part, dpi=150, bbox_inches="tight")
    return [*paths, write_report(folder, record, captions)]


def _figures(record: "FitRecord") -> Iterator[tuple[str, str, "Figure"]]:
    """Files, captions and figures of a report."""
    from dynamojax.files.writing import file_stem
    from dynamojax.plotting import fits, fitted_maps

    for name, data in record.data.items():
        draw = fits.plot_fitted_light_curve if data.kind == "light_curve" else fits.plot_fitted_spectrum
        caption = f"{name}: data and model; residuals in units of their errors, two of them dashed."
        yield f"data_{file_stem(name)}.png", caption, draw(name, data)
    if record.spot_map is not None:
        draws = f"over {record.spot_map.n_draws} draws" if record.spot_map.n_draws > 1 else "of the best end"
        caption = f"Darkening of the surface at the epoch, mean and standard deviation {draws}."
        yield "spots.png", caption, fitted_maps.plot_spot_map(record.spot_map)
        yield "discs.png", "The same on the disc, a quarter of a turn apart.", _discs(record)
    if record.draws is not None and len(record.draws) > 1:
        for i, figure in enumerate(fits.plot_posterior_corners(record)):
            yield f"corner_{i}.png", "Posterior: 39 and 86 % of the draws lie within the lines.", figure
        yield "correlations.png", "Correlations of the parameters.", fits.plot_correlations(record)


def _discs(record: "FitRecord") -> "Figure":
    from dynamojax.plotting import fitted_maps

    return fitted_maps.plot_spotted_discs(record.spot_map)


def _summary(record: "FitRecord") -> str:
    if record.status == "failed":
        return "the fit failed: no start led to a star that can be simulated; the report says what to try"
    statistics = record.statistics
    words = "converged" if record.status == "converged" else "did not converge; raise fit.steps"
    return (
        f"the fit {words}: chi2 {statistics['chi2']:.1f} of {statistics['n_good']:.0f} points with "
        f"{statistics['n_free']:.0f} free parameters"
    )
