"""Dense maps of overlapping spots: the exact and the summed mode beside a brute-force union.

python -m benchmarks.brute_union --dtype float32 --maps 2 --phases 4
"""

import time
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness, ours
from benchmarks.job import Job, spotted_star
from dynamojax.surface.moments import SurfaceConfig
from tests.oracles.union import dense_map, union_moments_and_error, unit_vectors

PPM = 1e6


def dense_job(seed: int, n_epochs: int) -> Job:
    """200 spots over a fifth of the sphere, nests included: static, so that the coverage stays."""
    lat, lon, radius = dense_map(seed)
    never = {"t_max": np.zeros(lat.size), "tau_emerge": np.inf, "tau_decay": np.inf}
    times = np.linspace(0.0, 10.0, n_epochs, endpoint=False)
    return replace(spotted_star(1), lat=lat, lon=lon, radius=radius, times=times, shear=0.0, **never)


def union_flux(job: Job) -> tuple[np.ndarray, float]:
    """Flux with overlaps counted once, by brute force, and its largest stated error in ppm."""
    flux, worst = [], 0.0
    for t in job.times:
        centres = unit_vectors(job.lat, job.lon, job.inc, 2.0 * np.pi * t / job.prot)
        moments, error = union_moments_and_error(centres, job.radius)
        flux.append(1.0 - job.contrast * job.polynomial @ moments)
        worst = max(worst, PPM * job.contrast * float(np.abs(job.polynomial) @ error))
    return np.array(flux), worst


def overlap_row(mode: str, job: Job, truth: np.ndarray, dtype: str, n_runs: int, n_neighbours: int) -> dict:
    """One mode on one dense map: error at the phases of the truth, time for 1000 epochs."""
    config = SurfaceConfig(overlap=mode, n_neighbours=n_neighbours)
    value, slope = (ours.with_config(f, config) for f in (ours.flux, ours.misfit))
    many = replace(job, times=np.linspace(0.0, job.prot, 1000, endpoint=False))
    with harness.precision(dtype):
        found = np.asarray(jax.jit(value)(*ours.prepare(job)))[0].astype(float)
        timing, _ = harness.time_jax(value, *ours.prepare(many), n_runs=n_runs, budget_s=0.0)
        slopes, (_, gradient) = harness.time_jax(slope, *ours.prepare(many), n_runs=n_runs, budget_s=0.0)
        finite = all(bool(jnp.all(jnp.isfinite(x))) for x in jax.tree.leaves(gradient))
    facts = {
        "n_spots": job.lat.size,
        "neighbours": n_neighbours,
        "error_ppm": PPM * float(np.max(np.abs(found - truth))),
        "gradient_over_value": slopes.run_s / timing.run_s,
        "gradient_finite": finite,
    }
    return harness.row("dense map", f"dynamojax, {mode}", timing, dtype=dtype, **facts)


def main(argv=None) -> None:
    """Measure, print and write the rows."""
    parser = harness.arguments("Dense maps of overlapping spots.")
    parser.add_argument("--maps", type=int, default=2, help="dense maps to try")
    parser.add_argument("--phases", type=int, default=4, help="phases at which the union is integrated")
    parser.add_argument("--neighbours", type=int, default=32)
    options = parser.parse_args(argv)
    rows = []
    for seed in range(options.maps):
        job = dense_job(seed, options.phases)
        start = time.perf_counter()
        truth, brute_ppm = union_flux(job)
        brute_s = (time.perf_counter() - start) / options.phases
        facts = {"map": seed, "brute_force_error_ppm": brute_ppm, "brute_force_s_per_epoch": brute_s}
        for mode in ("exact", "sum"):
            row = overlap_row(mode, job, truth, options.dtype, min(options.runs, 5), options.neighbours)
            rows.append(row | facts)
            harness.show(row)
    print("written:", harness.write_results(options.name or f"overlap_{options.dtype}", rows))


if __name__ == "__main__":
    main()
