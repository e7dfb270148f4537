"""Fits: made-up stars found again, real stars, and how long it takes.

    python -m benchmarks.bench_fit inject --stars 200 --mode light --folder runs/    # resumable
    python -m benchmarks.bench_fit sum --folder runs/
    python -m benchmarks.bench_fit real --data ../shared/data
    python -m benchmarks.bench_fit speed

A run of `inject` that was interrupted goes on with the stars that its folder lacks.
"""

import argparse
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import dynamojax as dj
from benchmarks.fit_inject import inject
from benchmarks.fit_stars import MODES, made_up
from benchmarks.fit_table import sum_up
from benchmarks.harness import RESULTS, environment
from dynamojax.inference.information import expected, with_noise
from dynamojax.instruments.photometer import Photometer

CONTRAST = 1200.0
SURFACE = [
    *(dj.Free("star.prot", 2, 14), dj.Free("star.inc_deg", 0, 90), dj.Free("star.shear", -0.1, 0.5)),
    *(dj.Free("spots.lat_deg", -75, 75), "spots.lon_deg", dj.Free("spots.radius_deg", 0.5, 20)),
]


def speed() -> None:
    """Ten spots in 960 points, one star from near and from nothing; 64 stars with two spots in one call."""
    curve = Photometer("kepler", ("kepler",), np.linspace(0, 40, 960))
    simulate = dj.Simulator(dj.load_grid(), [curve])
    rng = np.random.default_rng(1)
    star = dj.Star.from_degrees(teff=5500.0, prot=9.0, inc_deg=65.0, shear=0.1, spot_contrast=CONTRAST)
    spots = dj.SpotMap.from_degrees(rng.uniform(-30, 60, 10), np.arange(10) * 36.0, rng.uniform(3, 7, 10))
    truth = dj.System(star, spots, dj.Planets.empty())
    data = [with_noise(expected(truth, simulate, {"kepler": 2e-4})[0], key=jax.random.key(0))]
    near = jax.tree.map(lambda x: x * (1 + 0.05 * jnp.asarray(rng.normal(size=x.shape))), spots)
    free = [dj.Free("star.prot", 7, 11), *SURFACE[2:]]
    rows = {}
    for name in ("first", "again"):
        start = time.perf_counter()
        fit = dj.fit(dj.System(star, near, truth.planets), simulate, data, free, key=jax.random.key(2))
        rows[f"ten_spots_{name}_s"] = time.perf_counter() - start
    rows |= {"ten_spots_converged": fit.is_converged, "chi2": fit.chi2, "n_steps": int(fit.n_steps[fit.best])}
    two = [made_up(i)[0] for i in range(64)]
    clean = [expected(star, simulate, {"kepler": 2e-4})[0] for star in two]
    sets = [[with_noise(one, key=jax.random.key(i))] for i, one in enumerate(clean)]
    for name in ("first", "again"):
        start = time.perf_counter()
        fits = dj.fit_many(two, simulate, sets, SURFACE, key=jax.random.key(3))
        rows[f"batch_64_{name}_s"] = time.perf_counter() - start
    rows["batch_64_converged"] = sum(f.is_converged for f in fits)
    print(rows)
    result = {"environment": environment(), **rows}
    (RESULTS / "fit_speed.json").write_text(json.dumps(result, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("task", choices=["inject", "sum", "real", "speed"])
    parser.add_argument("--mode", choices=MODES, nargs="+", default=list(MODES))
    parser.add_argument("--stars", type=int, default=16)
    parser.add_argument("--folder", type=Path, default=Path("bench_fit"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--privateer", type=Path, help="folder of star_privateer, if it is not installed")
    options = parser.parse_args()
    if options.task == "inject":
        inject(range(options.stars), options.mode, options.folder)
    elif options.task == "sum":
        sum_up(options.folder)
    elif options.task == "speed":
        with jax.enable_x64(True):
            speed()
    else:
        from benchmarks.fit_real import real

        real(options.data, options.privateer)


if __name__ == "__main__":
    main()
