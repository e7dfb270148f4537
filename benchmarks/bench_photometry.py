"""Light curves of spotted stars: speed, gradient, bands, batches, and the peers on the same job.

python -m benchmarks.bench_photometry --spots 100 --batch 1 32 --dtype float32 --peers
"""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness, ours
from benchmarks.job import Job, frozen, oracle, single_spot, spotted_star
from benchmarks.peers import PEERS, Peer

PPM = 1e6
SLOW_S = 0.2  # a peer slower than this is not run on a batch, which for it is a loop
DIFFERENT = 64  # stars of a batch that differ; a larger one repeats them
CHECKED = 2  # stars of a batch whose flux is compared with quadrature


def stars(n_spots: int, batch: int) -> list[Job]:
    """Stars that differ in their spots, at most as many as make a difference."""
    return [spotted_star(n_spots, seed) for seed in range(min(batch, DIFFERENT))]


@cache
def _truth(n_spots: int, seed: int, is_static: bool, dtype: str) -> np.ndarray:
    job = spotted_star(n_spots, seed)
    return oracle(ours.rounded(frozen(job) if is_static else job, dtype))


def errors(flux, n_spots: int, is_static: bool = False, dtype: str = "float64") -> dict:
    """Largest error over the first stars of a batch, and epochs that are not finite where there are any."""
    flux = np.atleast_2d(np.asarray(flux, dtype=np.float64))[:CHECKED]
    truth = np.stack([_truth(n_spots, seed, is_static, dtype) for seed in range(len(flux))])
    missing = int(np.sum(~np.isfinite(flux)))
    error = {"error_ppm": PPM * float(np.nanmax(np.abs(flux - truth)))}
    return error | ({"epochs_not_finite": missing} if missing else {})


def own_rows(
    n_spots: int, batch: int, dtype: str, runs: int, chunk: int | None = None, *, value_only: bool = False
) -> list[dict]:
    """This package: light curve, light curve and gradient, ten bands."""
    jobs = stars(n_spots, batch)
    common = {"dtype": dtype, "batch": batch, "n_spots": n_spots, "what": "evolving, shear; exact caps"}
    name = "dynamojax" if chunk is None else f"dynamojax, chunks of {chunk}"

    def measure(function, n_bands):
        args = ours.prepare_batch(jobs, batch, n_bands)
        return harness.time_jax(ours.mapped(function, chunk), *args, n_runs=runs)

    with harness.precision(dtype):
        value, flux = measure(ours.flux, 1)
        error = errors(flux[:CHECKED, 0], n_spots, dtype=dtype)
        rows = [harness.row("light curve", name, value, **common, **error)]
        if not value_only:
            gradient, (_, slopes) = measure(ours.misfit, 1)
            finite = all(bool(jnp.all(jnp.isfinite(x))) for x in jax.tree.leaves(slopes))
            facts = error | {"gradient_finite": finite, "over_value": gradient.run_s / value.run_s}
            rows.append(harness.row("light curve and gradient", name, gradient, **common, **facts))
            ten, flux = measure(ours.flux, 10)
            facts = errors(flux[:CHECKED, 0], n_spots, dtype=dtype)
            facts |= {"over_one_band": ten.run_s / value.run_s}
            rows.append(harness.row("light curve, 10 bands", name, ten, **common, **facts))
    for row in rows:
        harness.show(row)
    return rows


def _peer_batch(peer: Peer, jobs: list[Job], runs: int):
    """Timing and fluxes of a peer on several stars, None if it is too slow; a loop unless it is on JAX."""
    function, first = peer.prepare(jobs[0])
    each = [first, *(peer.prepare(job)[1] for job in jobs[1:])]
    if len(jobs) == 1:
        timer = partial(harness.time_jax, compiler_options=peer.compiler_options)
        timing, flux = (timer if peer.on_jax else harness.time_host)(function, *first, n_runs=runs)
        return timing, [flux]
    if harness.time_host(function, *first, n_runs=1, budget_s=0.0)[0].run_s > SLOW_S:
        return None
    if peer.on_jax:
        stacked = [jnp.stack(x) for x in zip(*each, strict=True)]
        mapped, options = jax.vmap(function), peer.compiler_options
        return harness.time_jax(mapped, *stacked, n_runs=runs, compiler_options=options)
    return harness.time_host(lambda all_: [function(*args) for args in all_], each, n_runs=runs)


def peer_row(name: str, peer: Peer, n_spots: int, batch: int, runs: int) -> dict | None:
    """One peer on the job, or as much of the job as it does; None if it is too slow for the batch."""
    measured = _peer_batch(peer, [peer.job(job) for job in stars(n_spots, batch)], runs)
    if measured is None:
        return None
    timing, flux = measured
    row = harness.row(
        "light curve",
        name,
        timing,
        dtype="float32" if peer.on_jax else "float64",
        batch=batch,
        n_spots=n_spots,
        what=peer.what,
        version=harness.version(peer.package),
        **errors(np.stack([np.asarray(x) for x in flux]), n_spots, not peer.evolves),
    )
    harness.show(row)
    return row


def accuracy_rows(dtype: str, peers: dict[str, Peer]) -> list[dict]:
    """Worst error over a rotation of one static spot of 8 and of 2 degrees."""
    rows = []
    for name in ("dynamojax", *peers):
        facts = {"task": "single spot", "system": name, "dtype": dtype}
        for radius_deg in (8, 2):
            job = single_spot(radius_deg)
            with harness.precision(dtype):
                if name == "dynamojax":
                    flux, truth = ours.flux(*ours.prepare(job))[0], ours.rounded(job, dtype)
                else:
                    function, args = peers[name].prepare(job)
                    flux, truth = function(*args), job
            error = np.asarray(flux, dtype=np.float64) - oracle(truth)
            facts[f"error_{radius_deg}_deg_ppm"] = PPM * float(np.nanmax(np.abs(error)))
        rows.append(facts)
        print(facts, flush=True)
    return rows


def installed(peers: dict[str, Peer]) -> tuple[dict[str, Peer], list[dict]]:
    """The peers that run here, and a row that says why for each of the others."""
    present, absent = {}, []
    for name, peer in peers.items():
        try:
            peer.prepare(single_spot(8.0))
        except (ImportError, OSError) as error:  # OSError: a shared library of another system
            absent.append(
                {"task": "not installed", "system": name, "why": f"{type(error).__name__}: {error}"}
            )
            print(absent[-1])
        else:
            present[name] = peer
    return present, absent


def main(argv=None) -> None:
    """Measure, print and write the rows."""
    parser = harness.arguments("Light curves of spotted stars.")
    parser.add_argument("--spots", type=int, nargs="+", default=[100])
    parser.add_argument("--chunk", type=int, help="stars computed together in a batch; all if not given")
    parser.add_argument("--value-only", action="store_true", help="no gradient and no ten bands")
    parser.add_argument("--heavy", action="store_true", help="also peers that take many seconds a star")
    options = parser.parse_args(argv)
    peers, rows = installed(PEERS) if options.peers else ({}, [])
    rows += accuracy_rows(options.dtype, peers)
    timed = {name: peer for name, peer in peers.items() if options.heavy or not peer.is_heavy}
    for n_spots in options.spots:
        for batch in options.batch:
            for chunk in (None, options.chunk) if options.chunk and batch > 1 else (None,):
                measure = (n_spots, batch, options.dtype, options.runs, chunk)
                rows += own_rows(*measure, value_only=options.value_only)
            found = (peer_row(name, peer, n_spots, batch, options.runs) for name, peer in timed.items())
            rows += [row for row in found if row is not None]
    name = options.name or f"photometry_{options.dtype}{'_peers' if options.peers else ''}"
    print("written:", harness.write_results(name, rows))


if __name__ == "__main__":
    main()
