"""A fit in stages: period, starts or spots, posterior. Each is kept as it ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from dynamojax.config.fit_build import Posed, build_fit
from dynamojax.config.fit_data import Prepared
from dynamojax.config.fit_draws import Draws, gaussian_draws, nuts_draws, weighted_draws
from dynamojax.config.fit_reading import FitSettings
from dynamojax.config.fit_stages import PERIOD, Arrays, Stages
from dynamojax.inference.optimise import likely_starts, start_walk
from dynamojax.inference.period import Period, find_period
from dynamojax.inference.posterior import Laplace, laplace
from dynamojax.inference.problem import Problem
from dynamojax.inference.result import Fit
from dynamojax.inference.spots import fit_spots
from dynamojax.instruments.photometer import Photometer
from dynamojax.numerics import stream

_ENDS = ("ends", "log_posteriors", "are_converged", "are_valid", "n_steps")
Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a fit gave.

    Attributes:
        settings: Checked.
        posed: Star, simulator and data sets as they were fitted.
        fit: Its best end and all others; not valid if no start led anywhere.
        period: Found first, if it was looked for.
        bics: Of 0, 1, ... spots, where they were added one by one.
        posterior: A Gaussian about the best end; None if it was not wanted or the fit failed.
        draws: Of the posterior; likewise.
        fault: Why there are no draws although they were wanted; empty if all went well.
    """

    settings: FitSettings
    posed: Posed
    fit: Fit
    period: Period | None
    bics: tuple[float, ...]
    posterior: Laplace | None
    draws: Draws | None
    fault: str = ""

    @property
    def active(self) -> np.ndarray:
        """Places of the free parameters that were not held empty."""
        return np.flatnonzero(np.asarray(self.fit.problem.parameters.is_active))


def run_fit(settings: FitSettings, prepared: Prepared, stages: Stages, tell: Tell) -> Outcome:
    """All stages.

    Args:
        settings: Checked.
        prepared: Data sets.
        stages: Where they are kept.
        tell: Is told of each stage as it begins.

    Raises:
        ValueError: a parameter, a bound or a start that is not possible.
    """
    period = _period(settings, prepared, stages, tell)
    posed = build_fit(settings, prepared, None if period is None else period.value)
    problem, key = posed.problem, jax.random.key(settings["fit"]["seed"])
    if settings["fit"]["spots"] == "greedy":
        fit, bics = _greedy(settings, posed, stages, tell, key)
    else:
        fit, bics = _from_starts(settings["fit"], problem, stages, tell, key), ()
    posterior, draws, fault = None, None, ""
    if fit.is_valid and settings["posterior"]["method"] != "none":
        tell("posterior: curvature at the best end")
        posterior = laplace(fit)
        try:
            draws = _draws(settings, fit, posterior, stages, tell, stream(key, "posterior"))
        except ValueError as error:  # the fit is there all the same, and is written
            fault = f"posterior.method = {settings['posterior']['method']!r} failed: {error}"
            tell(fault)
    return Outcome(settings, posed, fit, period, bics, posterior, draws, fault)


def _draws(settings: FitSettings, fit: Fit, posterior: Laplace, stages: Stages, tell: Tell, key) -> Draws:
    table = settings["posterior"]
    if table["method"] == "nuts":
        return nuts_draws(fit, table, stages, tell, key)
    if table["method"] in ("importance", "temper"):
        return weighted_draws(fit, table["method"], stages, tell, key)
    return gaussian_draws(posterior, table, settings["fit"]["seed"])


def _period(settings: FitSettings, prepared: Prepared, stages: Stages, tell: Tell) -> Period | None:
    table = settings["fit"]
    if not table["find_period"]:
        return None
    one = next(d for d in prepared.data if isinstance(d.instrument, Photometer))
    good = np.asarray(one.good)[0]
    bounds = [(t["low"], t["high"]) for t in settings["free"] if t["name"] == "star.prot"]
    lows, highs = zip((table["period_low"], table["period_high"]), *bounds, strict=True)
    # Where both are given: a period outside the bounds could not be the start of a fit.
    low = max((x for x in lows if x is not None), default=None)
    high = min((x for x in highs if x is not None), default=None)
    high = None if high is None else min(high, float(np.ptp(one.instrument.times[good])))
    columns = one.instrument.times, np.asarray(one.values)[0], np.asarray(one.errors)[0]

    def make() -> Arrays:
        tell(f"period of {one.name}")
        cut = (x[good] for x in columns)
        return vars(find_period(*cut, low=low, high=high))

    return Period(**{name: float(x) for name, x in stages(PERIOD, make).items()})


def _greedy(settings: FitSettings, posed: Posed, stages: Stages, tell: Tell, key) -> tuple[Fit, tuple]:
    table = settings["fit"]

    def recall(n: int, problem: Problem, make: Callable[[], Fit]) -> Fit:
        def kept() -> Arrays:
            tell(f"fit with {n} spot{'s' * (n > 1)}")
            return {name: getattr(fit, name) for fit in [make()] for name in _ENDS}

        return _as_fit(problem, [stages(f"spots_{n:03d}", kept)])

    found = fit_spots(
        posed.system,
        posed.simulator,
        posed.prepared.data,
        posed.free,
        key=stream(key, "spots"),
        ties=posed.ties,
        least_gain=table["least_gain"],
        n_starts=table["starts"],
        n_candidates=table["candidates"] or 256,
        max_steps=table["steps"],
        method=table["method"],
        recall=recall,
    )
    return found.fit, found.bics


def _from_starts(table: dict, problem: Problem, stages: Stages, tell: Tell, key) -> Fit:
    """The given start and the best candidates, a batch at a time."""
    n, batch = table["starts"], table["batch"]
    n_candidates = max(table["candidates"] or 16 * n, n - 1)

    def candidates() -> Arrays:
        tell("candidates for starts")
        sizes = {"n_starts": n, "n_candidates": n_candidates}
        return {"values": np.asarray(likely_starts(problem, key=stream(key, "starts"), **sizes))}

    starts = stages("candidates", candidates)["values"]
    parts = []
    for first in range(0, n, batch):
        walk = partial(_walk, table, problem, starts[first : first + batch], tell, first)
        parts.append(stages(f"starts_{first:04d}", walk))
    return _as_fit(problem, parts)


def _walk(table: dict, problem: Problem, starts: np.ndarray, tell: Tell, first: int) -> Arrays:
    tell(f"starts {first + 1} to {first + len(starts)} of {table['starts']}")
    fit = start_walk(problem, jnp.asarray(starts), method=table["method"], max_steps=table["steps"])
    return {name: getattr(fit, name) for name in _ENDS}


def _as_fit(problem: Problem, parts: Sequence[Arrays]) -> Fit:
    """A fit of kept ends."""
    ends = {name: np.concatenate([part[name] for part in parts]) for name in _ENDS}
    return Fit.of_ends(problem, **ends)
