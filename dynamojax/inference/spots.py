"""Spots one after another, until another is not worth its parameters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from dynamojax.inference.data import DataSet
from dynamojax.inference.optimise import drawn, log_posteriors, pose, start_walk
from dynamojax.inference.priors import Free
from dynamojax.inference.problem import Problem
from dynamojax.inference.result import Fit
from dynamojax.numerics import stream
from dynamojax.simulate import Simulator
from dynamojax.system import System


@dataclass(frozen=True, eq=False)
class SpotFit:
    """The number of spots that the data ask for.

    Attributes:
        fit: With that many; places beyond them are empty.
        n_spots: That number.
        bics: Bayesian information criterion of 0, 1, ... spots, the last one tried too.
        fits: Of 1, 2, ... spots.
    """

    fit: Fit
    n_spots: int
    bics: tuple[float, ...]
    fits: tuple[Fit, ...]


def fit_spots(
    system: System,
    simulate: Simulator,
    data: Sequence[DataSet],
    free: Sequence[Free | str],
    *,
    key: Key[Array, ""],
    ties: Mapping[str, str] | None = None,
    least_gain: float | int = 10.0,
    n_starts: int = 4,
    n_candidates: int = 256,
    max_steps: int = 100,
    method: str = "auto",
    recall: Callable[[int, Problem, Callable[[], Fit]], Fit] | None = None,
) -> SpotFit:
    """Add spots greedily, as long as each lowers the BIC by `least_gain`.

    Each new spot is sought among candidates drawn between its bounds, the others as they are; then all
    is fitted together, from the best few. One compiled program serves all numbers of spots.

    Args:
        system: Its spots' places are the most that may be; what is there is where each spot's fixed
            parameters and, for candidates, free ones begin.
        simulate: As in `fit`.
        data: As in `fit`.
        free: As in `fit`; of spots, whole leaves ("spots.lat_deg", not one spot's), the radius among them.
        key: For the candidates.
        ties: As in `fit`.
        least_gain: In BIC; 10 is decisive (Kass & Raftery 1995), 0 takes every gain.
        n_starts: Walks for each number of spots.
        n_candidates: For each new spot.
        max_steps: Of each walk.
        method: As in `fit`.
        recall: Given a number of spots, its problem and what fits it, returns the fit: where fits that
            were begun earlier are kept, it need not make them again.

    Raises:
        ValueError: as in `fit`, or spots' radii that are not free.
    """
    problem = pose(system, simulate, data, free, ties)
    numbers = np.array([p[3] if p[1] == "spots" else -1 for p in problem.parameters.places])
    radii = [i for i, p in enumerate(problem.parameters.places) if p[1:3] == ("spots", "radius")]
    if len(radii) != system.spots.n_spots:
        raise ValueError("free must name spots.radius, of all spots: where there is no spot it is held at 0")
    values = np.asarray(problem.parameters.start)
    empty = _held(problem, values, numbers, 0)
    bics, fits = [_bic_without(empty)], []
    for n in range(1, system.spots.n_spots + 1):
        held = _held(problem, values, numbers, n)
        settings = n_starts, n_candidates, max_steps, method, jax.random.fold_in(key, n)
        make = partial(_with_one_more, held, values, numbers, n, *settings)
        fit = make() if recall is None else recall(n, held, make)
        bics.append(fit.bic if fit.is_valid else np.inf)
        if not bics[-1] < bics[-2] - least_gain:
            break
        fits.append(fit)
        values = np.where(np.asarray(held.parameters.is_active), np.asarray(fit.canonical), values)
    if not fits:
        raise ValueError(f"no spot is worth its parameters: BIC {bics[0]:.1f}, {bics[1]:.1f} with one")
    return SpotFit(fits[-1], len(fits), tuple(map(float, bics)), tuple(fits))


def _held(problem: Problem, values: np.ndarray, numbers: np.ndarray, n: int) -> Problem:
    """Spots from the n-th on are empty and held, all else starts from the values."""
    parameters = problem.parameters
    scene = parameters.put(jnp.asarray(values))
    radius = scene[""].spots.radius
    radius = jnp.where(jnp.arange(radius.size) < n, radius, 0)
    scene = eqx.tree_at(lambda s: s[""].spots.radius, scene, radius)
    is_active = jnp.asarray(numbers < n if n else np.zeros(numbers.size, bool))
    return eqx.tree_at(lambda p: (p.parameters.scene, p.parameters.is_active), problem, (scene, is_active))


def _bic_without(problem: Problem) -> float:
    return float(-2 * log_posteriors(problem, problem.parameters.start[None])[0])


def _with_one_more(problem, values, numbers, n, n_starts, n_candidates, max_steps, method, key) -> Fit:
    """All of n spots fitted, the last one begun where candidates say."""
    parameters, is_new = problem.parameters, numbers == n - 1
    draws = np.array(drawn(parameters, n_candidates, key=stream(key, "candidates")))
    share = np.asarray(jax.random.uniform(stream(key, "radius"), (n_candidates,)))
    low, high = np.asarray(parameters.bounds.low), np.asarray(parameters.bounds.high)
    for i, place in enumerate(parameters.places):
        if is_new[i] and place[2] == "radius":  # small spots are the more, and the safer, ones
            least = max(low[i], 0.02 * high[i])
            draws[:, i] = least * (high[i] / least) ** (0.98 * share)
    draws = np.where(is_new, draws, values).astype(draws.dtype)
    log = np.asarray(log_posteriors(problem, jnp.asarray(draws)))
    best = np.argsort(np.where(np.isfinite(log), -log, np.inf))[:n_starts]
    return start_walk(problem, jnp.asarray(draws[best]), method=method, max_steps=max_steps)
