"""The posterior by tempering: particles of the prior to which the likelihood is given little by little.

A population that begins as wide as the prior stays spread along curved ridges and over all maxima while the
likelihood narrows them, where walks that begin at a maximum never reach the ends.
Source: Del Moral, Doucet & Jasra (2006, J. R. Stat. Soc. B 68, 411); powers by the effective number.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from scipy.special import logsumexp

from dynamojax.inference.comoving import Comoving
from dynamojax.inference.ensemble import Proposal, Walkers, begun, moved
from dynamojax.inference.mixture import Mixture, refitted
from dynamojax.inference.modes import log_densities, prior_draws, relabelled, search
from dynamojax.inference.problem import Problem
from dynamojax.inference.result import Fit
from dynamojax.inference.standard import Standard
from dynamojax.inference.weighted import (
    Weighted,
    bent,
    declared,
    least_squares,
    of_walks,
    prior_widths,
)
from dynamojax.numerics import stream

_KEPT = 0.5  # share of the particles that stays effective from one power to the next
_DEGREES = 8.0
_MOST_STAGES = 120
_COUNTS = 0.02  # of the best run's evidence, below which a run is one that got stuck


def temper(
    fit: Fit | Problem,
    *,
    key: Key[Array, ""],
    n_runs: int = 4,
    n_particles: int = 256,
    n_moves: int = 20,
    n_last: int = 8,
    n_components: int = 12,
    n_starts: int = 64,
) -> Weighted:
    """Draw from a posterior of curved ridges and many maxima, by tempering from the prior: slow and thorough.

    Runs that know nothing of each other are weighted by the evidence that each finds, so that one that got
    stuck at a lower maximum counts for nothing; how far the others differ says whether they mixed. Least
    squares from many starts look for a maximum that is far higher than all draws, which would be a fault.

    Args:
        fit: A fit, or a problem as `pose` makes it; its start does not matter. Priors should be proper:
            bounds, or a `Normal`; angles go round by themselves.
        key: Of all draws.
        n_runs: At least two, or nothing is known of their mixing.
        n_particles: Of each run, an even number.
        n_moves: Steps of each after every rise of the likelihood's power.
        n_last: So many times as many at the end; the second half is kept.
        n_components: Of the mixture that jumps are drawn from.
        n_starts: Of the least squares, each the best of 64 draws of the prior.

    Raises:
        ValueError: no particle is valid, or the likelihood is too narrow for the stages there may be.
    """
    comoving = Comoving.of(Standard.of(fit.problem if isinstance(fit, Fit) else fit))
    settings = {"n_moves": n_moves, "n_last": n_last, "n_components": n_components}
    settings |= {"n_particles": n_particles}
    keys = jax.random.split(stream(key, "runs"), n_runs)
    runs = [tempered(comoving, key=one, **settings) for one in keys]
    seed = int(jax.random.randint(stream(key, "draws"), (), 0, 2**31 - 1))
    best = best_end(comoving.standard, n_starts, stream(key, "starts"))
    return _together(comoving, runs, best[0], seed)


def best_end(standard: Standard, n_starts: int, key: Key[Array, ""]) -> tuple[float, float]:
    """Of the highest maximum that least squares find: ln density in standard coordinates, and chi square."""
    settings = {"n_starts": n_starts, "n_candidates": 64 * n_starts, "max_steps": 60}
    start = standard.outside(standard.problem.parameters.start)
    ends = search(standard, np.asarray(start)[None], key=key, **settings)
    i = int(np.argmax(ends.log_density))
    return float(ends.log_density[i]), float(least_squares(standard, jnp.asarray(ends.z[i], start.dtype)))


def _together(comoving: Comoving, runs: list["Tempered"], best_there: float, seed: int) -> Weighted:
    """All runs by their evidence, labelled after the best draw of all."""
    standard, n_steps = comoving.standard, len(runs[0].z) // 2
    y = np.stack([run.z[n_steps:] for run in runs])
    log = np.stack([(run.likelihood + run.prior)[n_steps:] for run in runs])
    evidences = np.array([run.log_evidence for run in runs])
    share = np.exp(evidences - logsumexp(evidences))
    z = bent(comoving, y.reshape(-1, y.shape[-1]))
    best = z[int(np.argmax(log))]
    z = relabelled(z, standard, best)
    draws = declared(standard, z).reshape(*log.shape, -1)
    weights = np.broadcast_to(share[:, None, None] / log[0].size, log.shape).ravel()
    counts = [run for run in range(len(runs)) if share[run] > _COUNTS * share.max()]
    checks = [of_walks(draws[run].reshape(log[0].size, -1), weights, log[0].shape) for run in counts]
    worst = np.argmax([np.abs(drift).max() for _, drift in checks])
    dtype = standard.problem.parameters.start.dtype
    squares = float(least_squares(standard, jnp.asarray(best, dtype)))
    top = z[np.argsort(np.stack([run.likelihood[n_steps:] for run in runs]).ravel())[-256:]]
    there = np.asarray(log_densities(standard, jnp.asarray(top, dtype)))
    return Weighted(
        *(standard, standard.names, draws.reshape(log.size, -1), weights, log.ravel(), z, best),
        *(declared(standard, best[None]), np.ones(1), np.nan, sum(n for n, _ in checks), checks[worst][1]),
        *(runs[0].accepted, float(logsumexp(evidences) - np.log(len(runs))), squares),
        *(standard.problem.study.n_good, len(counts), sum(run.n_evaluations for run in runs)),
        *(prior_widths(standard), seed, between(draws[counts])),
        best_there - float(there.max()),
    )


def between(draws: np.ndarray) -> np.ndarray:
    """Nested R-hat of each parameter, (n_runs, n_steps, n_particles, n) (Margossian et al. 2024)."""
    if len(draws) < 2:
        return np.full(draws.shape[-1], np.inf)
    inside = np.mean(draws.var((1, 2)), axis=0)
    return np.sqrt(1 + draws.mean((1, 2)).var(0, ddof=1) / inside)


class Tempered(NamedTuple):
    """Particles of a posterior.

    Attributes:
        z: Comoving coordinates after each of the last steps, (n_steps, n_particles, m).
        likelihood: ln likelihood there.
        prior: ln prior density there.
        log_evidence: ln of the probability of the data.
        powers: Of the likelihood, from stage to stage.
        accepted: Share of the last steps.
        n_evaluations: Of the likelihood.
    """

    z: np.ndarray
    likelihood: np.ndarray
    prior: np.ndarray
    log_evidence: float
    powers: tuple[float, ...]
    accepted: float
    n_evaluations: int


def tempered(
    comoving: Comoving,
    *,
    key: Key[Array, ""],
    n_particles: int,
    n_moves: int,
    n_last: int,
    n_components: int,
) -> Tempered:
    """From the prior to the posterior: every stage moves all particles, at the end `n_last` times as long."""
    seed = int(jax.random.randint(stream(key, "host"), (), 0, 2**31 - 1))
    rng, dtype = np.random.default_rng(seed), comoving.standard.problem.parameters.start.dtype
    draws = prior_draws(comoving.standard, n_particles, key=stream(key, "prior"))
    walkers, powers, evidence = begun(comoving, _straightened(comoving, draws)), [0.0], 0.0
    kept, shares, n = [], [], 0
    while len(kept) < n_last and n < _MOST_STAGES:
        if powers[-1] < 1:
            power, weights, gain = _raised(walkers, powers[-1])
            powers, evidence = [*powers, power], evidence + gain
        else:
            weights = np.full(n_particles, 1 / n_particles)
        chosen = _resampled(weights, rng)
        walkers = Walkers(*(x[chosen] for x in walkers))
        mixture = _proposal(np.asarray(walkers.z, np.float64), comoving, n_components, rng)
        steps, share = moved(
            comoving,
            Proposal.of(mixture, dtype),
            walkers,
            jnp.asarray(powers[-1], dtype),
            n_steps=n_moves,
            key=jax.random.fold_in(stream(key, "moves"), n),
        )
        walkers, n = Walkers(*(x[-1] for x in steps)), n + 1
        if powers[-1] == 1:
            kept.append(np.asarray(steps.z, np.float64))
            shares.append([np.asarray(steps.likelihood, np.float64), np.asarray(steps.prior, np.float64)])
    if not kept:
        raise ValueError(f"the likelihood has the power {powers[-1]:.3g} after {n} stages; narrow the prior")
    likelihood, prior = (np.concatenate(x) for x in zip(*shares, strict=True))
    count = n_particles * (1 + n * n_moves)
    return Tempered(np.concatenate(kept), likelihood, prior, evidence, tuple(powers), float(share), count)


def _raised(walkers: Walkers, power: float) -> tuple[float, np.ndarray, float]:
    """The next power, the weights it asks for and what it adds to the ln evidence."""
    log = np.asarray(walkers.likelihood, np.float64)
    log = np.where(np.isfinite(log), log, -np.inf)
    if not np.isfinite(log.max()):
        raise ValueError("no particle of the prior is valid: all are off the grid; narrow the bounds")
    step = _next(log, 1.0 - power)
    excess = step * (log - log.max())
    gain = logsumexp(excess) - np.log(len(log)) + step * log.max()
    return (1.0 if power + step > 1 - 1e-6 else power + step), np.exp(excess - logsumexp(excess)), float(gain)


@jax.jit
def _straightened(comoving: Comoving, z: Array) -> Array:
    return jax.vmap(comoving.to)(z)


def _next(log: np.ndarray, most: float) -> float:
    """The largest step in power that leaves so many particles effective."""
    excess = log - log.max()

    def effective(step):
        w = np.exp(step * excess)
        return w.sum() ** 2 / np.sum(w**2) / len(w)

    if effective(most) >= _KEPT:
        return most
    low, high = 0.0, most
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if effective(middle) >= _KEPT else (low, middle)
    return max(low, 1e-7)


def _resampled(weights: np.ndarray, rng) -> np.ndarray:
    """Systematic, in random order, so that both halves of an ensemble see all."""
    n = len(weights)
    ends = np.cumsum(weights)
    chosen = np.searchsorted(ends / ends[-1], (np.arange(n) + rng.uniform()) / n)
    return rng.permutation(np.minimum(chosen, n - 1))


def _proposal(z: np.ndarray, comoving: Comoving, n_components: int, rng) -> Mixture:
    """Fitted to the particles, from centres among them."""
    is_round, n = comoving.standard.is_round, z.shape[1]
    width = z.std(0) + 1e-9
    centres = z[rng.choice(len(z), n_components, replace=False)]
    wide = np.tile(np.diag(width**2), (n_components, 1, 1)) * n_components ** (-2 / n)
    begin = Mixture.of(np.ones(n_components), centres, wide, _DEGREES, is_round)
    return refitted(begin, z, np.ones(len(z)), n_steps=5)
