"""LAMOST spectra under the embedded grid: temperatures beside classes, velocities beside the header's Z."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import dynamojax as dj
from dynamojax.files import read_lamost
from dynamojax.inference.information import matrix_at
from dynamojax.inference.optimise import log_posteriors, pose, start_walk

LOW, HIGH, DEGREE = 4600.0, 6700.0, 4
RANGES = {"teff": (3000, 7500), "logg": (2.5, 5.0), "feh": (-1.0, 0.5)}
N_STARTS = 5
WIDEST = 150.0  # of lines, for what the instrument is less sharp than stated and the grid's lines too narrow
FREE = [
    *("star.teff", "star.logg", "star.feh"),
    *(dj.Free("star.rv", -250, 250), dj.Free("star.macroturbulence", 0, WIDEST)),
]
CORRELATED = [dj.Free("lamost.gp_sigma", 1e-3, 0.3), dj.Free("lamost.gp_width", 100, 3000)]
NOISES = ("gaussian", "correlated")
WRONG_Z = "sp06-025"  # the header's Z is that of no line in its spectrum
# Effective temperatures of dwarfs: Pecaut & Mamajek (2013, ApJS 208, 9), table 5. [K]
CLASSES = {"F5": 6550, "G2": 5770, "G5": 5660, "K1": 5170, "K3": 4830, "K7": 4050, "M1": 3660, "M2": 3560}


def spectra(folder: Path) -> list[dict]:
    """Every spectrum of a folder, twice: with the noise of pixels, and with the grid's errors beside it."""
    observed = {path.stem[-8:]: read_lamost(path) for path in sorted(folder.glob("spec-*.fits"))}
    settings = {"resolution": 1800.0, "low": LOW, "high": HIGH, "continuum_degree": DEGREE}
    data = {
        name: dj.DataSet.spectrum("lamost", o.wavelength, o.flux, o.flux_err, good=o.good, **settings)
        for name, o in observed.items()
    }
    first = next(iter(data.values()))
    disc = dj.DiscConfig(max_velocity=3 * WIDEST + 10, vsini=10)
    simulate = dj.Simulator(dj.load_grid(), [], [first.instrument], ranges=RANGES, disc=disc)
    star = dj.Star.from_degrees(teff=5300.0, logg=4.4, feh=-0.2, rv=5.0, macroturbulence=20.0, prot=25.0)
    begin = [dj.System(star, dj.SpotMap.empty(), dj.Planets.empty())] * len(data)
    # Lines fit their neighbours, too: many velocities are tried before any walk.
    starts = {"n_starts": N_STARTS, "n_candidates": 256, "max_steps": 80, "batch_size": 1}
    fits = dj.fit_many(begin, simulate, [[d] for d in data.values()], FREE, key=jax.random.key(0), **starts)
    rows = []
    for (name, one), fit in zip(observed.items(), fits, strict=True):
        both = fit, correlated(fit, begin[0], data[name], simulate)
        rows += [_row(name, one, noise, of) for noise, of in zip(NOISES, both, strict=True)]
        print(*rows[-2:], sep="\n", flush=True)
        _keep(name, data[name], both[1])
    return rows


def correlated(fit, begin, data, simulate):
    """From an earlier fit on, at its velocity and at others, with room for correlated errors of the grid."""
    problem = pose(begin, simulate, [dataclasses.replace(data, noise="correlated")], FREE + CORRELATED)
    low, high = (np.asarray(x) for x in (problem.parameters.bounds.low, problem.parameters.bounds.high))
    values = np.tile([*np.asarray(fit.canonical), 0.05, 500.0], (26, 1))
    values[1:, fit.names.index("star.rv")] = np.linspace(-240, 240, 25)
    values = np.clip(values, low + 0.01 * (high - low), high - 0.01 * (high - low))  # off the bounds
    best = values[np.argsort(-np.asarray(log_posteriors(problem, jnp.asarray(values))))[:3]]
    return start_walk(problem, jnp.asarray(best), method="bfgs", max_steps=200)


_MODELS: dict = {}


def _keep(name, data, fit) -> None:
    if fit.is_valid:
        wavelength, values = data.instrument.wavelength, np.asarray(data.values)[0]
        _MODELS[name] = (wavelength, values, fit.fitted["lamost"].model[0])


def _row(name, one, noise, fit) -> dict:
    there = np.isfinite(fit.log_posteriors) & (fit.log_posteriors > fit.log_posterior - 5)
    error, stretch = np.full(len(FREE), np.nan), np.nan
    if fit.is_valid:
        known = fit.problem.with_known_noise()
        error = matrix_at(known, fit.canonical, "fisher").errors[: len(FREE)]
        # White errors are stretched by the root of chi square a point: the grid's are the larger part.
        stretch = np.sqrt(fit.chi2 / fit.n_good)
    subclass = str(one.meta.get("SUBCLASS")).strip()
    return {
        **{"file": name, "noise": noise, "class": subclass, "class_teff": CLASSES.get(subclass)},
        **{"sn_r": one.meta.get("SN_R"), "pipeline_rv": float(one.rv)},
        **{n.split(".")[1]: float(v) for n, v in zip(fit.names, fit.values, strict=True)},
        "errors": [float(e) for e in error * (stretch if noise == "gaussian" else 1.0)],
        **{"chi2_per_point": float(stretch**2), "is_converged": fit.is_converged, "at_bounds": fit.at_bounds},
        "n_starts_there": int(there.sum()),
    }


def summary(rows: list[dict]) -> dict:
    """Of each kind of noise: offsets and scatter of temperatures and velocities, less the wrong header."""
    return {noise: _summary([r for r in rows if r["noise"] == noise]) for noise in NOISES} if rows else {}


def _summary(rows: list[dict]) -> dict:
    teff = np.array([r["teff"] - r["class_teff"] for r in rows if r["class_teff"]])
    rv = np.array([r["rv"] - r["pipeline_rv"] for r in rows if r["file"] != WRONG_Z])
    return {
        **{"teff_median_off": float(np.median(teff)), "teff_scatter": _scatter(teff), "n": len(rows)},
        **{"rv_median_off": float(np.median(rv)), "rv_scatter": _scatter(rv), "n_rv": len(rv)},
        **{"rv_rms": float(np.std(rv)), "n_converged": sum(r["is_converged"] for r in rows)},
        "n_at_bounds": sum(bool(r["at_bounds"]) for r in rows),
    }


def _scatter(x: np.ndarray) -> float:
    return float(1.4826 * np.median(np.abs(x - np.median(x))))


def figure(rows: list[dict], path: Path) -> None:
    """Temperatures and velocities beside the pipeline's, and two spectra."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    axes = plt.figure(figsize=(11, 8), layout="constrained").subplots(2, 2).ravel()
    for row in (r for r in rows if r["noise"] == "correlated"):
        if row["class_teff"]:
            axes[0].plot(row["class_teff"], row["teff"], "o", color="C0")
        mark = "x" if row["file"] == WRONG_Z else "o"
        axes[1].plot(row["pipeline_rv"], row["rv"], mark, color="C3" if mark == "x" else "C0")
    axes[0].plot([3300, 6800], [3300, 6800], "k-", lw=0.5)
    axes[1].plot([-200, 200], [-200, 200], "k-", lw=0.5)
    axes[0].set(xlabel="teff of the class [K]", ylabel="fitted teff [K]")
    axes[1].set(xlabel="pipeline's velocity [km/s]", ylabel="fitted velocity [km/s]")
    for axis, name in zip(axes[2:], [n for n in ("sp06-168", "sp06-106") if n in _MODELS], strict=False):
        wavelength, values, model = _MODELS[name]
        axis.plot(wavelength, values, lw=0.5, color="0.4", label=name)
        axis.plot(wavelength, model, lw=0.7, color="C3", label="fit")
        axis.set(xlabel="wavelength [A]", ylabel="flux [median]", ylim=(0, 1.6))
        axis.legend()
    axes[0].figure.savefig(path, dpi=110)
