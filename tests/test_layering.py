"""Imports point down one list of layers, and few modules touch files."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "dynamojax"
LAYERS = [
    {"constants", "hermite", "numerics", "reading", "refraction", "splines", "writing"},
    {"system", "units"},
    {"surface", "atmosphere", "planets", "instruments", "evolution", "validation"},
    {"observables"},
    {"simulate"},
    {"population", "inference"},
    {"learn"},
    {"config", "files", "cli", "plotting", "__init__"},
]
MAY_TOUCH_FILES = {
    *("atmosphere/grid.py", "config", "files", "cli", "plotting", "instruments/bandpass.py"),
    *(
        "atmosphere/grid_file.py",
        "atmosphere/grid_writer.py",
        "atmosphere/grid_bands.py",
        "reading.py",
        "writing.py",
    ),
    # Downloads and model libraries: where they lie, how they come, how each kind is read.
    *("atmosphere/locations.py", "atmosphere/phoenix", "atmosphere/libraries", "atmosphere/building.py"),
    *("instruments/spectrograph_table.py", "instruments/line_masks.py"),
    # Tracks: the embedded ones, and those that kiauhoku downloads.
    *("evolution/track_file.py", "evolution/kiauhoku.py"),
    # Data sets: shards, what is finished, and how much memory a container has.
    *("population/dataset.py", "population/manifest.py", "population/program.py"),
}


def _modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE), ast.parse(path.read_text())


def _level(name: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


def _imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dynamojax."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("dynamojax."))


def test_every_module_is_in_a_layer():
    assert {p.parts[0].removesuffix(".py") for p, _ in _modules()} - {"data"} <= set().union(*LAYERS)


def test_imports_point_down():
    wrong = []
    for path, tree in _modules():
        own = path.parts[0].removesuffix(".py")
        for other in _imports(tree):
            same = own == other
            if not same and (
                _level(other) > _level(own) or (_level(other) == _level(own) and 1 < _level(own) < 7)
            ):
                wrong.append(f"{path} imports {other}")
    assert not wrong


def test_few_modules_touch_files():
    readers = {
        "h5py",
        "open",
        "read_text",
        "write_text",
        "read_bytes",
        "write_bytes",
        "loadtxt",
        "genfromtxt",
    }
    wrong = []
    for path, tree in _modules():
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        names |= {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        allowed = any(
            str(path).removesuffix(".py").startswith(m.removesuffix(".py")) for m in MAY_TOUCH_FILES
        )
        if names & readers and not allowed:
            wrong.append(f"{path} uses {names & readers}")
    assert not wrong
