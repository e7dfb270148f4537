"""How much faster or slower than this package: bursts of calls in turn, so that the machine's pace cancels.

python -m benchmarks.bench_ratios --spots 100 --batch 1 32
"""

import time

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness, ours
from benchmarks.bench_photometry import errors, installed, stars
from benchmarks.peers import PEERS

BURST_S = 0.1
SLOW_S = 0.5  # from here on a system takes part in the first rounds only
SLOW_ROUNDS = 3


def _own_calls(jobs, batch: int) -> dict:
    """Light curve, with gradient, and ten bands: at once, and in a batch star by star as well."""
    calls = {}
    for chunk in (None, 1) if batch > 1 else (None,):
        how = "" if chunk is None else ", star by star"
        for name, function, n_bands in (
            ("dynamojax", ours.flux, 1),
            ("dynamojax, with gradient", ours.misfit, 1),
            ("dynamojax, ten bands", ours.flux, 10),
        ):
            if batch == 1:
                calls[name] = (jax.jit(function), ours.prepare(jobs[0], n_bands))
                continue
            args = ours.prepare_batch(jobs, batch, n_bands)
            calls[name + how] = (jax.jit(ours.mapped(function, chunk)), args)
    return calls


def _peer_calls(jobs, batch: int) -> dict:
    calls = {}
    for name, peer in installed(PEERS)[0].items():
        if peer.is_heavy or (batch > 1 and name.startswith(("dynamo", "spotter"))):
            continue  # minutes
        each = [peer.prepare(peer.job(job)) for job in jobs[:batch]]
        function = each[0][0]
        if not peer.on_jax:
            calls[name] = (lambda all_, f=function: [f(*a) for a in all_], ([args for _, args in each],))
            continue
        stacked = [jnp.stack(x) for x in zip(*(args for _, args in each), strict=True)]
        mapped = jax.jit(jax.vmap(function), compiler_options=peer.compiler_options)
        calls[name] = (mapped, stacked)
    return calls


def _burst(function, args) -> float:
    """Median time of one call in a short run of calls, after a first that warms caches and threads."""
    jax.block_until_ready(function(*args))
    begin, seconds = time.perf_counter(), []
    while not seconds or time.perf_counter() - begin < BURST_S:
        start = time.perf_counter()
        jax.block_until_ready(function(*args))
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def rounds(calls: dict, n_rounds: int) -> dict[str, np.ndarray]:
    """Seconds of a call of each system in each round; NaN in the rounds a slow one is spared."""
    seconds = {name: np.full(n_rounds, np.nan) for name in calls}
    for i in range(n_rounds):
        for name, (function, args) in calls.items():
            if i < SLOW_ROUNDS or seconds[name][0] < SLOW_S:
                seconds[name][i] = _burst(function, args)
    return seconds


def ratio_rows(n_spots: int, batch: int, n_rounds: int) -> list[dict]:
    """One row a system: median time, and median over rounds of its time over that of the light curve."""
    jobs = stars(n_spots, batch)
    jobs = [jobs[i % len(jobs)] for i in range(batch)]
    calls = _own_calls(jobs, batch) | _peer_calls(jobs, batch)
    seconds = rounds(calls, n_rounds)
    own = np.nanmin([seconds[n] for n in ("dynamojax", "dynamojax, star by star") if n in seconds], axis=0)
    flux = ours.mapped(ours.flux)(*ours.prepare_batch(jobs[:1], 1))
    rows = []
    for name, s in seconds.items():
        base = seconds["dynamojax, star by star" if name.endswith("star by star") else "dynamojax"]
        low, median, high = np.nanpercentile(
            s / (base if name.startswith("dynamojax") else own), [25, 50, 75]
        )
        rows.append(
            {
                "task": "ratio to our light curve",
                "system": name,
                "batch": batch,
                "n_spots": n_spots,
                "run_s": float(np.nanmedian(s)),
                "ratio": float(median),
                "ratio_spread": float(high - low),
                "n_runs": int(np.isfinite(s).sum()),
            }
        )
        milli = 1e3 * rows[-1]["run_s"]
        print(
            f"{name:42s} batch {batch:3d} {milli:10.3f} ms  {median:9.2f} x +- {high - low:.2f}", flush=True
        )
    rows[0] |= errors(np.asarray(flux)[:1, 0], n_spots, dtype="float32")
    return rows


def main(argv=None) -> None:
    """Measure, print and write the rows."""
    parser = harness.arguments(__doc__)
    parser.add_argument("--spots", type=int, default=100)
    options = parser.parse_args(argv)
    rows = [row for batch in options.batch for row in ratio_rows(options.spots, batch, options.runs)]
    print("written:", harness.write_results(options.name or "ratios_float32", rows))


if __name__ == "__main__":
    main()
