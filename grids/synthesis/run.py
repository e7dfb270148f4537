"""The long part of the build: every node of the grid synthesised, one file each, resumable.

    python -m grids.synthesis.run --folder SOURCES --nodes NODES

A coarse grid is complete first, so that an interrupted run leaves a regular one.
"""

import argparse
import os
import time
from itertools import product
from pathlib import Path

import numpy as np

from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from grids.synthesis import lines, node

N_MU = 7
TEFF = (*range(3000, 4000, 100), *range(4000, 7501, 250))
LOGG = (2.5, 3.0, 3.5, 4.0, 4.5, 5.0)
FEH = (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5)


def ordered(n_passes: int = 4) -> list[tuple[float, float, float]]:
    """Labels, pass by pass, each completing a finer grid: 300, 360, 480, 600 (embedded) and 1050 nodes."""
    coarse = [t for t in TEFF if t <= 5000 or t % 500 == 0]
    coarsest = [t for t in coarse if t >= 4000 or t % 200 == 0]
    feh, logg = (0.5, 0.0, -0.5, -1.0), [g for g in LOGG[::-1] if g != 3.0]
    passes = (
        product(feh, logg, coarsest),
        product(feh, LOGG[::-1], coarsest),
        product(feh, LOGG[::-1], coarse),
        product(feh, LOGG[::-1], TEFF),
        product(FEH[::-1], LOGG[::-1], TEFF),
    )
    labels = [(float(t), g, z) for some in passes[:n_passes] for z, g, t in some]
    return list(dict.fromkeys(labels))


def path_of(nodes: Path, label: tuple[float, float, float]) -> Path:
    """File of one node."""
    return nodes / "t{:05.0f}_g{:.2f}_z{:+.2f}.npz".format(*label)


def read(nodes: Path, label: tuple[float, float, float], segment: str) -> np.ndarray:
    """Intensities [n_mu, n_bin] of a node, or between nodes: cubic in teff through log I of the nearest four.

    Raises:
        ValueError: fewer than four nodes of this gravity and metallicity.
    """
    if path_of(nodes, label).exists():
        with np.load(path_of(nodes, label)) as file:
            return file[segment].astype(np.float64)
    teff, *others = label
    there = [t for t in map(float, TEFF) if path_of(nodes, (t, *others)).exists()]
    some = sorted(there, key=lambda t: abs(t - teff))[:4]
    if len(some) < 4:
        raise ValueError(f"teff, logg, feh = {label}: {len(some)} nodes about it in {nodes}, 4 are needed")
    total = 0.0
    for t in some:
        weight = np.prod([(teff - other) / (t - other) for other in some if other != t])
        total = total + weight * np.log(read(nodes, (t, *others), segment))
    return np.exp(total)


def synthesise_all(folder: Path, nodes: Path, n_passes: int = 4, part: int = 0, parts: int = 1) -> None:
    """Every node that has no file yet; of several processes, each takes its part."""
    nodes.mkdir(parents=True, exist_ok=True)
    table = lines.merged(folder)
    mu, _ = quadrature_nodes(N_MU)
    print(f"{len(table.data)} lines, {len(ordered(n_passes))} nodes into {nodes}", flush=True)
    for i, label in list(enumerate(ordered(n_passes)))[part::parts]:
        path = path_of(nodes, label)
        if path.exists():
            continue
        start = time.perf_counter()
        spectra = node.synthesise(folder, table, label, mu)
        if spectra is None:
            print(f"{i} {label}: no model atmosphere, left as a hole", flush=True)
            continue
        unfinished = path.with_suffix(".tmp")
        with open(unfinished, "wb") as file:
            np.savez(file, **{name: values.astype(np.float32) for name, values in spectra.items()})
        os.replace(unfinished, path)
        print(f"{i} {label}: {time.perf_counter() - start:.1f} s", flush=True)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="unpacked sources")
    parser.add_argument("--nodes", type=Path, required=True, help="where the nodes go")
    parser.add_argument("--passes", type=int, default=4, help="1 to 5: how fine a grid")
    parser.add_argument("--part", type=int, default=0, help="of several processes, which this is")
    parser.add_argument("--parts", type=int, default=1, help="number of processes")
    args = parser.parse_args()
    synthesise_all(args.folder, args.nodes, args.passes, args.part, args.parts)


if __name__ == "__main__":
    main()
