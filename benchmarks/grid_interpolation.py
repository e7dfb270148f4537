"""What interpolation in a grid of spectra costs: every second node left out, axis by axis, and predicted.

    python -m benchmarks.grid_interpolation [--grid PATH]

The spacing is twice the grid's, so these are upper bounds: where the interpolation is in its third-order
regime the grid's own errors are a fraction of them.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import write_results
from dynamojax.atmosphere.grid_cut import node_reader
from dynamojax.atmosphere.grid_file import GridFile, open_grid, opened
from dynamojax.atmosphere.grid_layout import AXES, Segment
from dynamojax.atmosphere.grid_writer import GridWriter
from dynamojax.atmosphere.interpolation import intensity
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.wavelengths import LogAxis

RANGES = ((0.0, 4000.0), (4000.0, 5000.0), (5000.0, 99999.0))  # teff [K]
BIN, CONTINUUM = 0.01, 0.005  # in ln(wavelength): broad-band flux, and the stretch of a pseudo-continuum


def thinned(file: GridFile, name: str, axis: str, path: Path) -> GridFile:
    """A file of one segment without every second node of an axis."""
    segment = file.segments[name]
    kept = Segment(name, segment.axis, segment.resolution, "float32")
    nodes = {a: getattr(file, a)[:: 2 if a == axis else 1] for a in AXES}
    facts = {"source": "thinned", "licence": "none", "provenance": {}}
    with (
        opened(file.path) as stored,
        GridWriter(path, **nodes, n_mu=len(file.mu_nodes), segments=[kept], **facts) as writer,
    ):
        read = node_reader(stored[f"segments/{name}"], segment, 0, segment.axis.n)
        for node in map(tuple, np.argwhere(file.exists).tolist()):
            if node[AXES.index(axis)] % 2 == 0:
                writer.add(
                    *(getattr(file, a)[i] for a, i in zip(AXES, node, strict=True)), {name: read(node)}
                )
    return open_grid(path)


def depth(flux: np.ndarray, axis: LogAxis) -> np.ndarray:
    """1 - flux over a pseudo-continuum: the highest flux of each stretch, joined by lines."""
    n = max(2, round(CONTINUUM / axis.ln_step))
    blocks = [(at, flux[at : at + n]) for at in range(0, len(flux), n)]
    tops = np.array([(at + int(np.argmax(part)), part.max()) for at, part in blocks])
    return 1.0 - flux / np.interp(np.arange(len(flux)), tops[:, 0], tops[:, 1])


def binned(flux: np.ndarray, axis: LogAxis) -> np.ndarray:
    """Mean flux in broad bins."""
    n = max(1, round(BIN / axis.ln_step))
    return flux[: len(flux) // n * n].reshape(-1, n).mean(1)


def compared(truth: np.ndarray, guess: np.ndarray, axis: LogAxis) -> dict[str, np.ndarray]:
    """Errors of one spectrum: relative in broad bins and at the grid's resolution, and in depth of lines."""
    deep = (wanted := depth(truth, axis)) > 0.1
    return {
        "flux_1_per_cent": np.abs(binned(guess, axis) / binned(truth, axis) - 1.0),
        "flux": np.abs(guess / truth - 1.0),
        "line_depth": np.abs(depth(guess, axis) - wanted)[deep],
    }


def predictions(thin: GridFile, name: str) -> Callable:
    """Flux of a star from the thinned grid, or None where it is not valid."""
    grid = thin.cut(segment=name, representation="float32", max_bytes=2**34)
    weight = quadrature_nodes(len(thin.mu_nodes))[1]
    call = jax.jit(intensity)

    def predict(point: tuple[float, ...]) -> np.ndarray | None:
        value, valid = call(grid, *(jnp.asarray(x) for x in point))
        return 2 * np.pi * weight @ np.asarray(value, float) if bool(valid) else None

    return predict


def left_out(file: GridFile, name: str, axis: str, most: int) -> list[tuple[float, dict]]:
    """Temperature and errors of the models left out along one axis, at most so many of them."""
    segment, k, found = file.segments[name], AXES.index(axis), []
    weight = quadrature_nodes(len(file.mu_nodes))[1]
    with tempfile.TemporaryDirectory() as folder:
        predict = predictions(thinned(file, name, axis, Path(folder) / "thin.h5"), name)
        nodes = [node for node in map(tuple, np.argwhere(file.exists).tolist()) if node[k] % 2]
        with opened(file.path) as stored:
            read = node_reader(stored[f"segments/{name}"], segment, 0, segment.axis.n)
            for node in nodes[:: max(1, len(nodes) // most)]:
                point = tuple(float(getattr(file, a)[i]) for a, i in zip(AXES, node, strict=True))
                guess = predict(point)
                if guess is not None:
                    truth = 2 * np.pi * weight @ 10.0 ** read(node)
                    found.append((point[0], compared(truth, guess, segment.axis)))
    return found


def rows_of(name: str, axis: str, found: list[tuple[float, dict]]) -> list[dict]:
    """Median and 95th percentile by range of temperature."""
    rows = []
    for low, high in RANGES:
        errors = [e for teff, e in found if low <= teff < high]
        if not errors:
            continue
        row = {"segment": name, "axis": axis, "teff": [low, high], "n_models": len(errors)}
        for kind in errors[0]:
            every = np.concatenate([e[kind] for e in errors])
            row[kind] = dict(zip(("median", "p95"), np.percentile(every, [50, 95]).tolist(), strict=True))
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", type=Path, help="a grid file; the embedded one where left out")
    parser.add_argument("--most", type=int, default=100, help="models to predict along an axis")
    parser.add_argument("--name", default="grid_interpolation", help="name of the results file")
    options = parser.parse_args()
    file, rows = open_grid(options.grid), []
    for name in file.segments:
        for axis in AXES:
            if len(getattr(file, axis)) > 2:
                rows += rows_of(name, axis, left_out(file, name, axis, options.most))
                for row in rows[-3:]:
                    print(row, flush=True)
    write_results(options.name, [{"grid": file.path.name, "content": file.attributes["content"]}, *rows])


if __name__ == "__main__":
    main()
