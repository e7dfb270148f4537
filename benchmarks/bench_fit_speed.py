"""How long a fit takes: ten spots in 960 points, beside emcee on the original's loop and NUTS on fleck.jax.

    python -m benchmarks.bench_fit_speed --peers
    python -m benchmarks.bench_fit_speed --nuts --spots 2

All fit the same light curve: ten spots that stay on a star that turns rigidly, 30 free parameters (latitude,
longitude, radius of each) between the same bounds, the level solved for. What differs is the forward model
and what drives it. Neither NUTS mixes over the maxima of ten spots; of two spots draws can be compared.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np

import dynamojax as dj
from benchmarks.fit_nuts import fleck_apart, nuts
from benchmarks.fit_scene import FREE, LAT, MAX_STEPS, N_SPOTS, RADIUS, SIGMA, log_posterior, near, scene
from benchmarks.harness import environment, version, write_results
from benchmarks.job import Job, oracle
from dynamojax.inference.information import with_noise
from dynamojax.inference.optimise import pose
from dynamojax.inference.result import Fit


def ours(system: dj.System, simulate: dj.Simulator, job: Job, data) -> tuple[list[dict], Fit]:
    """A fit, compiled and again."""
    lat, lon, radius = near(job)
    begin = dj.System(system.star, dj.SpotMap.from_degrees(lat, lon, radius), system.planets)
    rows = []
    for name in ("first call, compiled", "again"):
        start = time.perf_counter()
        fit = dj.fit(begin, simulate, [data], FREE, key=jax.random.key(2), max_steps=MAX_STEPS)
        wall = time.perf_counter() - start
        facts = {"converged": fit.is_converged, "chi2": fit.chi2, "n_steps": int(fit.n_steps[fit.best])}
        rows.append({"task": f"fit, {name}", "system": "dynamojax", "wall_s": wall, **facts})
    return rows, fit


def emcee_on(log_prob, begin: np.ndarray, goal: float, *, vectorize: bool, max_steps: int, budget_s: float):
    """Steps, calls and seconds until the best walker is within n/2 of the optimum, or the budget is spent."""
    import emcee

    rng = np.random.default_rng(11)
    n_walkers = 2 * begin.size + 4
    walkers = begin + 0.3 * rng.normal(size=(n_walkers, begin.size)) * np.repeat([1, 1, 0.1], N_SPOTS)
    walkers[:, -N_SPOTS:] = np.clip(walkers[:, -N_SPOTS:], RADIUS[0] + 0.01, RADIUS[1] - 0.01)
    moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.DESnookerMove(), 0.2)]
    sampler = emcee.EnsembleSampler(n_walkers, begin.size, log_prob, vectorize=vectorize, moves=moves)
    start, best, first = time.perf_counter(), -np.inf, None
    for step, state in enumerate(sampler.sample(walkers, iterations=max_steps, store=False), 1):  # noqa: B007
        highest = float(np.max(state.log_prob))
        first = highest if first is None else first
        best = max(best, highest)
        if best > goal or time.perf_counter() - start > budget_s:
            break
    wall = time.perf_counter() - start
    calls = n_walkers * (step + 1)
    there = {"reached": bool(best > goal), "below_optimum": goal + begin.size / 2 - best}
    return {"wall_s": wall, "n_steps": step, "n_calls": calls, "n_walkers": n_walkers, **there}


def emcee_on_ours(problem, job: Job, goal: float, budget_s: float) -> dict:
    """How many calls emcee needs: our own likelihood stands in for the original's, which is too slow."""
    many = jax.jit(jax.vmap(problem.log_posterior))
    low, high = (
        np.repeat([LAT[0], -np.inf, RADIUS[0]], N_SPOTS),
        np.repeat([LAT[1], np.inf, RADIUS[1]], N_SPOTS),
    )

    def log_prob(theta):
        inside = np.all((theta > low) & (theta < high), axis=-1)
        safe = np.where(inside[:, None], theta, near(job).ravel())
        return np.where(inside, np.asarray(many(jnp.asarray(np.deg2rad(safe)))), -np.inf)

    row = emcee_on(log_prob, near(job).ravel(), goal, vectorize=True, max_steps=10**6, budget_s=budget_s)
    return {"task": "emcee to n/2 below the optimum", "system": "dynamojax's likelihood", **row}


def original(job: Job, flux: np.ndarray, goal: float, n_calls: int, budget_s: float) -> list[dict]:
    """What emcee does on dynamo-stellar's loop while the budget lasts, and a whole fit by number of calls."""
    from benchmarks.peers import dynamo

    run, args = dynamo(job, 20)
    run(*args)

    def log_prob(theta):
        lat, lon, radius = np.deg2rad(theta.reshape(3, N_SPOTS))
        if np.any(np.abs(np.rad2deg(lat)) > LAT[1]) or np.any(radius < np.deg2rad(RADIUS[0])):
            return -np.inf
        return float(log_posterior(np.asarray(run(lat, lon, radius, args[3])), flux))

    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        log_prob(near(job).ravel())
        seconds.append(time.perf_counter() - start)
    call_s = float(np.median(seconds))
    row = emcee_on(log_prob, near(job).ravel(), goal, vectorize=False, max_steps=10**6, budget_s=budget_s)
    name = {"system": f"dynamo-stellar {version('dynamo-stellar')}, 20 rings, emcee {version('emcee')}"}
    return [
        {"task": "emcee, as long as the budget lasts", **name, **row},
        {
            "task": "fit, from its call and emcee's number of them",
            **name,
            "call_s": call_s,
            "n_calls": n_calls,
        }
        | {"wall_s": call_s * n_calls},
    ]


def batch(simulate: dj.Simulator, system: dj.System) -> dict:
    """64 stars with ten spots of their own, fitted in one vmapped call."""
    rng, systems, sets = np.random.default_rng(5), [], []
    clean = jax.jit(lambda s: simulate(s).light_curves["kepler"].flux)
    times = simulate.photometers["kepler"].times
    for i in range(64):
        lat, radius = rng.uniform(-40, 60, N_SPOTS), rng.uniform(2, 6, N_SPOTS)
        lon = 36.0 * np.arange(N_SPOTS)
        spots = dj.SpotMap.from_degrees(lat, lon, radius)
        flux = np.asarray(clean(dj.System(system.star, spots, system.planets)))[0]
        off = rng.normal(size=(3, N_SPOTS))
        begin = dj.SpotMap.from_degrees(lat + 4 * off[0], lon + 4 * off[1], radius * np.exp(0.1 * off[2]))
        flux = flux + SIGMA * np.random.default_rng(i).normal(size=flux.size)
        systems.append(dj.System(system.star, begin, system.planets))
        sets.append([dj.DataSet.light_curve(simulate.photometers["kepler"], times, flux, SIGMA)])
    start = time.perf_counter()
    fits = dj.fit_many(systems, simulate, sets, FREE, key=jax.random.key(3), max_steps=MAX_STEPS)
    wall = time.perf_counter() - start
    count = {"batch": 64, "n_converged": sum(f.is_converged for f in fits)}
    reduced = float(np.median([f.chi2 / f.n_good for f in fits]))
    row = {"task": "64 stars, first call, compiled", "system": "dynamojax", "wall_s": wall, **count}
    return {**row, "wall_s_a_star": wall / 64, "median_reduced_chi2": reduced}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="measure the peers, too")
    parser.add_argument(
        "--nuts", action="store_true", help="only a fit and its draws, with fleck.jax beside them"
    )
    parser.add_argument("--spots", type=int, default=N_SPOTS, help="of --nuts")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each run of emcee")
    options = parser.parse_args()
    with jax.enable_x64(True):
        if options.nuts:
            measure_nuts(options.spots)
        else:
            measure(options.peers, options.budget)


def observed(n_spots: int) -> tuple[dj.System, dj.Simulator, Job, dj.DataSet, float]:
    """The scene, its light curve without noise, and how far the model is from quadrature. [ppm]"""
    system, simulate, job = scene(n_spots)
    flux = np.asarray(simulate(system).light_curves["kepler"].flux)[0]
    off = 1e6 * float(np.max(np.abs(flux - oracle(job))))
    data = dj.DataSet.light_curve(simulate.photometers["kepler"], job.times, flux, SIGMA)
    return system, simulate, job, data, off


def measure_nuts(n_spots: int) -> None:
    system, simulate, job, clean, off = observed(n_spots)
    data = with_noise(clean, key=jax.random.key(0))
    rows, fit = ours(system, simulate, job, data)
    rows += nuts(fit, simulate, clean) + fleck_apart(fit, np.asarray(data.values)[0])
    rows = [{"dtype": "float64", "n_spots": n_spots, "model_off_quadrature_ppm": off, **row} for row in rows]
    _tell(rows)
    print("written:", write_results(f"fit_nuts_{n_spots}", rows))


def measure(peers: bool, budget_s: float) -> None:
    system, simulate, job, clean, off = observed(N_SPOTS)
    data = with_noise(clean, key=jax.random.key(0))
    noisy = np.asarray(data.values)[0]
    rows, fit = ours(system, simulate, job, data)
    rows[0]["model_off_quadrature_ppm"] = off
    if peers:
        problem = pose(system, simulate, [data], FREE)
        best = problem.log_posterior(jnp.asarray(fit.canonical))
        count = emcee_on_ours(problem, job, float(best) - 1.5 * N_SPOTS, budget_s)
        there = -0.5 * fit.chi2 - 1.5 * N_SPOTS
        rows += [count, *original(job, noisy, there, count["n_calls"], budget_s)]
        for row in rows[:2]:
            row["original_over_ours"] = rows[-1]["wall_s"] / row["wall_s"]
    _tell(rows)
    parts = [lambda: [batch(simulate, system)], lambda: nuts(fit, simulate, clean)]
    for part in [*parts, lambda: fleck_apart(fit, noisy)] if peers else parts:
        found = part()  # each takes minutes: what is there is written before the next
        rows += found
        _tell(found)
        write_results("fit_speed", [{"dtype": "float64", **one} for one in rows])
    print(environment())


def _tell(rows: list[dict]) -> None:
    for one in rows:
        print({k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in one.items()}, flush=True)


if __name__ == "__main__":
    main()
