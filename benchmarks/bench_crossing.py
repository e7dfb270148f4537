"""Spots behind planets: flux and gradient against exact rings, time beside fleck.jax.

python -m benchmarks.bench_crossing --dtype float64 --peers

Scenes: a planet of 0.1 stellar radii with 1 to 8 caps of 2 to 15 deg, or 20 to 40 of 0.5 to 2.5 deg, behind
it, contrast 0.5, and companions of 0.2 to 1.4 with 1 to 8; nodes and panels as `Simulator.sized_for` gives
them. Times: 1000 points of one transit.
"""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness
from benchmarks.bench_transit import PPM, U, polynomial
from dynamojax.planets.crossing import occulted_moments
from dynamojax.planets.encounters import CrossingConfig, crossing_moments, sized
from dynamojax.planets.transit import transit_loss
from tests.oracles.transit_crossing import crowded_scene, random_scene
from tests.oracles.transit_rings import ring_moments, ring_slope

RADIUS_RATIO, CONTRAST, N_EPOCHS, N_SPOTS = 0.1, 0.5, 1000, 20


def _companion(i: int) -> float:
    return 0.2 + 1.2 * ((0.618 * i) % 1)


SCENES = {  # places for caps (None: the default `CrossingConfig`), radius of the planet and scene of a seed
    "1-8 caps": (8, lambda i: RADIUS_RATIO, lambda i: random_scene(np.random.default_rng(i), 1 + i % 8)),
    "20-40 caps": (
        40,
        lambda i: RADIUS_RATIO,
        lambda i: crowded_scene(np.random.default_rng(i), 20 + i % 21),
    ),
    "1-8 caps, companions": (
        8,
        _companion,
        lambda i: random_scene(np.random.default_rng(i), 1 + i % 8, _companion(i)),
    ),
    "default room, planets to 0.2": (
        None,
        lambda i: _companion(i) / 7,
        lambda i: random_scene(np.random.default_rng(i), 1 + i % 8, _companion(i) / 7),
    ),
    "default room, companions": (
        None,
        _companion,
        lambda i: random_scene(np.random.default_rng(i), 1 + i % 8, _companion(i)),
    ),
}


def flux_and_slopes(places: int | None):
    """Light of the caps that the planet hides, over the star's, and its derivatives by x, y, p."""
    room = CrossingConfig() if places is None else sized(CrossingConfig(), 1, places, 1.0)
    nodes, panels = room.n_nodes, room.n_panels

    def flux(x, y, p, position, half_sine):
        moments = occulted_moments(
            x,
            y,
            jnp.ones_like(x),
            p,
            position,
            half_sine,
            3,
            n_nodes=nodes,
            n_panels=panels,
        )
        return CONTRAST * jnp.dot(jnp.asarray(polynomial(), x.dtype), moments, precision="highest")

    return jax.jit(jax.value_and_grad(flux, argnums=(0, 1, 2)))


def errors(kind: str, n_scenes: int) -> dict:
    """Errors of the flux, in ppm of the star's, and of the planet's slopes, over the largest of them."""
    places, radius, scene = SCENES[kind]
    ours, off, slope_off = flux_and_slopes(places), [], []
    places = places or CrossingConfig().n_caps
    for i in range(n_scenes):
        x, y, centres, radii = scene(i)
        position, half_sine = np.tile([[0.0], [0.0], [1.0]], places), np.zeros(places)
        position[:, : len(radii)], half_sine[: len(radii)] = centres.T, np.sin(0.5 * radii)
        given = [jnp.asarray(q) for q in (x, y, radius(i), position, half_sine)]
        value, slopes = ours(*given)
        x, y, p, position, half_sine = (np.asarray(q, float) for q in given)
        centres, radii = position.T[: len(radii)], 2 * np.arcsin(half_sine[: len(radii)])
        scale = CONTRAST * polynomial()
        if np.isnan(float(value)):  # more corners than the default room holds: said, never wrong
            continue
        off.append(PPM * abs(float(value) - ring_moments(x, y, p, centres, radii, 3) @ scale))
        still = np.zeros_like(centres), np.zeros_like(radii)
        true = [
            ring_slope(x, y, p, centres, radii, (*e, *still), 3) @ scale
            for e in np.eye(3, dtype=int).tolist()
        ]
        if np.abs(true).max() > 1e-9:  # not behind a companion that hides all
            slope_off.append(np.abs(np.array(slopes, float) - true).max() / np.abs(true).max())
    return {
        "error_ppm": float(np.max(off)),
        "median_error_ppm": float(np.median(off)),
        "gradient_error": float(np.max(slope_off)),
        "median_gradient_error": float(np.median(slope_off)),
        "n_scenes": n_scenes,
        "n_without_room": n_scenes - len(off),
    }


def transit() -> tuple:
    """Track of the planet, its radius, the spots' positions and sizes: N_SPOTS along the chord."""
    rng = np.random.default_rng(1)
    x = np.linspace(-1.1, 1.1, N_EPOCHS)[None]
    sky = np.stack([rng.uniform(-0.9, 0.9, N_SPOTS), 0.3 + rng.uniform(-0.1, 0.1, N_SPOTS)])
    sky = sky / np.maximum(1, 1.01 * np.hypot(*sky))
    position = np.stack([*sky, np.sqrt(1 - np.sum(sky**2, axis=0))])
    half_sine = np.sin(0.5 * np.deg2rad(rng.uniform(1, 5, N_SPOTS)))
    track = x, 0.3 + 0 * x, 1 + 0 * x, np.array([RADIUS_RATIO])
    return tuple(jnp.asarray(q) for q in (*track, position, half_sine))


def light_curve(x, y, z, p, position, half_sine):
    """Light lost to the planet over 1000 points in transit, spots behind it included."""
    a = jnp.asarray(polynomial(), x.dtype)[None]
    config = CrossingConfig(n_epochs=N_EPOCHS, n_caps=8)
    moments, _ = crossing_moments(x, y, z, p, lambda _: (position, half_sine), 3, config)
    return transit_loss(x, y, z, p, a)[0] - CONTRAST * jnp.dot(a[0], moments, precision="highest")


def value_and_slopes(*given):
    """A scalar of the light curve and its gradient in everything."""
    return jax.value_and_grad(lambda *q: jnp.sum(light_curve(*q) ** 2), argnums=tuple(range(6)))(*given)


def fleck(given: tuple):
    """The transit of fleck.jax with the same spots, which stand still: 10,000 random points an overlap."""
    from fleck.jax import ActiveStar

    position, half_sine = (np.asarray(q, float) for q in given[4:])
    lat, lon = np.arcsin(position[1]), np.arctan2(position[0], position[2])
    times = jnp.linspace(-0.1, 0.1, N_EPOCHS)

    def run(times, lat, lon, radius):
        star = ActiveStar(
            times=times,
            lon=lon,
            lat=0.5 * np.pi + lat,
            rad=radius,
            spectrum=jnp.full((N_SPOTS, 1), 1 - CONTRAST),
            inclination=0.5 * np.pi,
            phot=jnp.ones(1),
            wavelength=jnp.ones(1),
            T_eff=5000.0,
            P_rot=1e6,
        )
        tilt = float(np.arccos(0.3 / 5.25))
        return star.transit_model(0.0, 3.0, RADIUS_RATIO, 5.25, tilt, u1=U[0], u2=U[1])[0]

    return run, (times, *(jnp.asarray(q) for q in (lat, lon, 2 * np.arcsin(half_sine))))


def rows(options) -> list[dict]:
    """All rows in one precision, each shown as it is measured."""
    dtype, found = options.dtype, []

    def keep(task: str, system: str, timing, **facts):
        found.append(harness.row(task, system, timing, dtype=dtype, **facts))
        harness.show(found[-1])
        if "gradient_error" in facts:
            print(f"  gradient {facts['gradient_error']:.2g}, median {facts['median_error_ppm']:.2g} ppm")

    with harness.precision(dtype):
        given = transit()
        timing, _ = harness.time_jax(light_curve, *given, n_runs=options.runs)
        for kind in SCENES:
            n_scenes = max(1, options.scenes // 4) if kind.startswith("20") else options.scenes
            keep("spot crossing", "dynamojax", timing, case=kind, **errors(kind, n_scenes))
        slopes, _ = harness.time_jax(value_and_slopes, *given, n_runs=options.runs)
        over = slopes.run_s / timing.run_s
        keep("crossing and gradient", "dynamojax", slopes, over_value=over, n_spots=N_SPOTS)
        if options.peers:
            function, args = fleck(given)
            timing, _ = harness.time_jax(function, *args, n_runs=min(options.runs, 5))
            facts = {"version": harness.version("fleck"), "what": "10,000 random points"}
            keep("spot crossing", "fleck.jax", timing, n_spots=N_SPOTS, **facts)
    return found


def main(argv=None) -> None:
    """Measure, print and write the rows."""
    parser = harness.arguments("Spots behind planets.")
    parser.add_argument(
        "--scenes", type=int, default=40, help="scenes of 1-8 caps; a quarter of crowded ones"
    )
    options = parser.parse_args(argv)
    found = rows(options)
    print("written:", harness.write_results(options.name or f"crossing_{options.dtype}", found))


if __name__ == "__main__":
    main()
