"""The one call that fits: stars, data and what is free in; the best point and how it was found out."""

from collections.abc import Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dynamojax.inference.data import DataSet
from dynamojax.inference.likelihood import Study, key_of
from dynamojax.inference.parameters import Parameters
from dynamojax.inference.priors import Free
from dynamojax.inference.problem import Problem
from dynamojax.inference.result import Fit
from dynamojax.inference.solvers import LEAST_SQUARES, SOLVERS, End, ended
from dynamojax.inference.spans import boxes
from dynamojax.instruments.photometer import Photometer
from dynamojax.numerics import stream
from dynamojax.simulate import Simulator
from dynamojax.system import System

_ANGLES_ROUND = ("lon", "omega", "obliquity")
ENOUGH = 1e-3
_OF_NOISE = {"gaussian": (), "student": ("dof",), "correlated": ("gp_sigma", "gp_rho", "gp_width")}


def pose(
    system: System | Mapping[str, System],
    simulate: Simulator | Mapping[str, Simulator],
    data: Sequence[DataSet] | Mapping[str, Sequence[DataSet]],
    free: Sequence[Free | str],
    ties: Mapping[str, str] | None = None,
) -> Problem:
    """A problem from systems, simulators and data, of one star or by name of the star; checked on the host.

    Raises:
        ValueError: an unknown name, bounds beyond the grid, a start outside them, data no simulator makes.
    """
    systems = {"": system} if isinstance(system, System) else dict(system)
    simulators = {"": simulate} if isinstance(simulate, Simulator) else dict(simulate)
    sets = {k: tuple(v) for k, v in data.items()} if isinstance(data, Mapping) else {"": tuple(data)}
    if set(systems) != set(simulators) or set(systems) != set(sets) or not any(sets.values()):
        raise ValueError(
            f"systems {sorted(systems)}, simulators {sorted(simulators)} and data {sorted(sets)} must have "
            "the same stars, and data there must be"
        )
    if not free:
        raise ValueError("free is empty; name at least one parameter that may change")
    scene: dict = dict(systems)
    for star, of_star in sets.items():
        for one in of_star:
            _check_instrument(simulators[star], one)
            if key_of(star, one) in scene:
                raise ValueError(
                    f"two data sets are called {key_of(star, one)!r}; name their instruments apart"
                )
            scene[key_of(star, one)] = one.nuisance
    parameters = Parameters.choose(scene, free, ties, boxes(simulators, systems))
    for star, of_star in sets.items():
        for one in of_star:
            _check_nuisances(key_of(star, one), one, parameters)
    return Problem(Study(simulators, sets), parameters)


def _check_instrument(simulator: Simulator, data: DataSet) -> None:
    known = {**simulator.photometers, **simulator.spectrographs}
    if known.get(data.name) != data.instrument:
        raise ValueError(
            f"data set {data.name!r} was not taken at the times or pixels of the simulator's instruments "
            f"({', '.join(known)}); build the simulator with data.instrument"
        )


def _check_nuisances(key: str, data: DataSet, parameters: Parameters) -> None:
    """That what is free of a data set has a part in its likelihood."""
    effective = {"jitter", *_OF_NOISE[data.noise]}
    if isinstance(data.instrument, Photometer):
        effective -= {"gp_width"}
    else:
        effective = (effective | {"velocity"}) - {"gp_rho"}
    for name, place in zip(parameters.names, parameters.places, strict=True):
        if place[0] == key and not place[1] and place[2] not in effective:
            raise ValueError(
                f"{name} has no effect on data with noise = {data.noise!r}; free may be "
                f"{', '.join(f'{key}.{x}' for x in sorted(effective))}"
            )


def fit(
    system: System | Mapping[str, System],
    simulate: Simulator | Mapping[str, Simulator],
    data: Sequence[DataSet] | Mapping[str, Sequence[DataSet]],
    free: Sequence[Free | str],
    *,
    key: Key[Array, ""],
    ties: Mapping[str, str] | None = None,
    method: str = "auto",
    n_starts: int = 1,
    n_candidates: int | None = None,
    max_steps: int = 200,
) -> Fit:
    """The most probable free parameters of a system, from where it stands and from other starts.

    Args:
        system: Start of what is free, value of what is fixed; or systems by name.
        simulate: With the instruments of the data; or simulators by name.
        data: Data sets; or by name of the system.
        free: What may change, with bounds and priors.
        key: For the starts.
        ties: What follows something else: {"b.star.feh": "a.star.feh"}.
        method: levenberg_marquardt (white Gaussian noise of known size), optimistix (its least squares), bfgs
            or adam (any); auto takes the first where it can, else bfgs.
        n_starts: The system's own, and the best of the candidates; all in one batch.
        n_candidates: Drawn between the bounds, 16 for each start if left out.
        max_steps: Of each.

    Returns:
        The best of the ends; every other is in it, converged or not.

    Raises:
        ValueError: as in `pose`, or an unknown method.
    """
    problem = pose(system, simulate, data, free, ties)
    settings = {"method": method, "n_starts": n_starts, "n_candidates": n_candidates, "max_steps": max_steps}
    return solve([problem], keys=[key], **settings)[0]


def fit_many(
    systems: Sequence[System],
    simulate: Simulator,
    data: Sequence[Sequence[DataSet]],
    free: Sequence[Free | str],
    *,
    key: Key[Array, ""],
    ties: Mapping[str, str] | None = None,
    method: str = "auto",
    n_starts: int = 1,
    n_candidates: int | None = None,
    max_steps: int = 200,
    batch_size: int | None = None,
) -> list[Fit]:
    """`fit` of many stars observed at the same times and pixels, in one batched call; a failure stays alone.

    Args:
        systems: One for each star.
        simulate: For all of them.
        data: Data sets of each star.
        free: As in `fit`.
        key: Of all; each star's comes from its place.
        ties: As in `fit`.
        method: As in `fit`.
        n_starts: As in `fit`.
        n_candidates: As in `fit`.
        max_steps: As in `fit`.
        batch_size: Stars together, all if left out; bounds the memory.
    """
    problems = [pose(system, simulate, sets, free, ties) for system, sets in zip(systems, data, strict=True)]
    keys = [jax.random.fold_in(key, i) for i in range(len(problems))]
    settings = {"method": method, "n_starts": n_starts, "n_candidates": n_candidates, "max_steps": max_steps}
    return solve(problems, keys=keys, batch_size=batch_size, **settings)


def solve(
    problems: Sequence[Problem],
    *,
    keys: Sequence[Key[Array, ""]],
    method: str = "auto",
    n_starts: int = 1,
    n_candidates: int | None = None,
    max_steps: int = 200,
    batch_size: int | None = None,
) -> list[Fit]:
    """Problems that differ in numbers only, all at once."""
    method = _method(problems[0], method)
    n_candidates = 16 * n_starts if n_candidates is None else n_candidates
    if n_starts < 1 or (n_starts > 1 and n_candidates < n_starts - 1):
        raise ValueError(
            f"n_starts = {n_starts}, n_candidates = {n_candidates}: at least 1, and as many less 1"
        )
    simulators = problems[0].study.simulators
    if len({jax.tree.structure((p.study.data, p.parameters)) for p in problems}) > 1:
        raise ValueError(
            "the stars' data sets differ in more than numbers: times, pixels, noise or free names; fit "
            "those that are alike together"
        )
    data = jax.tree.map(lambda *x: jnp.stack(x), *[p.study.data for p in problems])
    parameters = jax.tree.map(lambda *x: jnp.stack(x), *[p.parameters for p in problems])
    sizes = {"n_starts": n_starts, "n_candidates": n_candidates}
    batch = batch_size or len(problems)
    starts = _starts(simulators, data, parameters, jnp.stack(keys), batch_size=batch, **sizes)
    ends = _walk(simulators, data, parameters, starts, method=method, max_steps=max_steps, batch_size=batch)
    return [Fit.of(problem, jax.tree.map(lambda x, i=i: x[i], ends)) for i, problem in enumerate(problems)]


@jax.jit
def log_posteriors(problem: Problem, values: Float[Array, "n_candidates n"]) -> Float[Array, " n_candidates"]:
    """Of values in canonical units, a few at a time."""
    return jax.lax.map(problem.log_posterior, values, batch_size=8)


def start_walk(problem: Problem, values: Float[Array, "n_starts n"], *, method: str, max_steps: int) -> Fit:
    """From values of one's own, in canonical units."""
    starts = jax.vmap(problem.parameters.on_line)(values)
    data, parameters, starts = jax.tree.map(
        lambda x: x[None], (problem.study.data, problem.parameters, starts)
    )
    method = _method(problem, method)
    settings = {"method": method, "max_steps": max_steps, "batch_size": 1}
    ends = _walk(problem.study.simulators, data, parameters, starts, **settings)
    return Fit.of(problem, jax.tree.map(lambda x: x[0], ends))


def _method(problem: Problem, method: str) -> str:
    if method == "auto":
        return "levenberg_marquardt" if problem.is_least_squares else "bfgs"
    if method not in SOLVERS:
        raise ValueError(f"method = {method!r}, allowed: auto, {', '.join(SOLVERS)}")
    if method in LEAST_SQUARES and not problem.is_least_squares:
        raise ValueError(
            f"method = {method!r} is for white Gaussian noise of known size and Gaussian or flat priors; "
            "take bfgs or adam"
        )
    return method


def drawn(parameters: Parameters, n: int, *, key: Key[Array, ""]) -> Float[Array, "n_candidates n"]:
    """Candidates: uniform in intervals and round the circle, else about the start. [canonical units]"""
    bounds, start = parameters.bounds, parameters.start
    share = jax.random.uniform(stream(key, "share"), (n, start.size), start.dtype, 0.02, 0.98)
    about = jax.random.normal(stream(key, "about"), (n, start.size), start.dtype)
    rows = []
    for i, (kind, place) in enumerate(zip(bounds.kinds, parameters.places, strict=True)):
        if kind == "interval":
            rows.append(bounds.low[i] + (bounds.high - bounds.low)[i] * share[:, i])
        elif kind == "line":
            width = 2 * jnp.pi * (share[:, i] - 0.5) if place[2] in _ANGLES_ROUND else about[:, i]
            rows.append(start[i] + width)
        else:
            end = bounds.low[i] if kind == "above" else bounds.high[i]
            rows.append(end + (start[i] - end) * jnp.exp(about[:, i]))
    return jnp.where(parameters.is_active, jnp.stack(rows, axis=1), start)


@partial(jax.jit, static_argnames=("n_starts", "n_candidates"))
def likely_starts(
    problem: Problem, *, key: Key[Array, ""], n_starts: int, n_candidates: int
) -> Float[Array, "n_starts n"]:
    """Where to walk from: the scene's values, then the most probable of the candidates. [canonical units]"""
    first = problem.parameters.start[None]
    if n_starts == 1:
        return first
    values = drawn(problem.parameters, n_candidates, key=key)
    log = log_posteriors(problem, values)
    best = jnp.argsort(jnp.where(jnp.isfinite(log), -log, jnp.inf))[: n_starts - 1]
    return jnp.concatenate([first, values[best]])


@partial(jax.jit, static_argnames=("n_starts", "n_candidates", "batch_size"))
def _starts(simulators, data, parameters, keys, *, n_starts: int, n_candidates: int, batch_size: int):
    """Points of the real line to start from."""

    def one(given):
        data, parameters, key = given
        problem = Problem(Study(simulators, data), parameters)
        values = likely_starts(problem, key=key, n_starts=n_starts, n_candidates=n_candidates)
        return jax.vmap(parameters.on_line)(values)

    return jax.lax.map(one, (data, parameters, keys), batch_size=batch_size)


@partial(jax.jit, static_argnames=("method", "max_steps", "batch_size"))
def _walk(simulators, data, parameters, starts, *, method: str, max_steps: int, batch_size: int) -> End:
    """All starts of all stars to their ends."""

    def one(given):
        data, parameters, starts = given
        problem = Problem(Study(simulators, data), parameters)

        def walk(start):
            # A marginal likelihood is no sum of squares to the last digit, and the slope in noise has its
            # own scale: hence the factor.
            return ended(problem, SOLVERS[method](problem, start, max_steps, ENOUGH), 10 * ENOUGH)

        return jax.vmap(walk)(starts)

    return jax.lax.map(one, (data, parameters, starts), batch_size=batch_size)
