"""How long a fit takes: ten spots in 960 points, beside emcee on the original's loop and NUTS on fleck.jax.

    python -m benchmarks.bench_fit_speed --peers
    python -m benchmarks.bench_fit_speed --nuts --spots 2

All fit the same light curve: ten spots that stay on a star that turns rigidly, 30 free parameters (latitude,
longitude, radius of each) between the same bounds, the level solved for. What differs is the forward model
and what drives it. Neither NUTS mixes over the maxima of ten spots; of two spots draws can be compared.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import dynamojax as dj
from benchmarks.harness import environment, version, write_results
from benchmarks.job import Job, frozen, oracle, spotted_star
from dynamojax.inference.information import with_noise
from dynamojax.inference.optimise import pose
from dynamojax.inference.result import Fit
from dynamojax.instruments.photometer import Photometer
from dynamojax.observables.photometry import disc_flux

SIGMA = 2e-4
N_SPOTS = 10
SEEDS = {2: 7}  # two that the light holds: 6.3 deg at latitude 21, 4.7 at -15
MAX_STEPS = 600
LAT, RADIUS = (-75.0, 75.0), (0.3, 12.0)
FREE = [dj.Free("spots.lat_deg", *LAT), "spots.lon_deg", dj.Free("spots.radius_deg", *RADIUS)]
NO_YNN = "--xla_cpu_experimental_ynn_fusion_type="
DRAWS = {"n_warmup": 200, "n_draws": 200, "n_chains": 2}
DEPTH = 6


def scene(n_spots: int = N_SPOTS) -> tuple[dj.System, dj.Simulator, Job]:
    """The star, its simulator, and the same for peers."""
    job = frozen(spotted_star(n_spots, seed=SEEDS.get(n_spots, 3), n_epochs=960))
    job = replace(job, times=np.linspace(0.0, 40.0, 960), prot=9.0, inc=np.deg2rad(65.0))
    law = dj.LimbDarkening([job.u1, job.u2], "quadratic")
    curve = Photometer("kepler", ("kepler",), job.times)
    simulate = dj.Simulator(dj.load_grid(), [curve], limb_darkening={"kepler": law})
    star = dj.Star.from_degrees(teff=5500.0, prot=9.0, inc_deg=65.0, shear=0.0, spot_contrast=1200.0)
    spots = dj.SpotMap.from_degrees(np.rad2deg(job.lat), np.rad2deg(job.lon), np.rad2deg(job.radius))
    system = dj.System(star, spots, dj.Planets.empty())
    bands = simulate.polynomials(system)
    at = simulate.grid.bands.index("kepler")
    contrast = 1.0 - float(disc_flux(bands.spot)[at] / disc_flux(bands.photosphere)[at])
    return system, simulate, replace(job, contrast=contrast)


def near(job: Job) -> np.ndarray:
    """Where all begin: 4 deg and a tenth of the radius off. (3, n_spots) [deg]"""
    rng = np.random.default_rng(7)
    off = rng.normal(size=(3, job.lat.size))
    lat = np.clip(np.rad2deg(job.lat) + 4.0 * off[0], -70, 70)
    radius = np.rad2deg(job.radius) * np.exp(0.1 * off[2])
    return np.stack([lat, np.rad2deg(job.lon) + 4.0 * off[1], radius])


def log_posterior(model: np.ndarray, flux: np.ndarray, xp=np):
    """Of a model whose level is free, up to a constant."""
    level = xp.sum(model * flux) / xp.sum(model * model)
    return -0.5 * xp.sum(((flux - level * model) / SIGMA) ** 2)


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


def nuts(fit: Fit, simulate: dj.Simulator, clean: dj.DataSet) -> list[dict]:
    """Draws of the fit's posterior, and of one with other noise: another star, so to speak."""
    other = with_noise(clean, key=jax.random.key(1))
    again = dj.fit(fit.system, simulate, [other], FREE, key=jax.random.key(2), max_steps=MAX_STEPS)
    rows = []
    for name, one in (("first call, compiled", fit), ("other data", again)):
        start = time.perf_counter()
        samples = dj.sample_posterior(one, key=jax.random.key(4), max_tree_depth=DEPTH, **DRAWS)
        wall = time.perf_counter() - start
        row = {"task": f"NUTS, {name}", "system": "dynamojax", **_quality(samples.values, wall)}
        count = {"n_divergent": samples.n_divergent, "n_gradients": int(samples.n_gradients.sum())}
        rows.append({**row, **count})
    return rows


def _quality(values: np.ndarray, wall: float) -> dict:
    """R-hat and effective draws per second; longitudes turn, but do not wrap between chains here."""
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

    size = np.array([effective_sample_size(values[..., i]) for i in range(values.shape[-1])])
    r_hat = max(float(split_gelman_rubin(values[..., i])) for i in range(values.shape[-1]))
    per_s = {"ess_per_s_least": float(size.min() / wall), "ess_per_s_median": float(np.median(size) / wall)}
    return {"wall_s": wall, "largest_r_hat": r_hat, "ess_least": float(size.min()), **per_s}


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


def fleck(folder: Path) -> list[dict]:
    """NUTS of numpyro on fleck.jax, its mass matrix dense, from the optimum; for a process of its own.

    With other data numpyro compiles anew; its second run has the same.
    """
    import numpyro
    from numpyro import distributions as dist
    from numpyro.infer import MCMC, NUTS, init_to_value

    from benchmarks.peers import fleck as prepare

    given = np.load(folder / "given.npz")
    n_spots, flux = given["lat"].size, jnp.asarray(given["flux"])
    run, args = prepare(scene(n_spots)[2])
    best = {name: jnp.asarray(given[name]) for name in ("lat", "lon", "radius")}

    def model():
        lat = numpyro.sample("lat", dist.Uniform(*LAT).expand([n_spots]))
        off = numpyro.sample("off", dist.Normal(0.0, 30.0).expand([n_spots]))
        radius = numpyro.sample("radius", dist.Uniform(*RADIUS).expand([n_spots]))
        places = jnp.deg2rad(jnp.stack([lat, best["lon"] + off, radius]))
        numpyro.factor("data", log_posterior(run(args[0], *places), flux, jnp))

    start_at = {"lat": best["lat"], "off": jnp.zeros(n_spots), "radius": best["radius"]}
    strategy = init_to_value(values=start_at)
    kernel = NUTS(
        model, init_strategy=strategy, dense_mass=True, target_accept_prob=0.9, max_tree_depth=DEPTH
    )
    mcmc = MCMC(
        kernel,
        num_warmup=DRAWS["n_warmup"],
        num_samples=DRAWS["n_draws"],
        num_chains=DRAWS["n_chains"],
        chain_method="vectorized",
        progress_bar=False,
    )
    rows, fields = [], ("diverging", "num_steps")
    for name, seed in (("first call, compiled", 5), ("same data", 6)):
        start = time.perf_counter()
        mcmc.run(jax.random.key(seed), extra_fields=fields)
        values = mcmc.get_samples(group_by_chain=True)
        values = np.concatenate([np.asarray(values[k]) for k in ("lat", "off", "radius")], axis=-1)
        wall = time.perf_counter() - start
        extra = mcmc.get_extra_fields(group_by_chain=True)
        row = {"task": f"NUTS, {name}", "system": f"fleck.jax {version('fleck')}, numpyro"}
        count = {
            "n_divergent": int(np.sum(extra["diverging"])),
            "n_gradients": int(np.sum(extra["num_steps"])),
        }
        rows.append({**row, **_quality(values, wall), **count})
    return rows


def _fleck_apart(fit, flux: np.ndarray) -> list[dict]:
    """In a process without XLA's new fusions, which do fleck an injustice."""
    with tempfile.TemporaryDirectory() as folder:
        lat, lon, radius = fit.values.reshape(3, -1)
        np.savez(Path(folder) / "given.npz", flux=flux, lat=lat, lon=lon, radius=radius)
        flags = {**os.environ, "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {NO_YNN}".strip()}
        command = [sys.executable, "-m", "benchmarks.bench_fit_speed", "--fleck", folder]
        done = subprocess.run(command, env=flags, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


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
    parser.add_argument("--fleck", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with jax.enable_x64(True):
        if options.fleck:
            print(json.dumps(fleck(options.fleck)))
            return
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
    rows += nuts(fit, simulate, clean) + _fleck_apart(fit, np.asarray(data.values)[0])
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
    for part in [*parts, lambda: _fleck_apart(fit, noisy)] if peers else parts:
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
