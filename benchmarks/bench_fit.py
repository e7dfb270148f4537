"""Fits: made-up stars found again, real stars, and how long it takes.

    python -m benchmarks.bench_fit inject --stars 200 --mode joint --folder runs/    # resumable
    python -m benchmarks.bench_fit real --data shared/data
    python -m benchmarks.bench_fit speed

A run of `inject` that was interrupted goes on with the stars that its folder lacks.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import dynamojax as dj
from benchmarks.harness import RESULTS, environment
from dynamojax.inference.information import expected, matrix_at, with_noise
from dynamojax.inference.optimise import pose, solve
from dynamojax.inference.period import find_period
from dynamojax.inference.posterior import laplace
from dynamojax.instruments.photometer import Photometer

MODES = ("light", "spectrum", "joint")
RANGES = {"teff": (4000, 6500), "logg": (4, 5), "feh": (-0.5, 0.5)}
ERRORS = {"kepler": 2e-4, "apogee": 0.01}
CONTRAST = 1200.0
SURFACE = [
    *(dj.Free("star.prot", 2, 14), dj.Free("star.inc_deg", 5, 90), dj.Free("star.shear", -0.1, 0.5)),
    *(dj.Free("spots.lat_deg", -75, 75), "spots.lon_deg", dj.Free("spots.radius_deg", 0.5, 20)),
]
ATMOSPHERE = [
    *(dj.Free("star.teff", 4000, 6500), dj.Free("star.logg", 4, 5), dj.Free("star.feh", -0.5, 0.5)),
    dj.Free("star.rv", -50, 50),
]
FREE = {
    "light": SURFACE,
    "spectrum": [*ATMOSPHERE, *SURFACE[:2]],
    "joint": [*ATMOSPHERE, *SURFACE],
}


def simulator(mode: str) -> dj.Simulator:
    """Kepler for 27 days, 400 points; APOGEE once, 15900-16100 A."""
    curve = Photometer("kepler", ("kepler",), np.linspace(0, 27, 400))
    spectrograph = dj.apogee(epochs=1).within(15900, 16100)
    photometers = [curve] if mode != "spectrum" else []
    spectrographs = [spectrograph] if mode != "light" else []
    return dj.Simulator(dj.load_grid(), photometers, spectrographs, ranges=RANGES)


def made_up(i: int) -> dj.System:
    """Star number i: two spots that stay, 4500-6200 K, 3-12 days."""
    u = np.random.default_rng([20260401, i]).uniform
    star = dj.Star.from_degrees(
        teff=u(4700, 6200),
        logg=u(4.2, 4.7),
        feh=u(-0.4, 0.3),
        prot=u(3, 12),
        inc_deg=np.rad2deg(np.arccos(u(np.cos(np.deg2rad(85)), np.cos(np.deg2rad(25))))),
        shear=u(0, 0.25),
        spot_contrast=CONTRAST,
        rv=u(-30, 30),
        macroturbulence=3.0,
    )
    lon = u(0, 360)
    spots = dj.SpotMap.from_degrees([u(-20, 60), u(-20, 60)], [lon, lon + u(90, 270)], [u(4, 10), u(4, 10)])
    return dj.System(star, spots, dj.Planets.empty())


def guess(truth: dj.System, data, mode: str) -> dj.System:
    """Where a fit begins: the period of the light curve, the middle of all else.

    In mode light teff, logg and feh are known; in mode spectrum spots are.
    """
    star, known = truth.star, truth.spots
    values = {name: float(getattr(star, name)) for name in ("teff", "logg", "feh", "rv")}
    if mode != "light":
        values = {"teff": 5400.0, "logg": 4.5, "feh": 0.0, "rv": float(star.rv) + 1.0}
    prot = float(star.prot)
    for one in data:
        if one.name == "kepler":
            found = find_period(one.instrument.times, np.asarray(one.values)[0], low=1.0).value
            prot = float(np.clip(found, 2.1, 13.9))
    spots = known if mode == "spectrum" else dj.SpotMap.from_degrees([20, 20], [0, 180], [6, 6])
    begin = dj.Star.from_degrees(
        **values, prot=prot, inc_deg=60.0, shear=0.1, spot_contrast=CONTRAST, macroturbulence=3.0
    )
    return dj.System(begin, spots, truth.planets)


def vsini(values: dict) -> float:
    """Of a star of one solar radius. [km/s]"""
    return 50.5788 / values["star.prot"] * np.sin(np.deg2rad(values["star.inc_deg"]))


def _truths(system, names) -> np.ndarray:
    """True values by name, spots in their order."""
    found = []
    for name in names:
        leaf, _, index = name.removesuffix("]").partition("[")
        owner, field = leaf.split(".")
        value = np.asarray(getattr(getattr(system, owner), field.removesuffix("_deg")), float)
        value = value[int(index)] if index else value
        found.append(np.rad2deg(value) if field.endswith("_deg") else value)
    return np.array(found, float)


def _pulls(fit, truth, free) -> dict:
    """Values, errors, truth and bounds, spots relabelled to be nearest to the true ones."""
    posterior, best = laplace(fit), None
    for order in itertools.permutations(range(2)):
        spots = jax.tree.map(lambda x, o=order: x[jnp.array(o)], truth.spots)
        target = _truths(dj.System(truth.star, spots, truth.planets), fit.names)
        off = fit.values - target
        turn = np.array(["lon" in name for name in fit.names])
        off = np.where(turn, (off + 180) % 360 - 180, off)
        far = np.sum(np.where(turn, off, 0.0) ** 2)
        if best is None or far < best[0]:
            best = far, off, target, dj.System(truth.star, spots, truth.planets)
    _, off, target, system = best
    study = fit.problem.study
    at_truth = pose(system, study.simulators[""], study.data[""], free)
    bounds = matrix_at(at_truth, at_truth.parameters.start, "fisher")
    rows = {
        name: {"off": float(o), "error": float(e), "truth": float(t), "bound": float(b)}
        for name, o, e, t, b in zip(fit.names, off, posterior.errors, target, bounds.errors, strict=True)
    }
    if "star.inc_deg" in fit.names and "star.teff" in fit.names:
        rows["vsini"] = _vsini_row(fit, posterior, bounds, target)
    return {
        **{"parameters": rows, "kind": posterior.information.kind, "chi2": fit.chi2, "n": fit.n_good},
        **{"is_converged": fit.is_converged, "at_bounds": fit.at_bounds},
        "open": [[float(s), d] for s, d in posterior.information.open_directions],
    }


def _vsini_row(fit, posterior, bounds, target) -> dict:
    i, j = fit.names.index("star.prot"), fit.names.index("star.inc_deg")

    def of(values):
        return vsini({"star.prot": values[i], "star.inc_deg": values[j]})

    def error(values, covariance):
        slope = np.zeros(len(values))
        slope[i] = -of(values) / values[i]
        slope[j] = of(values) / np.tan(np.deg2rad(values[j])) * np.pi / 180
        return float(np.sqrt(slope @ covariance @ slope))

    return {
        **{"off": float(of(fit.values) - of(target)), "truth": float(of(target))},
        **{"error": error(fit.values, posterior.covariance), "bound": error(target, bounds.covariance)},
    }


def inject(mode: str, n_stars: int, batch: int, folder: Path) -> None:
    """Fit stars that are not in the folder yet, a batch at a time, then sum up all that are."""
    folder = folder / mode
    folder.mkdir(parents=True, exist_ok=True)
    simulate = simulator(mode)
    for first in range(0, n_stars, batch):
        path = folder / f"{first:04d}-{batch}.json"
        if path.exists():
            continue
        truths = [made_up(i) for i in range(first, first + batch)]
        data = [_observed(truth, simulate, i + first) for i, truth in enumerate(truths)]
        guesses = [guess(truth, sets, mode) for truth, sets in zip(truths, data, strict=True)]
        start = time.perf_counter()
        posed = [pose(g, simulate, sets, FREE[mode]) for g, sets in zip(guesses, data, strict=True)]
        keys = [jax.random.key(1000 + first + i) for i in range(batch)]
        n = 1 if mode == "spectrum" else 24
        sizes = {"n_starts": n, "n_candidates": 64 * n}
        fits = solve(posed, keys=keys, batch_size=1, max_steps=100, **sizes)
        wall = time.perf_counter() - start
        near = [pose(truth, simulate, sets, FREE[mode]) for truth, sets in zip(truths, data, strict=True)]
        from_truth = solve(near, keys=keys, batch_size=1, max_steps=100)
        rows = [_pulls(f, t, FREE[mode]) if f.is_valid else None for f, t in zip(fits, truths, strict=True)]
        for row, fit, best in zip(rows, fits, from_truth, strict=True):
            if row is not None:  # by how much ln posterior the walk from the truth ends higher
                row["missed"] = best.log_posterior - fit.log_posterior
        path.write_text(json.dumps({"wall_s": wall, "stars": rows}))
        print(f"{mode} {first}-{first + batch - 1}: {wall:.1f} s", flush=True)
    _sum_up(mode, folder)


def _observed(truth, simulate, i: int):
    known = {**simulate.photometers, **simulate.spectrographs}
    clean = expected(truth, simulate, {name: ERRORS[name] for name in known}, continuum_degree=3)
    keys = jax.random.split(jax.random.key(i), len(clean))
    return [with_noise(one, key=k) for one, k in zip(clean, keys, strict=True)]


def _sum_up(mode: str, folder: Path) -> None:
    parts = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    stars = [star for part in parts for star in part["stars"]]
    found = [s for s in stars if s and s["is_converged"]]
    top = [s for s in found if s["missed"] < 1.0]
    # A Gaussian is no picture of what lies at a bound or is left open: those are named, and counted apart.
    good = [s for s in top if not s["at_bounds"] and not s["open"]]
    names: dict = {}
    # The spectrum alone holds vsini, not the period and the inclination it is made of.
    for star in top if mode == "spectrum" else good:
        for name, row in star["parameters"].items():
            names.setdefault(name.split("[")[0], []).append([row[k] for k in ("off", "error", "bound")])
    table = {}
    for name, rows in names.items():
        off, error, bound = np.array(rows).T
        pull = np.abs(off / error)
        table[name] = {
            **{"n": len(rows), "bias": float(np.median(off)), "error": float(np.median(error))},
            **{"coverage_68": float(np.mean(pull < 1)), "coverage_95": float(np.mean(pull < 1.96))},
            **{"rms_over_bound": float(np.sqrt(np.mean((off / bound) ** 2)))},
            **{"median_off_over_bound": float(np.median(np.abs(off / bound)) / 0.6745)},
        }
        print(name, {k: round(v, 4) for k, v in table[name].items()}, flush=True)
    result = {
        **{"environment": environment(), "mode": mode, "n_stars": len(stars), "n_converged": len(found)},
        **{
            "n_at_the_top": len(top),
            "n_identified": len(good),
            "wall_s": sum(part["wall_s"] for part in parts),
            "table": table,
        },
    }
    print(
        f"{mode}: {len(stars)} stars, {len(found)} converged, {len(top)} at the top, {len(good)} identified"
    )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"fit_inject_{mode}.json").write_text(json.dumps(result, indent=1) + "\n")


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
    two = [made_up(i) for i in range(64)]
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
    parser.add_argument("task", choices=["inject", "real", "speed"])
    parser.add_argument("--mode", choices=MODES, nargs="+", default=list(MODES))
    parser.add_argument("--stars", type=int, default=16)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=Path("bench_fit"))
    parser.add_argument("--data", type=Path, default=Path("shared/data"))
    parser.add_argument("--privateer", type=Path, help="folder of star_privateer, if it is not installed")
    options = parser.parse_args()
    with jax.enable_x64(True):
        if options.task == "inject":
            for mode in options.mode:
                inject(mode, options.stars, options.batch, options.folder)
        elif options.task == "speed":
            speed()
        else:
            from benchmarks.fit_real import real

            real(options.data, options.privateer)


if __name__ == "__main__":
    main()
