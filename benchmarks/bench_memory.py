"""Peak memory of a population: 1024 stars, 27 days of Kepler and TESS at 2 min, 200 spots each.

python -m benchmarks.bench_memory --batch 1024
"""

import resource
import time

import jax
import jax.numpy as jnp

import dynamojax as dj
from benchmarks import harness

N_SPOTS = 200


def systems(n: int, *, has_planet: bool) -> dj.System:
    """Stars with spots all over, with or without a hot Jupiter."""
    planet = dj.Planets.from_degrees(radius_earth=11.0, star_radius=1.0, period=4.0)

    def one(key):
        lat, lon, radius, t_max = jax.random.uniform(key, (4, N_SPOTS))
        return dj.System(
            dj.Star.from_degrees(prot=10.0, inc_deg=60.0),
            dj.SpotMap.from_degrees(
                80 * lat - 40, 360 * lon, 1 + 3 * radius, t_max=27 * t_max, tau_emerge=4.0, tau_decay=8.0
            ),
            planet if has_planet else dj.Planets.empty(0),
        )

    return jax.vmap(one)(jax.random.split(jax.random.key(0), n))


def main(argv=None) -> None:
    """Run once, and print and write time and peak memory of the process."""
    parser = harness.arguments(__doc__)
    parser.add_argument("--planet", action="store_true", help="a hot Jupiter, spot crossings included")
    parser.add_argument("--chunk", type=int, help="stars computed together; all at once if not given")
    options = parser.parse_args(argv)
    simulate = dj.Simulator(dj.load_grid(), [dj.kepler(days=27), dj.tess(days=27)])
    rows = []
    for n in options.batch:
        population = systems(n, has_planet=options.planet)
        if options.planet:
            one = jax.tree.map(lambda x: x[:4], population)
            simulate = simulate.sized_for(one)
        start = time.perf_counter()
        if options.chunk:
            out = dj.simulate_batch(simulate, population, batch_size=options.chunk)
        else:
            out = jax.jit(jax.vmap(lambda s, p: s(p), in_axes=(None, 0)))(simulate, population)
        jax.block_until_ready(out)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        finite = bool(jnp.all(jnp.isfinite(out.light_curves["tess"].flux)))
        rows.append(
            {
                "task": "memory of a population",
                "system": "dynamojax" if not options.chunk else f"dynamojax, chunks of {options.chunk}",
                "batch": n,
                "n_spots": N_SPOTS,
                "planet": options.planet,
                "seconds_with_compilation": seconds,
                "peak_bytes_of_process": peak,
                "valid_stars": int(jnp.sum(out.valid)),
                "finite": finite,
            }
        )
        print(f"{n} stars: {seconds:.1f} s, peak {peak / 1e9:.2f} GB, {rows[-1]['valid_stars']} valid")
    print("written:", harness.write_results(options.name or "memory", rows))


if __name__ == "__main__":
    main()
