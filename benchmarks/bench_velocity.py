"""Velocity series in closed form: speed beside the light curve, error, and what differential rotation costs.

python -m benchmarks.bench_velocity --spots 100 --batch 1 32
python -m benchmarks.bench_velocity --overlap --name velocity_overlap_float32
"""

import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness, ours
from benchmarks.bench_ratios import rounds
from benchmarks.job import Job, phases, radii, spotted_star
from benchmarks.quadrature import cap_moments
from benchmarks.velocity_quadrature import turning_moments
from dynamojax.surface.convection import Convection
from dynamojax.surface.geometry import sky_positions
from dynamojax.surface.moments import SurfaceConfig, surface_moments
from dynamojax.surface.velocity_moments import sum_of_velocity_moments, velocity_moments
from dynamojax.system import Epochs, SpotMap, Star
from tests.oracles import union as dense
from tests.oracles.union_velocities import union_velocity_moments

SUM = SurfaceConfig(overlap="sum")
SHIFT = np.asarray(Convection.solar().shift, float)


def velocities(star, spots, epochs, contrast, bands, config=SUM):
    """Rotation in units of vsini, convection in km/s, and flux of one star in each band."""
    n, shift = bands.shape[-1], jnp.asarray(SHIFT, bands.dtype)
    moments = velocity_moments(star, spots, epochs, config, n, n + shift.shape[0] - 1)
    light = moments.light.spot
    at = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    quiet = sum(c * jnp.pad(bands, ((0, 0), (j, shift.shape[0] - 1 - j))) for j, c in enumerate(shift))
    mean = jnp.sum(2 * jnp.pi * quiet / jnp.arange(2, quiet.shape[-1] + 2), axis=-1)
    lost = contrast * at(bands, light[:n])
    left = 1 - lost
    return -contrast * at(bands, moments.spot) / left, (mean[:, None] * lost - at(quiet, light)) / left, left


def misfit(star, spots, epochs, contrast, bands):
    """Sum of squares of both velocities, and its gradient in every parameter but the epochs."""

    def loss(star, spots, contrast, bands):
        rotation, convection, _ = velocities(star, spots, epochs, contrast, bands)
        return jnp.sum((rotation + convection - 0.01) ** 2)

    return jax.value_and_grad(loss, argnums=(0, 1, 2, 3))(star, spots, contrast, bands)


def positions(job: Job) -> np.ndarray:
    """Unit vectors to the spots, (3, n_spots, n_epochs)."""
    lat, phase = job.lat[:, None], phases(job)
    along, across = np.cos(lat) * np.cos(phase), np.cos(lat) * np.sin(phase)
    co, si = np.cos(job.inc), np.sin(job.inc)
    return np.stack([across, np.sin(lat) * si - along * co, np.sin(lat) * co + along * si])


def oracle(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """The same by quadrature, spots without any light of moving gas: rotation and convection, (n_epochs)."""
    position, r = positions(job), radii(job)
    theta = np.arccos(np.clip(position[2], -1.0, 1.0))
    a, quiet = job.polynomial, np.convolve(job.polynomial, SHIFT)
    light = cap_moments(theta, r, quiet.size).sum(axis=1)
    turned = sum(
        turning_moments(p, q, job.shear, job.inc, a.size)
        for p, q in zip(position.swapaxes(0, 1), r, strict=True)
    )
    lost = job.contrast * (a @ light[: a.size])
    mean = 2 * np.pi * np.sum(quiet / np.arange(2, quiet.size + 2))
    return -job.contrast * (a @ turned) / (1 - lost), (mean * lost - quiet @ light) / (1 - lost)


def errors(job: Job, dtype: str) -> dict:
    """Largest errors over the epochs, each of the largest value of its own term."""
    with harness.precision(dtype):
        found = jax.jit(velocities)(*ours.prepare(job))[:2]
    facts = {}
    for name, got, truth in zip(
        ("rotation", "convection"), found, oracle(ours.rounded(job, dtype)), strict=True
    ):
        worst = np.max(np.abs(np.asarray(got, float)[0] - truth))
        facts[f"{name}_relative_error"] = float(worst / np.max(np.abs(truth)))
    return facts


def processor_seconds(calls: dict, n_rounds: int, n_calls: int = 4) -> dict[str, np.ndarray]:
    """Processor time of a call in each round, calls in turn: for a machine that is not alone."""
    seconds = {name: np.empty(n_rounds) for name in calls}
    for i in range(n_rounds):
        for name, (function, args) in calls.items():
            jax.block_until_ready(function(*args))
            start = time.process_time()
            for _ in range(n_calls):
                jax.block_until_ready(function(*args))
            seconds[name][i] = (time.process_time() - start) / n_calls
    return seconds


def speed_rows(n_spots: int, batch: int, dtype: str, n_rounds: int) -> list[dict]:
    """Light curve, velocities and their gradients, bursts in turn so that the machine's pace cancels."""
    jobs = [spotted_star(n_spots, seed) for seed in range(batch)]
    named = {
        "light curve": ours.flux,
        "velocities and light curve": velocities,
        "light curve and gradient": ours.misfit,
        "velocities and gradient": misfit,
    }
    with harness.precision(dtype):
        if batch == 1:
            calls = {name: (jax.jit(f), ours.prepare(jobs[0])) for name, f in named.items()}
        else:
            args = ours.prepare_batch(jobs, batch)
            calls = {name: (jax.jit(ours.mapped(f, 1)), args) for name, f in named.items()}
        seconds, busy = rounds(calls, n_rounds), processor_seconds(calls, 2 * n_rounds)
    rows, error = [], errors(jobs[0], dtype)
    for name, s in seconds.items():
        value = seconds["velocities and light curve"]
        ratio, over_value = s / seconds["light curve"], s / value
        low, median, high = np.percentile(ratio, [25, 50, 75])
        facts = {"task": "speed", "system": f"dynamojax, {name}", "dtype": dtype, "batch": batch}
        facts |= {"n_spots": n_spots, "run_s": float(np.median(s)), "fastest_s": float(np.min(s))}
        facts |= {"over_light_curve": float(median), "over_light_curve_spread": float(high - low)}
        facts |= {"fastest_over_fastest": float(np.min(s) / np.min(seconds["light curve"]))}
        processor = busy[name] / busy["light curve"]
        facts |= {"processor_s": float(np.median(busy[name])), "processor_ratio": float(np.median(processor))}
        if "gradient" in name:
            facts["over_velocities"] = float(np.median(over_value))
            processor = busy[name] / busy["velocities and light curve"]
            facts["processor_over_velocities"] = float(np.median(processor))
        rows.append(facts | {"n_runs": len(s)} | error)
        print(rows[-1], flush=True)
    return rows


def spread_row(radius_deg: float, dtype: str, shear: float = 0.4) -> dict:
    """Error of V_k under shear, of the largest V_k of a rotation, and of a rate taken at the centre."""
    lat, lon = (
        q.ravel() for q in np.meshgrid(np.deg2rad([-60, -30, 0, 10, 20, 50, 75]), np.arange(360) / 57.3)
    )
    r, worst, plain = np.deg2rad(radius_deg), 0.0, 0.0
    for inc in np.deg2rad([30, 65, 90]):
        job = Job(
            lat, lon, np.full(lat.shape, r), 0 * lat, np.zeros(1), np.inf, np.inf, 1.0, inc=inc, shear=shear
        )
        position = positions(job)[..., 0]
        exact = turning_moments(position, r, shear, inc, 4)
        with harness.precision(dtype):
            ways = [Star.from_degrees(inc_deg=np.rad2deg(inc), shear=s) for s in (shear, 0.0)]
            w = jnp.full((lat.size, 1, 1), np.sin(r / 2))
            x, z = (jnp.asarray(q)[:, None, None] for q in position[::2])
            one = jax.jit(
                jax.vmap(lambda s, *q: sum_of_velocity_moments(s, *q, 5, 4)[1][:, 0], (None, 0, 0, 0, 0))
            )
            found, solid = (np.asarray(one(s, jnp.asarray(lat)[:, None], x, z, w), float).T for s in ways)
        top = np.max(np.abs(exact), axis=1, keepdims=True)
        worst = max(worst, float(np.max(np.abs(found - exact) / top)))
        plain = max(plain, float(np.max(np.abs(solid * (1 - shear * np.sin(lat) ** 2) - exact) / top)))
    facts = {"task": "shear inside a cap", "system": "dynamojax", "dtype": dtype, "radius_deg": radius_deg}
    return facts | {"error_over_shear": worst / shear, "centre_rate_error_over_shear": plain / shear}


def overlap_rows(dtype: str, n_rounds: int, n_spots: int = 200, room: int = 48) -> list[dict]:
    """Overlapping spots counted once: velocities beside light alone, and their error at 20 epochs."""
    lat, lon, radius = dense.dense_map(0, n_spots=n_spots)
    times, config = np.arange(1000) / 48, SurfaceConfig("constant", "exact", n_neighbours=room)
    star = {"prot": 10.0, "inc_deg": 65.0, "shear": 0.2}
    with harness.precision(dtype):
        spots = SpotMap.from_degrees(*map(np.rad2deg, (lat, lon, radius)))
        args = Star.from_degrees(**star), spots, Epochs.from_days(times)

        def light(*args):
            return surface_moments(*args, config, 6).spot

        def both(*args):
            found = velocity_moments(*args, config, 6, 8)
            return found.light.spot, found.spot

        def slopes(function):
            def loss(star, spots, epochs):
                return sum(jnp.sum(q**2) for q in jax.tree.leaves(function(star, spots, epochs)))

            return jax.value_and_grad(loss, argnums=(0, 1))

        calls = {"light": light, "light and velocities": both, "gradient of both": slopes(both)}
        timings = {name: harness.time_jax(jax.jit(f), *args, n_runs=n_rounds)[0] for name, f in calls.items()}
        at = np.arange(0, 1000, 50)
        found = np.asarray(jax.jit(both)(*args)[1], float)[:, at]
        position = np.asarray(
            sky_positions(args[0], spots.lat, spots.lon, Epochs.from_days(times[at])), float
        )
        radii, shear, inc = (np.asarray(q, float) for q in (spots.radius, args[0].shear, args[0].inc))
    exact = np.stack(
        [
            union_velocity_moments(position[..., i].T, radii, float(shear), float(inc), 6)[1]
            for i in range(at.size)
        ],
        axis=1,
    )
    error = np.max(np.abs(found - exact)) / np.max(np.abs(exact))
    facts = {
        "task": "overlapping spots",
        "dtype": dtype,
        "n_spots": n_spots,
        "n_epochs": times.size,
        "n_neighbours": room,
    }
    rows = [
        facts
        | {"system": f"dynamojax, {name}", "run_s": t.run_s, "over_light": t.run_s / timings["light"].run_s}
        for name, t in timings.items()
    ]
    rows[1]["rotation_relative_error"] = float(error)
    print(*rows, sep="\n", flush=True)
    return rows


def main(argv=None) -> None:
    """Measure, print and write the rows."""
    parser = harness.arguments(__doc__)
    parser.add_argument("--spots", type=int, default=100)
    parser.add_argument("--overlap", action="store_true", help="only unions of overlapping spots")
    options = parser.parse_args(argv)
    if options.overlap:
        rows = overlap_rows(options.dtype, options.runs)
        print("written:", harness.write_results(options.name or f"velocity_overlap_{options.dtype}", rows))
        return
    rows = [row for b in options.batch for row in speed_rows(options.spots, b, options.dtype, options.runs)]
    for shear in (0.0, 0.2):
        job = Job(**{**vars(spotted_star(30, seed=3)), "shear": shear})
        rows += [
            {"task": "error", "system": "dynamojax", "dtype": d, "n_spots": 30, "shear": shear}
            | errors(job, d)
            for d in ("float32", "float64")
        ]
        print(*rows[-2:], sep="\n")
    for radius in (2, 5, 10, 20, 40):
        rows.append(spread_row(radius, "float64"))
        print(rows[-1])
    print("written:", harness.write_results(options.name or f"velocity_{options.dtype}", rows))


if __name__ == "__main__":
    main()
