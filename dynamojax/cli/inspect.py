"""The command that tells what is in a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dynamojax.cli.console import Debug, Quiet, Steps, clear_errors, size

if TYPE_CHECKING:
    from dynamojax.population.dataset import DataSet

_SHARDS = 16  # that ranges are taken from, at most


def inspect(
    path: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of a data set, finished or not.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Page of examples: PNG, PDF or SVG.")
    ] = None,
    plot: Annotated[bool, typer.Option("--plot/--no-plot", help="Draw a page of examples.")] = True,
    stars: Annotated[int, typer.Option(min=1, max=12, help="Examples on the page.")] = 4,
    verify: Annotated[bool, typer.Option("--verify", help="Compare all checksums.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Print what is in a data set, and draw a page of examples."""
    from dynamojax.population.dataset import DataSet

    with clear_errors(debug):
        steps = Steps(quiet)
        target = Path(f"{path.resolve().name}.png") if output is None else output
        if target.suffix not in (".png", ".pdf", ".svg"):
            raise ValueError(f"output = {target} must end in .png, .pdf or .svg")
        data = DataSet(path)
        if verify:
            _verify(data, steps)
        print("\n".join(report(data)))
        if plot and data.records:
            with steps.step("Drawing"):
                from dynamojax.plotting.examples import plot_examples
                from dynamojax.writing import replacing

                figure = plot_examples(data, stars)
                target.parent.mkdir(parents=True, exist_ok=True)
                with replacing(target) as part:
                    figure.savefig(part, dpi=130)
            steps.note(f"wrote {target}")


def report(data: "DataSet") -> list[str]:
    """What is in a data set, line by line."""
    lines = [*_heading(data), "", *_columns(data)]
    if data.records:
        lines += ["", *_axes(data), "", *_ranges(data)]
    return lines


def _heading(data: "DataSet") -> list[str]:
    manifest, done = data.manifest, len(data.records)
    n_bytes = sum(record.n_bytes for record in data.records.values())
    made = manifest.made_with
    versions = ", ".join(f"{name} {made[name]}" for name in ("dynamojax", "jax", "platform") if name in made)
    lines = [
        f"{data.folder}: {manifest.n_stars} stars in {manifest.n_shards} {manifest.file_format} shards of "
        f"{manifest.shard_stars}",
        f"finished: {done} shards, {data.n_finished} stars, {size(n_bytes)}"
        + ("" if done == manifest.n_shards else "; generate --resume makes the rest"),
    ]
    if data.n_finished:
        lines.append(f"valid: {data.n_valid} stars, {100 * data.n_valid / data.n_finished:.2f} %")
    return [*lines, f"made with: {versions}", f"configuration: {manifest.digest}"]


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Columns as wide as their widest entry."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return [
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]


def _columns(data: "DataSet") -> list[str]:
    head = ("column", "dtype", "shape", "unit", "along", "what")
    rows = [
        (
            name,
            c["dtype"],
            "x".join(map(str, c["shape"])) or "-",
            c["unit"] or "-",
            c["axis"] or "-",
            c["help"],
        )
        for name, c in data.manifest.columns.items()
    ]
    return _table(head, rows)


def _axes(data: "DataSet") -> list[str]:
    axes = data.description()["axes"]
    rows = [
        (name, str(len(a["values"])), a["unit"], f"{min(a['values']):.6g}", f"{max(a['values']):.6g}")
        for name, a in axes.items()
    ]
    frames = [f"{name}: in vacuum, as seen from the {a['frame']}" for name, a in axes.items() if "frame" in a]
    return [*_table(("axis", "values", "unit", "from", "to"), rows), *frames]


def _ranges(data: "DataSet") -> list[str]:
    """Of numbers that a star has one of, over its valid stars."""
    import numpy as np

    columns = data.manifest.columns
    names = [n for n, c in columns.items() if not c["shape"] and n not in ("star_id", "valid", "drawn")]
    values = data.columns([*names, "valid"], _SHARDS)
    valid = values.pop("valid").astype(bool)
    rows = []
    for name in names:
        kept = values[name][valid].astype(float)
        kept = kept[np.isfinite(kept)]
        ends = np.percentile(kept, [0, 16, 50, 84, 100]) if len(kept) else [np.nan] * 5
        rows.append((name, *(f"{x:.5g}" for x in ends), columns[name]["unit"] or "-"))
    from_all = len(data.paths) <= _SHARDS
    head = f"{valid.sum()} valid stars" + ("" if from_all else f" of {_SHARDS} of {len(data.paths)} shards")
    return _table((head, "min", "16 %", "median", "84 %", "max", "unit"), rows)


def _verify(data: "DataSet", steps: Steps) -> None:
    from dynamojax.population.manifest import checked_records

    with steps.step("Comparing checksums") as tell:
        records, problems = checked_records(data.folder, data.manifest, tell)
    if problems:
        raise ValueError("; ".join(problems) + ": generate --resume makes them again")
    steps.note(f"{len(records)} shards are what they were when they were written")
