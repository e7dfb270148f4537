"""Transits of a limb-darkened star without spots: this package, batman and jaxoplanet.

python -m benchmarks.bench_transit --batch 1 1024 --dtype float64 --peers
"""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness
from benchmarks.quadrature import cap_moments
from dynamojax.planets.orbit import planet_positions, semi_major_axis
from dynamojax.planets.transit import transit_loss
from dynamojax.system import Epochs, Planets, Star

PPM = 1e6
U = (0.4, 0.25)
PERIOD, HALF_WINDOW, N_EPOCHS = 3.0, 0.1, 1000
CASES = {  # radius ratio, inclination [deg]
    "central, 0.1": (0.1, 90.0),
    "b = 0.5, 0.1": (0.1, None),
    "grazing, 0.1": (0.1, 83.3),
    "b = 0.5, 0.01": (0.01, None),
}


def polynomial() -> np.ndarray:
    """Coefficients a of I(mu) mu = sum a_k mu^k, over those of the disc's flux."""
    a = np.array([1.0 - U[0] - U[1], U[0] + 2.0 * U[1], -U[1]])
    return a / (2.0 * np.pi * np.sum(a / np.arange(2, 5)))


def times() -> np.ndarray:
    """Epochs about one transit, some days after the reference. [day]"""
    return PERIOD * 4 + np.linspace(-HALF_WINDOW, HALF_WINDOW, N_EPOCHS)


def planet(case: str) -> tuple[Star, Planets, float]:
    """Star, planet and orbit over stellar radius of a case."""
    ratio, inc_deg = CASES[case]
    star = Star.from_degrees()
    axis = float(semi_major_axis(star.mass, jnp.asarray(PERIOD, star.mass.dtype)))
    inc_deg = float(np.rad2deg(np.arccos(0.5 / axis))) if inc_deg is None else inc_deg
    one = np.ones(1)
    planets = Planets(
        radius_ratio=ratio * one,
        mass=0 * one,
        period=PERIOD * one,
        t_transit=0 * one,
        inc=np.deg2rad(inc_deg) * one,
        ecc=0 * one,
        omega=0.5 * np.pi * one,
        obliquity=0 * one,
    )
    return star, planets, axis


def ours(star, planets, epochs, a):
    """Flux over that of the star alone."""
    return 1 - transit_loss(*planet_positions(star, planets, epochs), planets.radius_ratio, a)


def mapped(star, planets, epochs, a):
    """The same for a batch of systems."""
    return jax.vmap(ours, in_axes=(0, 0, None, None))(star, planets, epochs, a)


def sum_of_squares(star, planets, epochs, a):
    """A scalar and its gradient in every parameter of star and planet."""
    return jax.value_and_grad(lambda s, p: jnp.sum((ours(s, p, epochs, a) - 0.99) ** 2), argnums=(0, 1))(
        star, planets
    )


def separations(axis: float, inc: float) -> np.ndarray:
    """Sky separation of a circular orbit at the epochs, in stellar radii."""
    phase = 2.0 * np.pi * times() / PERIOD
    return axis * np.sqrt(np.sin(phase) ** 2 + (np.cos(inc) * np.cos(phase)) ** 2)


def oracle(separation: np.ndarray, ratio: float, n_nodes: int = 400) -> np.ndarray:
    """Flux by quadrature over rings of the stellar disc about its centre, each hidden over an arc.

    With rho the ring's radius, cos(half-arc) = (rho^2 + d^2 - p^2) / (2 rho d); the substitution
    rho = middle - half cos(pi s) takes the square-root ends of the arc.
    """
    low, high = np.abs(separation - ratio), np.minimum(separation + ratio, 1.0)
    inner = np.where(ratio > separation, ratio - separation, 0.0)  # rings hidden all round
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    s, w = 0.5 * (nodes + 1.0), 0.5 * weights
    span = np.maximum(high - low, 0.0)[:, None]
    rho = low[:, None] + span * 0.5 * (1.0 - np.cos(np.pi * s))
    d = np.maximum(separation, 1e-300)[:, None]
    cosine = (rho**2 + d**2 - ratio**2) / np.maximum(2.0 * rho * d, 1e-300)
    arc = np.arccos(np.clip(cosine, -1.0, 1.0))
    mu = np.sqrt(np.maximum((1.0 - rho) * (1.0 + rho), 0.0))
    a = polynomial()
    intensity = sum(a_k * mu**k for k, a_k in enumerate(a))
    ring = 2.0 * arc * rho * intensity * w * span * 0.5 * np.pi * np.sin(np.pi * s)
    full = cap_moments(0.0, np.arcsin(np.minimum(inner, 1.0)))  # a disc about the centre is a cap
    return 1.0 - ring.sum(axis=1) - np.tensordot(a, full, axes=1)


def batman(ratio: float, axis: float, inc_deg: float, max_err: float = 1.0):
    """The quadratic model of batman; max_err is the error it aims at [ppm]."""
    import batman as package

    params = package.TransitParams()
    params.t0, params.per, params.rp, params.a = 0.0, PERIOD, ratio, axis
    params.inc, params.ecc, params.w = inc_deg, 0.0, 90.0
    params.limb_dark, params.u = "quadratic", list(U)
    model = package.TransitModel(params, times(), max_err=max_err)
    return model.light_curve, (params,)


def jaxoplanet(ratio: float, axis: float, inc_deg: float):
    """The polynomial limb-darkening core of jaxoplanet, on separations of its transit orbit."""
    from jaxoplanet.core.limb_dark import light_curve

    phase = jnp.asarray(2.0 * np.pi * (times() - 4 * PERIOD) / PERIOD)

    def run(u, ratio, axis, cos_inc):
        separation = axis * jnp.sqrt(jnp.sin(phase) ** 2 + (cos_inc * jnp.cos(phase)) ** 2)
        return 1.0 + light_curve(u, separation, ratio)

    return run, tuple(jnp.asarray(x) for x in (np.array(U), ratio, axis, np.cos(np.deg2rad(inc_deg))))


def _facts(flux, case: str, truth: np.ndarray) -> dict:
    error = np.abs(np.asarray(flux, dtype=float).reshape(-1)[-N_EPOCHS:] - truth)
    return {"case": case, "error_ppm": PPM * float(np.max(error))}


def case_rows(case: str, batch: int, options) -> list[dict]:
    """One orbit: value and gradient of this package, and the peers if asked for."""
    dtype, runs = options.dtype, options.runs
    with harness.precision(dtype):
        star, planets, axis = planet(case)
        ratio, inc = (float(x[0]) for x in (planets.radius_ratio, planets.inc))
        epochs, a = Epochs.from_days(times()), jnp.asarray(polynomial(), star.mass.dtype)[None]
        truth = oracle(separations(axis, inc), ratio)
        tiled = [jax.tree.map(lambda x: jnp.stack([x] * batch), module) for module in (star, planets)]
        timing, flux = harness.time_jax(mapped, *tiled, epochs, a, n_runs=runs)
        common = {"dtype": dtype, "batch": batch}
        rows = [harness.row("transit", "dynamojax", timing, **common, **_facts(flux, case, truth))]
        if batch == 1:
            slopes, (_, leaves) = harness.time_jax(sum_of_squares, star, planets, epochs, a, n_runs=runs)
            finite = all(bool(jnp.all(jnp.isfinite(x))) for x in jax.tree.leaves(leaves))
            facts = {"case": case, "gradient_finite": finite, "over_value": slopes.run_s / timing.run_s}
            rows.append(harness.row("transit and gradient", "dynamojax", slopes, **common, **facts))
        if options.peers and batch == 1:
            orbit = ratio, axis, float(np.rad2deg(inc))
            rows[0]["from_batman_ppm"] = _from_batman(flux, orbit)
            print(f"  from batman {rows[0]['from_batman_ppm']:.2g} ppm")
            rows += _peer_rows(case, orbit, truth, dtype, runs)
    for row in rows:
        harness.show(row)
    return rows


def _from_batman(flux, orbit: tuple) -> float:
    """Largest difference from batman at its own best precision. [ppm]"""
    function, args = batman(*orbit, max_err=0.01)
    return PPM * float(np.abs(np.asarray(flux, float).reshape(-1)[-N_EPOCHS:] - function(*args)).max())


def _peer_rows(case: str, orbit: tuple, truth: np.ndarray, dtype: str, runs: int) -> list[dict]:
    rows = []
    function, args = batman(*orbit)
    timing, flux = harness.time_host(function, *args, n_runs=runs)
    facts = _facts(flux, case, truth) | {"version": harness.version("batman-package")}
    rows.append(harness.row("transit", "batman", timing, dtype="float64", **facts))
    function, args = jaxoplanet(*orbit)
    timing, flux = harness.time_jax(function, *args, n_runs=runs)
    facts = _facts(flux, case, truth) | {"version": harness.version("jaxoplanet")}
    rows.append(harness.row("transit", "jaxoplanet", timing, dtype=dtype, **facts))
    return rows


def main(argv=None) -> None:
    """Measure, print and write the rows."""
    options = harness.arguments("Transits of a star without spots.").parse_args(argv)
    rows = [row for case in CASES for batch in options.batch for row in case_rows(case, batch, options)]
    print("written:", harness.write_results(options.name or f"transit_{options.dtype}", rows))


if __name__ == "__main__":
    main()
