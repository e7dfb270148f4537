"""A grid file of the size of PHOENIX with made-up intensities: writing, opening, cutting, interpolating.

    python -m benchmarks.grid_size --path /tmp/large.h5

Each stage is a process of its own, so that its peak memory (VmHWM) is its own.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import write_results

SHAPE = {"teff": 78, "logg": 13, "feh": 9}
N_MU, N_WAVELENGTH = 12, 25_000
CUTS = {
    "whole, refused": {},
    "4000-6500 K, logg 4-5, feh -0.5..0.5, all wavelengths": {
        **{"teff": (4000.0, 6500.0), "logg": (4.0, 5.0), "feh": (-0.5, 0.5)},
    },
    "the same, 5000-9000 A": {
        **{"teff": (4000.0, 6500.0), "logg": (4.0, 5.0), "feh": (-0.5, 0.5), "wavelength": (5000.0, 9000.0)},
    },
    "the same at R = 1800, float32": {
        **{"teff": (4000.0, 6500.0), "logg": (4.0, 5.0), "feh": (-0.5, 0.5), "wavelength": (5000.0, 9000.0)},
        **{"resolution": 1800.0, "representation": "float32"},
    },
    "all models, 6550-6580 A": {"wavelength": (6550.0, 6580.0)},
}


def peak_bytes() -> int:
    """Largest resident memory of this process so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("no VmHWM; this needs Linux")


def axes() -> dict[str, np.ndarray]:
    """Nodes as PHOENIX has them."""
    teff = np.concatenate([np.arange(2300.0, 7000.0, 100.0), np.arange(7000.0, 12001.0, 200.0)])
    teff = np.concatenate([teff, 12200.0 + 200.0 * np.arange(SHAPE["teff"] - len(teff))])
    return {
        "teff": teff,
        "logg": 0.5 * np.arange(13.0),
        "feh": np.array([-4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1]),
    }


def write(path: Path) -> dict:
    from dynamojax.atmosphere.grid_layout import Segment
    from dynamojax.atmosphere.grid_writer import GridWriter
    from dynamojax.atmosphere.limb_darkening import quadrature_nodes
    from dynamojax.atmosphere.wavelengths import LogAxis

    axis = LogAxis.from_range(3000.0, 25000.0, (N_WAVELENGTH - 1) / np.log(25000.0 / 3000.0))
    w, mu = axis.wavelength, quadrature_nodes(N_MU)[0][:, None]
    rng = np.random.default_rng(0)
    lines = rng.exponential(0.05, axis.n) * mu**0.3
    dark = np.log10(1 - 0.6 * (5000 / w) * (1 - mu))
    start, nodes = time.perf_counter(), axes()
    facts = {"source": "made up", "licence": "none", "provenance": {"by": "benchmarks.grid_size"}}
    with GridWriter(path, **nodes, n_mu=N_MU, segments=[Segment("all", axis, 11_000.0)], **facts) as writer:
        for t in np.roll(nodes["teff"], -30):  # from the middle: the first model is the mean
            planck = np.log10(1.191043e27 / w**5 / np.expm1(1.4387769e8 / (w * t)))
            for g in nodes["logg"]:
                for f in nodes["feh"]:
                    depth = (6000.0 / t) * 10 ** (0.3 * f) * (1 + 0.05 * g)
                    writer.add(t, g, f, {"all": planck + dark - depth * lines})
    return {"seconds": time.perf_counter() - start, "file_bytes": path.stat().st_size}


def cut(path: Path, name: str) -> dict:
    import jax
    import jax.numpy as jnp

    from dynamojax.atmosphere.grid_file import open_grid
    from dynamojax.atmosphere.interpolation import intensity

    before = peak_bytes()
    start = time.perf_counter()
    file = open_grid(path)
    facts = {"open_s": time.perf_counter() - start, "open_bytes": peak_bytes() - before}
    start = time.perf_counter()
    try:
        grid = file.cut(**CUTS[name])
    except ValueError as error:
        return facts | {"cut_s": time.perf_counter() - start, "refused": str(error)}
    jax.block_until_ready(grid)
    facts |= {"cut_s": time.perf_counter() - start, "device_bytes": grid.n_bytes}
    facts |= {"cut_bytes": peak_bytes() - before, "shape": list(grid.values.shape)}
    call = jax.jit(intensity)
    point = [jnp.asarray(x) for x in (5300.0, 4.4, 0.1)]
    assert bool(call(grid, *point)[1])
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        jax.block_until_ready(call(grid, *point))
        seconds.append(time.perf_counter() - start)
    return facts | {"interpolation_s": float(np.median(seconds)), "interpolation_fastest_s": min(seconds)}


def _stage(path: Path, *arguments: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.grid_size", "--path", str(path), *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="of the file: 5.5 GB before compression")
    parser.add_argument("--stage", help="write, or the name of a cut: in this process")
    stage = (arguments := parser.parse_args()).stage
    if stage:
        facts = write(arguments.path) if stage == "write" else cut(arguments.path, stage)
        print(json.dumps({"task": stage, **facts, "peak_bytes": peak_bytes()}))
        return
    rows = []
    for stage in (["write"] if not arguments.path.exists() else []) + list(CUTS):
        rows.append(_stage(arguments.path, "--stage", stage))
        print(json.dumps(rows[-1]), flush=True)
    write_results("grid_size", rows)


if __name__ == "__main__":
    main()
