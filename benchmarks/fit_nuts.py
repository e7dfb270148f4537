"""NUTS on the posterior of a fit of spots: ours, and numpyro's on fleck.jax; a part of `bench_fit_speed`."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import dynamojax as dj
from benchmarks.fit_scene import FREE, LAT, MAX_STEPS, RADIUS, log_posterior, scene
from benchmarks.harness import version
from dynamojax.inference.information import with_noise
from dynamojax.inference.result import Fit

NO_YNN = "--xla_cpu_experimental_ynn_fusion_type="
DRAWS = {"n_warmup": 200, "n_draws": 200, "n_chains": 2}
DEPTH = 6


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


def fleck(folder: Path) -> list[dict]:
    """NUTS of numpyro on fleck.jax, its mass matrix dense, from the optimum; for a process of its own.

    With other data numpyro compiles anew; its second run has the same.
    """
    import numpyro
    from numpyro import distributions as dist

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

    start = {"lat": best["lat"], "off": jnp.zeros(n_spots), "radius": best["radius"]}
    return _chains(model, start)


def _chains(model, start: dict) -> list[dict]:
    """Two runs of numpyro's chains: compiled, and with the same data again."""
    from numpyro.infer import MCMC, NUTS, init_to_value

    settings = {"dense_mass": True, "target_accept_prob": 0.9, "max_tree_depth": DEPTH}
    kernel = NUTS(model, init_strategy=init_to_value(values=start), **settings)
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
        begin = time.perf_counter()
        mcmc.run(jax.random.key(seed), extra_fields=fields)
        values = mcmc.get_samples(group_by_chain=True)
        values = np.concatenate([np.asarray(values[k]) for k in ("lat", "off", "radius")], axis=-1)
        wall = time.perf_counter() - begin
        extra = mcmc.get_extra_fields(group_by_chain=True)
        row = {"task": f"NUTS, {name}", "system": f"fleck.jax {version('fleck')}, numpyro"}
        count = {
            "n_divergent": int(np.sum(extra["diverging"])),
            "n_gradients": int(np.sum(extra["num_steps"])),
        }
        rows.append({**row, **_quality(values, wall), **count})
    return rows


def fleck_apart(fit, flux: np.ndarray) -> list[dict]:
    """In a process without XLA's new fusions, which do fleck an injustice."""
    with tempfile.TemporaryDirectory() as folder:
        lat, lon, radius = fit.values.reshape(3, -1)
        np.savez(Path(folder) / "given.npz", flux=flux, lat=lat, lon=lon, radius=radius)
        flags = {**os.environ, "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {NO_YNN}".strip()}
        command = [sys.executable, "-m", "benchmarks.fit_nuts", folder]
        done = subprocess.run(command, env=flags, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    with jax.enable_x64(True):
        print(json.dumps(fleck(Path(sys.argv[1]))))
