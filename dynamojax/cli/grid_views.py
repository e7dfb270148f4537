"""Commands that look at grids: info, list, plot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dynamojax.cli.console import Debug, Quiet, Steps, clear_errors, size
from dynamojax.cli.grid import Folder, app

if TYPE_CHECKING:
    from dynamojax.atmosphere.grid_file import GridFile

Grid = Annotated[str, typer.Argument(metavar="GRID", help="A file, a name in the cache, or embedded.")]


def _open(name: str, cache: Path | None = None) -> "GridFile":
    from dynamojax.atmosphere.grid_file import open_grid
    from dynamojax.atmosphere.locations import grid_path, locations

    if name == "embedded":
        return open_grid()
    kept = locations(cache).grid(name)
    return open_grid(kept if cache is not None and kept.exists() else grid_path(name, cache))


@app.command()
def info(grid: Grid, cache: Folder = None, debug: Debug = False) -> None:
    """Print what a grid file holds."""
    with clear_errors(debug):
        print(_description(_open(grid, cache)))


def _description(file: "GridFile") -> str:
    about = file.info()
    rows = [
        ("file", f"{about['path']}, {size(about['n_bytes'])}"),
        *(
            (name, _axis(about[name], unit))
            for name, unit in (("teff", "K"), ("logg", "dex"), ("feh", "dex"))
        ),
        ("models", f"{about['n_models']} of {about['n_nodes']} nodes, {about['n_mu']} mu"),
    ]
    for name, part in about["segments"].items():
        low, high = part["wavelength"]
        kind = part["representation"] + (f", rank {part['rank']}" if part["rank"] else "")
        rows.append(
            (f"segment {name}", f"{low:.0f}-{high:.0f} A in vacuum, {part['n_wavelength']} samples, "
             f"resolution {part['resolution']:.6g}, sampling {part['sampling']:.6g}, {kind}")
        )  # fmt: skip
    rows += [(name, str(about[name])) for name in ("limb", "source", "licence", "created_by", "content")]
    rows += [(f"provenance {name}", str(value)) for name, value in about["provenance"].items()]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def _axis(nodes: list[float], unit: str) -> str:
    shown = ", ".join(f"{x:g}" for x in nodes) if len(nodes) <= 16 else f"{nodes[0]:g} ... {nodes[-1]:g}"
    return f"{len(nodes)} nodes: {shown} {unit}"


@app.command("list")
def list_grids(cache: Folder = None, debug: Debug = False) -> None:
    """List the grids at hand, and what has been downloaded."""
    from dynamojax.atmosphere.grid_file import EMBEDDED, open_grid
    from dynamojax.atmosphere.locations import locations

    with clear_errors(debug):
        places = locations(cache)
        files = {"embedded": EMBEDDED} if EMBEDDED.exists() else {}
        files |= {path.stem: path for path in sorted(places.grids.glob("[!.]*.h5"))}
        for name, path in files.items():
            try:
                print(f"{name}: {_line(open_grid(path))}")
            except ValueError as error:
                print(f"{name}: {error}")
        downloads = list(places.phoenix.glob("Z*/lte*.fits"))
        total = size(sum(path.stat().st_size for path in downloads))
        print(f"downloaded: {len(downloads)} PHOENIX files, {total}, in {places.phoenix}")


def _line(file: "GridFile") -> str:
    spans = [
        f"{name} {axis[0]:g} to {axis[-1]:g}"
        for name, axis in (("teff", file.teff), ("logg", file.logg), ("feh", file.feh))
    ]
    parts = ["{} {:.0f}-{:.0f} A".format(n, *s.axis.ends) for n, s in file.segments.items()]
    size_ = size(file.path.stat().st_size)
    return f"{int(file.exists.sum())} models, {', '.join(spans)}; {', '.join(parts)}; {size_}, {file.path}"


@app.command()
def plot(
    grid: Grid,
    teff: Annotated[float, typer.Option(help="Effective temperature, in K.")] = 5772.0,
    logg: Annotated[float, typer.Option(help="log10 gravity, in cm/s2.")] = 4.44,
    feh: Annotated[float, typer.Option(help="Metallicity, in dex.")] = 0.0,
    segment: Annotated[str | None, typer.Option(help="Of the grid; its first if none is named.")] = None,
    wavelength: Annotated[
        tuple[float, float] | None, typer.Option(help="Lowest and highest, in vacuum, in A.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="PNG, PDF or SVG to write.")] = Path(
        "grid.png"
    ),
    cache: Folder = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw the spectrum and the limb darkening of one atmosphere."""
    with clear_errors(debug):
        steps = Steps(quiet)
        if output.suffix not in (".png", ".pdf", ".svg"):
            raise ValueError(f"output = {output} must end in .png, .pdf or .svg")
        with steps.step("Drawing"):
            from dynamojax.files import prepare_folder
            from dynamojax.plotting.grids import plot_intensities
            from dynamojax.writing import replacing

            figure = plot_intensities(_open(grid, cache), teff, logg, feh, segment, wavelength)
            prepare_folder(output.parent)
            with replacing(output) as part:
                figure.savefig(part, dpi=150)
        steps.note(f"wrote {output}")
