"""Errors of the closed form: single caps everywhere, light curves, gradients.

python -m benchmarks.bench_accuracy --dtype float64
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness, ours
from benchmarks.job import Job, oracle, spotted_star
from benchmarks.quadrature import cap_moments as exact_moments
from benchmarks.slopes import slope
from dynamojax.surface.coverage import cap_moments

PPM = 1e6
RADII_DEG = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 8, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 85)
LAWS = {"uniform": (0.0, 0.0), "quadratic": (0.4, 0.25), "steep": (0.9, 0.1)}
OFFSETS = np.concatenate([[0.0], 10.0 ** np.arange(-9.0, 0.0)])


def view_angles(radius: float) -> np.ndarray:
    """Angles from the line of sight: a fine sweep, and tangencies and the centre from close by."""
    near = np.concatenate([OFFSETS, -OFFSETS])
    special = [x + near for x in (np.pi / 2 - radius, np.pi / 2 + radius, np.pi / 2, radius, 0.0)]
    theta = np.concatenate([np.linspace(0.0, np.pi, 1441), *special])
    return theta[(theta >= 0.0) & (theta <= np.pi)]


def cap_row(radius_deg: float, dtype: str) -> dict:
    """Worst flux error of a black cap of one radius at any position, over the laws of limb darkening."""
    kind = np.dtype(dtype).type
    r = kind(np.deg2rad(radius_deg))
    mu0 = np.unique(np.cos(view_angles(float(r))).astype(kind))
    with harness.precision(dtype):
        found = np.asarray(jax.jit(cap_moments, static_argnums=2)(jnp.asarray(mu0), jnp.asarray(r), 3))
    error = found.astype(float) - exact_moments(np.arccos(mu0.astype(float)), float(r))
    job = spotted_star(1)
    worst = {
        name: PPM * float(np.max(np.abs(replace(job, u1=u[0], u2=u[1]).polynomial @ error)))
        for name, u in LAWS.items()
    }
    return {
        "task": "single caps",
        "system": "dynamojax",
        "dtype": dtype,
        "radius_deg": radius_deg,
        "positions": mu0.size,
        "error_ppm": max(worst.values()),
        "worst_law": max(worst, key=worst.get),
    }


def rotation_row(inc_deg: float, dtype: str) -> dict:
    """Worst flux error of light curves of evolving spots at one inclination."""
    job = replace(spotted_star(30, seed=3), inc=np.deg2rad(inc_deg))
    with harness.precision(dtype):
        flux = np.asarray(jax.jit(ours.flux)(*ours.prepare(job)))[0].astype(float)
    error = PPM * float(np.max(np.abs(flux - oracle(ours.rounded(job, dtype)))))
    facts = {"inc_deg": inc_deg, "n_spots": 30, "error_ppm": error}
    return {"task": "light curve by inclination", "system": "dynamojax", "dtype": dtype} | facts


SPOT_PARAMETERS = ("lat", "lon", "radius", "t_max")
STAR_PARAMETERS = ("inc", "prot", "shear")
TIMES = ("tau_emerge", "tau_decay")


def tangents(args: tuple, job: Job, name: str) -> tuple:
    """A unit change of one parameter of the job, as a change of the arguments of `ours.flux`."""
    star, spots, epochs, contrast, bands = jax.tree.map(jnp.zeros_like, args)
    if name in SPOT_PARAMETERS:
        values = vars(spots) | {name: getattr(spots, name).at[0].set(1.0)}
        spots = type(spots)(**values)
    elif name in TIMES:
        spots = type(spots)(**(vars(spots) | {name: jnp.ones_like(getattr(spots, name))}))
    elif name in STAR_PARAMETERS:
        star = type(star)(**(vars(star) | {name: jnp.ones_like(getattr(star, name))}))
    elif name == "contrast":
        contrast = jnp.ones_like(contrast)
    else:
        bands = jnp.asarray(_polynomial_slope(job, name), bands.dtype)[None]
    return star, spots, epochs, contrast, bands


def _polynomial_slope(job: Job, name: str, step: float = 1e-4) -> np.ndarray:
    up, down = (replace(job, **{name: getattr(job, name) + s * step}).polynomial for s in (1.0, -1.0))
    return (up - down) / (2.0 * step)


def true_slope(job: Job, name: str) -> np.ndarray:
    """Derivative of the flux, by quadrature alone."""
    if name == "contrast":
        return (oracle(job) - 1.0) / job.contrast
    if name in ("u1", "u2"):  # the flux is nearly linear in them: differences of the flux itself
        up, down = (oracle(replace(job, **{name: getattr(job, name) + s})) for s in (1e-4, -1e-4))
        return (up - down) / 2e-4
    return slope(job, name)


def gradient_row(name: str, dtype: str, n_spots: int = 5) -> dict:
    """Relative error of dF/dparameter over all epochs, forward and reverse; spots cross the limb."""
    job = spotted_star(n_spots, seed=2)
    truth = true_slope(ours.rounded(job, dtype), name)
    with harness.precision(dtype):
        args = ours.prepare(job)
        direction = tangents(args, job, name)
        forward = jax.jit(lambda a, d: jax.jvp(ours.flux, a, d)[1])(args, direction)
        # reverse mode on a weighted sum, set beside the same sum of the truth
        weights = jnp.asarray(np.random.default_rng(0).normal(size=truth.size), forward.dtype)
        pulled = jax.jit(lambda a, w: jax.vjp(ours.flux, *a)[1](w[None]))(args, weights)
        leaves = zip(jax.tree.leaves(pulled), jax.tree.leaves(direction), strict=True)
        reverse = sum(float(jnp.sum(p * d)) for p, d in leaves)
    forward = np.asarray(forward)[0].astype(float)
    rms = np.sqrt(np.mean(truth**2))
    weighted = float(np.sum(np.asarray(weights, float) * truth))
    return {
        "task": "gradient",
        "system": "dynamojax",
        "dtype": dtype,
        "parameter": name,
        "relative_rms": float(np.sqrt(np.mean((forward - truth) ** 2)) / rms),
        "relative_worst": float(np.max(np.abs(forward - truth)) / np.max(np.abs(truth))),
        "relative_reverse": abs(reverse - weighted) / float(np.sqrt(truth.size) * rms),
        "finite": bool(np.all(np.isfinite(forward))),
    }


def main(argv=None) -> None:
    """Measure, print and write the rows."""
    options = harness.arguments("Errors of the closed form.").parse_args(argv)
    dtype = options.dtype
    rows = [cap_row(radius, dtype) for radius in RADII_DEG]
    rows += [rotation_row(inc, dtype) for inc in (0.0, 30.0, 60.0, 90.0)]
    names = (*SPOT_PARAMETERS, *TIMES, *STAR_PARAMETERS, "contrast", "u1", "u2")
    rows += [gradient_row(name, dtype) for name in names]
    for row in rows:
        print({name: value for name, value in row.items() if name not in ("system", "dtype")}, flush=True)
    print("written:", harness.write_results(options.name or f"accuracy_{dtype}", rows))


if __name__ == "__main__":
    main()
