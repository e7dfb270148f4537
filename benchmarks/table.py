"""Markdown tables of the results for the README: python -m benchmarks.table [name ...]."""

import argparse

from benchmarks.harness import RESULTS, read_results


def seconds(value: float | None) -> str:
    """A duration in the unit that suits it."""
    if value is None:
        return ""
    for scale, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-6:.3g} us"


def quantity(value) -> str:
    """Three significant digits; other things as they are."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


COLUMNS = {  # heading: how to write a row's cell
    "task": lambda row: row["task"],
    "system": lambda row: " ".join(filter(None, (row["system"], row.get("version")))),
    "does": lambda row: row.get("what", ""),
    "spots": lambda row: quantity(row.get("n_spots")),
    "stars": lambda row: quantity(row.get("batch")),
    "dtype": lambda row: row.get("dtype", ""),
    "time": lambda row: seconds(row.get("run_s")),
    "spread": lambda row: seconds(row.get("spread_s")),
    "fastest": lambda row: seconds(row.get("fastest_s")),
    "compile": lambda row: seconds(row.get("compile_s")),
    "stars/s": lambda row: quantity(row.get("stars_per_s")),
    "scratch, MB": lambda row: quantity(row["temporary_bytes"] / 1e6) if row.get("temporary_bytes") else "",
    "error, ppm": lambda row: quantity(row.get("error_ppm")),
}
SAID = {"environment", "task", "system", "what", "version", "n_spots", "batch", "dtype", "n_runs"}
SAID |= {"run_s", "spread_s", "fastest_s", "compile_s", "stars_per_s", "temporary_bytes", "error_ppm"}


def _notes(row: dict) -> str:
    """Facts of a row that have no column of their own."""
    extra = {name: value for name, value in row.items() if name not in SAID and value not in (None, "")}
    return ", ".join(f"{name.replace('_', ' ')} {quantity(value)}" for name, value in extra.items())


def table(rows: list[dict]) -> str:
    """Rows as a markdown table; a column that nobody fills is left out."""
    cells = [{**{name: write(row) for name, write in COLUMNS.items()}, "notes": _notes(row)} for row in rows]
    heads = [name for name in (*COLUMNS, "notes") if any(cell[name] for cell in cells)]
    lines = [heads, ["---"] * len(heads), *([cell[name] for name in heads] for cell in cells)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(name: str) -> str:
    """One results file: where it was measured, and a table for each task."""
    results = read_results(name)
    where, rows = results["environment"], results["rows"]
    versions = ", ".join(f"{package} {version}" for package, version in where["versions"].items() if version)
    parts = [f"{where['device']}; Python {where['python']}, {versions}; commit {where['commit']}."]
    for task in dict.fromkeys(row["task"] for row in rows):
        parts.append(f"**{task}**\n\n" + table([row | {"task": ""} for row in rows if row["task"] == task]))
    return "\n\n".join(parts)


def has_tasks(name: str) -> bool:
    """Whether the results are rows of systems that did the same task; others have tables of their own."""
    rows = results["rows"] if "rows" in (results := read_results(name)) else []
    return bool(rows) and all("task" in row and "system" in row for row in rows)


def main(argv=None) -> None:
    """Print the tables of the named results, or of all that have rows of tasks."""
    parser = argparse.ArgumentParser(description="Markdown tables of the results.")
    parser.add_argument("names", nargs="*", help="files in benchmarks/results, without .json")
    everything = sorted(path.stem for path in RESULTS.glob("*.json"))
    names = parser.parse_args(argv).names or [name for name in everything if has_tasks(name)]
    for name in names:
        if not has_tasks(name):
            raise SystemExit(f"{name}.json is no comparison of systems: its own module prints its table")
        print(f"### {name}\n\n{report(name)}\n")


if __name__ == "__main__":
    main()
