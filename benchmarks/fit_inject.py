"""Stars found again: ranks, coverage, bias and errors of posteriors, from what priors and data say alone.

What is counted is chosen by the posterior's own diagnostics and widths, never by the truth.
"""

import json
import time
from pathlib import Path

import jax
import numpy as np

from benchmarks.fit_stars import guess, made_up, observed, posed, simulator
from benchmarks.fit_table import KEYS, faults_of_runs, kept, sum_up
from benchmarks.harness import environment
from dynamojax.inference.information import matrix_at
from dynamojax.inference.tempering import temper
from dynamojax.inference.weighted import Weighted
from dynamojax.writing import replacing

SETTINGS = {
    "light": {"n_runs": 2, "n_particles": 512, "n_moves": 16, "n_last": 60, "n_components": 8},
    "spectrum": {
        "n_runs": 2,
        "n_particles": 256,
        "n_moves": 8,
        "n_last": 32,
        "n_components": 4,
        "n_starts": 8,
    },
    "joint": {"n_runs": 2, "n_particles": 512, "n_moves": 12, "n_last": 48, "n_components": 8, "n_starts": 8},
}
AGAIN = {"n_runs": 3, "n_particles": 1024}  # of light, where the diagnostics found a fault
VSINI = 50.5788  # of one solar radius that turns once a day. [km/s]


def _vsini(values: np.ndarray, names) -> np.ndarray:
    prot, inc = (values[..., names.index(n)] for n in ("star.prot", "star.inc_deg"))
    return VSINI / prot * np.sin(np.deg2rad(inc))


def _truth(system, problem) -> np.ndarray:
    """In declared units, in the order of the free parameters."""
    p = problem.parameters
    found = []
    for (_, owner, field, index), unit in zip(p.places, p.units, strict=True):
        value = np.asarray(getattr(getattr(system, owner), field), float)
        found.append((value if index is None else value[index]) / unit)
    return np.array(found)


def _row(posterior, truth: np.ndarray, bounds) -> dict:
    """Rank, offset and widths of every parameter and of vsini."""
    names, w = list(posterior.names), posterior.weights
    there = posterior.labelled(truth)
    draws = np.concatenate([posterior.draws, _vsini(posterior.draws, names)[:, None]], axis=1)
    there = np.append(there, _vsini(there, names))
    mean = w @ draws
    error = np.sqrt(w @ (draws - mean) ** 2)
    rank = np.array([w[draws[:, j] < there[j]].sum() for j in range(len(there))])
    median = np.array([_median(draws[:, j], w) for j in range(len(there))])
    prior = np.append(posterior.prior_widths, 3.3)  # of vsini by draws of the prior
    bound = np.append(_bounds(posterior, bounds), np.nan)
    columns = (rank, mean - there, median - there, error, prior, bound)
    return {
        name: {k: float(c[j]) for k, c in zip(KEYS, columns, strict=True)}
        for j, name in enumerate([*names, "vsini"])
    }


def _bounds(posterior, bounds: dict[str, float]) -> np.ndarray:
    return np.array([bounds[name] for name in posterior.names])


def _median(draws, w) -> float:
    order = np.argsort(draws)
    at = np.cumsum(w[order])
    return float(draws[order][min(np.searchsorted(at, 0.5), len(at) - 1)])


def _cramer_rao(truth, catalogue, simulate, data) -> np.ndarray:
    """Of data and the catalogue's Gaussians together, at the truth; inf where nothing holds a parameter."""
    problem = posed(truth, catalogue, simulate, data)
    return matrix_at(problem, problem.parameters.start, "fisher").errors


def one(i: int, mode: str, simulate, after) -> tuple[dict, Weighted]:
    """Fit star number i; light and spectrum together after light alone."""
    truth, catalogue = made_up(i)
    data = observed(truth, simulate, i)
    start = time.perf_counter()
    problem = posed(guess(catalogue), catalogue, simulate, data)
    key = jax.random.fold_in(jax.random.key(77), i)
    posterior = temper(problem, key=key, after=after if mode == "joint" else None, **SETTINGS[mode])
    again = mode == "light" and bool(faults_of_runs(posterior.faults, posterior.r_hat))
    if again:
        posterior = temper(problem, key=jax.random.fold_in(key, 1), **(SETTINGS[mode] | AGAIN))
    wall = time.perf_counter() - start
    names, true = list(posterior.names), _truth(truth, problem)
    bound = dict(zip(names, _cramer_rao(truth, catalogue, simulate, data), strict=True))
    swapped = _is_swapped(posterior.labelled(true), true, names)
    if swapped:
        bound |= {
            n: bound[n.replace("[0]", "[x]").replace("[1]", "[0]").replace("[x]", "[1]")] for n in names
        }
    row = {
        "star": i,
        "commit": environment()["commit"],
        "wall_s": wall,
        "again": again,
        "faults": list(posterior.faults),
        "r_hat": None if posterior.r_hat is None else [float(x) for x in posterior.r_hat],
        "n_effective": float(posterior.n_effective.min()),
        "drift": float(np.abs(posterior.drift).max()),
        "accepted": posterior.accepted,
        "chi2": posterior.chi2,
        "n_good": posterior.n_good,
        "n_evaluations": posterior.n_evaluations,
        "log_evidence": posterior.log_evidence,
        "parameters": _row(posterior, true, bound),
    }
    return row, posterior


def _is_swapped(labelled, true, names) -> bool:
    i = names.index("spots.radius_deg[0]")
    return abs(labelled[i] - true[i]) > 1e-3


def inject(stars, modes, folder: Path) -> None:
    """Fit stars that there are no rows of yet, all kinds of data of one after the other: light is first."""
    simulators, known = {mode: simulator(mode) for mode in modes}, kept()
    for i in stars:
        paths = {mode: folder / mode / f"{i:04d}.json" for mode in modes}
        missing = {m: path for m, path in paths.items() if not (path.exists() or i in known[m])}
        if not missing:
            continue
        # The joint fit goes on from that of the light, whose row may be there, its draws are not.
        wanted = {
            m: path for m, path in paths.items() if m in missing or (m == "light" and "joint" in missing)
        }
        light = None
        for mode, path in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                row, posterior = one(i, mode, simulators[mode], light)
                light = posterior if mode == "light" else light
            except ValueError as error:
                row = {
                    "star": i,
                    "commit": environment()["commit"],
                    "wall_s": 0.0,
                    "faults": [str(error)],
                    "parameters": {},
                }
            with replacing(path) as part:
                part.write_text(json.dumps(row))
            print(mode, i, f"{row['wall_s']:.1f} s", row["faults"], flush=True)
    sum_up(folder)
