"""Commands for grids of spectral intensities: download, build, look at."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dynamojax.cli.console import Debug, Quiet, Steps, clear_errors, size

if TYPE_CHECKING:
    from dynamojax.atmosphere.phoenix.fetch import Plan, Report

app = typer.Typer(no_args_is_help=True, help="Grids of spectral intensities: fetch, build, info, list, plot.")
Range = tuple[float, float]
Teff = Annotated[Range | None, typer.Option(help="Lowest and highest effective temperature, in K.")]
Logg = Annotated[Range | None, typer.Option(help="Lowest and highest log10 gravity, in cm/s2.")]
Feh = Annotated[Range | None, typer.Option(help="Lowest and highest metallicity, in dex.")]
Alpha = Annotated[float, typer.Option(help="Enhancement of alpha elements, in dex.")]
Folder = Annotated[
    Path | None, typer.Option("--cache", help="Folder of downloads and grids, instead of the platform's.")
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="File to write.")]
Library = Annotated[str, typer.Argument(metavar="LIBRARY", help="phoenix, phoenix-hires, bt-settl, atlas9")]
Files = Annotated[
    Path | None, typer.Argument(metavar="[FOLDER]", help="Your files, of any library but phoenix.")
]
Segments = Annotated[
    list[str] | None, typer.Option(help="NAME:LOW:HIGH:RESOLUTION in vacuum A; repeat for more.")
]
Law = Annotated[
    str,
    typer.Option(
        help="Limb darkening where a library has none: bands, grid:NAME, or a law with coefficients."
    ),
]
SkipDamaged = Annotated[
    bool, typer.Option("--skip-damaged", help="Leave a hole where a file cannot be read.")
]
_GOES_ON = "interrupted; what has arrived is kept, and the same command goes on from there"


@app.command()
def fetch(
    library: Annotated[str, typer.Argument(metavar="LIBRARY", help="phoenix")],
    teff: Teff = None,
    logg: Logg = None,
    feh: Feh = None,
    alpha: Alpha = 0.0,
    cache: Folder = None,
    url: Annotated[str | None, typer.Option(help="Folder of the library on the web.")] = None,
    mirror: Annotated[str | None, typer.Option(help="Asked when the first fails; empty for none.")] = None,
    parallel: Annotated[int, typer.Option(help="Files at a time, 1 to 8.")] = 4,
    timeout: Annotated[float, typer.Option(help="Without an answer for this long, try again, in s.")] = 30.0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be downloaded.")] = False,
    retry_holes: Annotated[
        bool, typer.Option("--retry-holes", help="Ask again for models that were not there.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Download model intensities; run it again after an interruption, or to add to what is there."""
    from dynamojax.atmosphere.locations import locations
    from dynamojax.atmosphere.phoenix import fetch as fetching
    from dynamojax.atmosphere.phoenix.catalogue import models
    from dynamojax.atmosphere.phoenix.transfer import Patience

    with clear_errors(debug, _GOES_ON):
        steps = Steps(quiet)
        if library != "phoenix":
            raise ValueError(
                f"library = {library!r}; phoenix can be fetched, others are built from own files"
            )
        places, patience = locations(cache, url, mirror), Patience(timeout=timeout)
        fetching.check_parallel(parallel)
        with steps.step("Looking at what is there and what is to come"):
            plan = fetching.plan(models(teff, logg, feh, alpha), places, patience, retry_holes)
        steps.note(_plan(plan, places))
        if plan.todo and not dry_run:
            _download(plan, places, parallel, patience, yes, steps)


def _download(plan: "Plan", places, parallel: int, patience, yes: bool, steps: Steps) -> None:
    """Ask, fetch and report; exit code 1 where files are missing after it."""
    from dynamojax.atmosphere.phoenix import fetch as fetching

    if plan.unreachable:
        steps.note(f"no server answers ({plan.unreachable}); try later, or another --url or --mirror")
        raise typer.Exit(1)
    fetching.check_space(plan, places)
    if not yes and not _agreed():
        raise typer.Exit(1)
    with steps.transfer(plan.n_bytes, len(plan.todo)) as tell:
        report = fetching.fetch(plan.todo, places, parallel, patience, tell)
    steps.note(_report(report, plan))
    if report.failed:
        raise typer.Exit(1)


def _plan(plan: "Plan", places: Any) -> str:
    come = "of unknown size, no server said" if plan.n_bytes is None else f"about {size(plan.n_bytes)}"
    lines = [f"{places.phoenix}: {plan.present} files there, {len(plan.holes)} known not to exist"]
    lines.append(f"{len(plan.todo)} to fetch from {' or '.join(places.addresses)}, {come}")
    return "\n".join(lines if plan.todo else [*lines[:1], "nothing to fetch"])


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise ValueError("nobody is there to be asked; add --yes to download, or --dry-run to look")
    return typer.confirm("Download?", err=True)


def _report(report: "Report", plan: "Plan") -> str:
    lines = [f"fetched {len(report.fetched)} files, {size(report.n_bytes)}"]
    if report.holes:
        names = [f"teff {m.teff:g} logg {m.logg:g} feh {m.feh:g}" for m in report.holes]
        shown = "; ".join(names[:8] + ["..."] * (len(names) > 8))
        lines.append(f"{len(names)} models do not exist and will be holes of the grid: {shown}")
    for why in dict.fromkeys(report.failed.values()):
        names = [model.name for model, other in report.failed.items() if other == why]
        lines.append(f"failed: {names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}: {why}")
    if report.failed:
        rest = len(plan.todo) - len(report.fetched) - len(report.holes)
        begin = "the servers do not answer as they should; " if report.stopped else ""
        lines.append(f"{begin}{rest} files are missing; run the same command again, or with another --url")
    return "\n".join(lines)


@app.command()
def build(
    library: Library,
    folder: Files = None,
    teff: Teff = None,
    logg: Logg = None,
    feh: Feh = None,
    alpha: Alpha = 0.0,
    segment: Segments = None,
    n_mu: Annotated[int, typer.Option(help="Angles of the quadrature, 4 to 32.")] = 10,
    representation: Annotated[str, typer.Option(help="int16, or float32 at twice the size.")] = "int16",
    law: Law = "bands",
    coefficient: Annotated[list[float] | None, typer.Option(help="Of the law; repeat for more.")] = None,
    output: Output = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a grid that is there.")] = False,
    skip_damaged: SkipDamaged = False,
    cache: Folder = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make a grid file of downloaded or own models, at a resolution of your choice."""
    from dynamojax.atmosphere.building import read_stretch
    from dynamojax.atmosphere.locations import locations

    with clear_errors(debug):
        steps = Steps(quiet)
        places = locations(cache)
        path = _free(places.grid(library) if output is None else output, force)
        if not 4 <= n_mu <= 32:
            raise ValueError(f"n_mu = {n_mu} must be in [4, 32]")
        made = path, tuple(read_stretch(text) for text in segment or ())
        options = {"n_mu": n_mu, "representation": representation, "skip_damaged": skip_damaged}
        with steps.step(f"Building {path}") as tell:
            options["tell"] = tell
            if library == "phoenix":
                _check_phoenix(folder, law, coefficient)
                built = _build_phoenix(places, (teff, logg, feh, alpha), *made, options, steps)
            else:
                darkening = law, tuple(coefficient or ())
                built = _build_fluxes(library, folder, (teff, logg, feh), *made, *darkening, options)
        _say_what_is_in_it(built, path, steps)


def _free(path: Path, force: bool) -> Path:
    if path.exists() and not force:
        raise ValueError(f"{path} exists; --force replaces it, --output writes elsewhere")
    return path


def _say_what_is_in_it(built, path: Path, steps: Steps) -> None:
    for name, why in built.damaged.items():
        steps.note(f"left out: {name}: {why}")
    steps.note(f"{built.n_models} models, {built.n_nodes - built.n_models} holes")
    steps.note(f"wrote {path}, {size(path.stat().st_size)}")


def _check_phoenix(folder: Path | None, law: str, coefficients: list[float] | None) -> None:
    if folder is not None:
        raise ValueError(
            f"folder = {folder}: phoenix is built of what was fetched; --cache says where that is"
        )
    if law != "bands" or coefficients:
        raise ValueError(f"law = {law!r}: phoenix has angles of its own; leave --law and --coefficient out")


def _build_phoenix(places, ranges, path, stretches, options, steps):
    from dynamojax.atmosphere.phoenix.build import STRETCHES, build_phoenix
    from dynamojax.atmosphere.phoenix.catalogue import models

    built, limbs = build_phoenix(places, models(*ranges), path, stretches or STRETCHES, **options)
    steps.note(
        f"limbs at {min(limbs.radius):.4f} to {max(limbs.radius):.4f} of the outermost radii; halos and "
        f"quadrature hold at most {100 * max(limbs.factor):.2g} % of the flux, which is kept"
    )
    return built


def _build_fluxes(library, folder, ranges, path, stretches, law, coefficients, options):
    from dynamojax.atmosphere.libraries.fluxes import LIBRARIES, build_fluxes

    if library in LIBRARIES and folder is None:
        raise ValueError(
            f"{library} is built of files that you have: dynamojax grid build {library} FOLDER, with "
            f"{LIBRARIES[library].pattern}"
        )
    return build_fluxes(library, folder or Path(), path, ranges, stretches, law, coefficients, **options)
