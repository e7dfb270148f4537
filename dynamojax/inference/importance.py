"""The posterior by adaptive importance sampling over all maxima, then by walkers; with diagnostics.

Proposals are mixtures of Student's distributions, begun at every maximum that many blind starts find and
fitted again to what has been drawn; all draws of all rounds count, each by the density of all proposals
together (Veach & Guibas 1995, SIGGRAPH; Cornuet et al. 2012, Scand. J. Stat. 39, 798). While weights are
too uneven they are flattened for the next fit (Koblents & Miguez 2015, Stat. Comput. 25, 407). The largest
weights are smoothed and judged by their Pareto shape (Vehtari et al. 2024, JMLR 25, 72). Ends of curved
ridges, which such weights miss first, are reached by walkers that start from resampled draws; by how much
the walkers still drift is a diagnostic of its own.
"""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from scipy.special import logsumexp

from dynamojax.inference.comoving import Comoving, with_slopes
from dynamojax.inference.ensemble import Proposal, begun, moved
from dynamojax.inference.labels import relabelled
from dynamojax.inference.mixture import Mixture, refitted, split
from dynamojax.inference.modes import Ends, distinct, hits, log_densities, search
from dynamojax.inference.problem import Problem
from dynamojax.inference.result import Fit
from dynamojax.inference.standard import Standard
from dynamojax.inference.weighted import (
    LARGEST_SHAPE,
    Weighted,
    bent,
    declared,
    least_squares,
    of_walks,
    prior_widths,
)
from dynamojax.numerics import stream

_DEPTH = 12.0  # in ln evidence: maxima less probable by more are left out
_MOST_MODES = 8
_FLATTEST = 0.8  # power of the weights that proposals are fitted to, so that they reach beyond the draws
_FITTED = 4096  # draws that proposals are fitted to


def importance(
    fit: Fit | Problem,
    *,
    key: Key[Array, ""],
    n_starts: int = 64,
    n_candidates: int = 4096,
    max_steps: int = 60,
    n_draws: int = 4096,
    n_rounds: int = 15,
    n_components: int = 16,
    enough: float | int = 1500.0,
    n_walkers: int = 512,
    n_moves: int = 120,
) -> Weighted:
    """Draw from all maxima of a posterior.

    Priors should be proper: bounds, or a `Normal`; angles go round by themselves.

    Args:
        fit: A fit, whose ends are among the starts, or a problem as `pose` makes it.
        key: Of all draws.
        n_starts: Blind starts beside those given; again so many, up to five times, until three walks have
            ended at the best maximum.
        n_candidates: Drawn from the prior; each start is the most probable one of its share.
        max_steps: Of each walk.
        n_draws: In each round.
        n_rounds: At most; more follow each other until `enough` is reached and the Pareto shape is good.
        n_components: Of the proposals.
        enough: Effective draws of the rounds.
        n_walkers: An even number.
        n_moves: Steps of the walkers, of which the last half are kept; 0 for importance sampling alone.

    Raises:
        ValueError: no start leads anywhere, or an odd number of walkers.
    """
    if n_walkers % 2:
        raise ValueError(
            f"n_walkers {n_walkers}: an even number, one half moves along the other's differences"
        )
    problem = fit.problem if isinstance(fit, Fit) else fit
    standard = Standard.of(problem)
    starts = np.array([standard.outside(jnp.asarray(v)) for v in _given(fit)])
    settings = {"n_starts": n_starts, "n_candidates": n_candidates, "max_steps": max_steps}
    ends = search(standard, starts, key=stream(key, "starts"), **settings)
    modes, evidence = distinct(ends, standard, _DEPTH)
    modes, evidence = Ends(*(x[:_MOST_MODES] for x in modes)), evidence[:_MOST_MODES]
    seed = int(jax.random.randint(stream(key, "draws"), (), 0, 2**31 - 1))
    rng = np.random.default_rng(seed)
    comoving = Comoving.of(standard)
    run = _Run(comoving, _first(modes, evidence, comoving), rng, n_draws, n_components)
    for _ in range(n_rounds):
        run.more()
        if run.n_effective > enough and run.k_hat < LARGEST_SHAPE - 0.1:
            break
    walks = _walks(run, n_walkers, n_moves, stream(key, "moves")) if n_moves else None
    return _result(run, walks, modes, hits(ends), seed)


def _given(fit: Fit | Problem) -> list[np.ndarray]:
    if isinstance(fit, Problem):
        return [np.asarray(fit.parameters.start)]
    units = np.array(fit.problem.parameters.units)
    return [end * units for end, fine in zip(fit.ends, fit.are_valid, strict=True) if fine]


def _first(modes: Ends, evidence: np.ndarray, comoving: Comoving) -> Mixture:
    """Laplace approximations, a little wide, weighted by the root of the evidence: a guess."""
    dtype = comoving.standard.problem.parameters.start.dtype
    centres, slopes = (np.asarray(x, np.float64) for x in with_slopes(comoving, jnp.asarray(modes.z, dtype)))
    identity = np.eye(centres.shape[1])
    covariances = slopes @ np.linalg.inv(modes.precision + 1e-6 * identity) @ slopes.transpose(0, 2, 1)
    covariances = 0.5 * (covariances + covariances.transpose(0, 2, 1)) + 1e-10 * identity
    weights = np.exp(0.5 * (evidence - evidence.max()))
    return Mixture.of(weights, centres, 1.2 * covariances, comoving.standard.is_round)


class _Run:
    """Rounds of draws so far; proposals are refitted after each."""

    def __init__(self, comoving, mixture, rng, n_draws, n_components):
        self.comoving, self.standard = comoving, comoving.standard
        self.mixture, self.rng = mixture, rng
        self.n_draws, self.n_components = n_draws, n_components
        self.proposals, n = [], len(self.standard.active)
        self.z, self.log, self.dense = np.zeros((0, n)), np.zeros(0), np.zeros(0)
        self.log_weights, self.weights, self.k_hat, self.n_effective = self.log, self.log, np.inf, 0.0

    def more(self) -> None:
        """One more round."""
        if self.proposals:
            self._adapt()
        z, kept = self.mixture.draw(self.n_draws, self.rng)
        dtype = self.standard.problem.parameters.start.dtype
        log = np.asarray(log_densities(self.comoving, jnp.asarray(z, dtype)), np.float64)
        log = np.where(kept & np.isfinite(log), log, -np.inf)
        # `dense` is ln of the sum of all proposals' densities.
        before = [p.log_density(z) for p in self.proposals]
        self.proposals.append(self.mixture)
        self.z, self.log = np.concatenate([self.z, z]), np.concatenate([self.log, log])
        fresh = np.logaddexp.reduce(before, axis=0) if before else np.full(len(z), -np.inf)
        self.dense = np.logaddexp(np.concatenate([self.dense, fresh]), self.mixture.log_density(self.z))
        self.log_weights = self.log - self.dense + np.log(len(self.proposals))
        self.weights, self.k_hat = smoothed(self.log_weights)
        self.n_effective = 1 / np.sum(self.weights**2)

    def _adapt(self) -> None:
        """Proposals for flattened weights of which enough are effective."""
        flat = _flattened(self.log_weights, min(40.0 * self.z.shape[1], 0.25 * len(self.z)))
        chosen = self.rng.choice(len(flat), min(len(flat), _FITTED), p=flat / flat.sum())
        z, even = self.z[chosen], np.ones(len(chosen))
        self.mixture = refitted(split(self.mixture, z, even, self.n_components, self.rng), z, even)


def _flattened(log_weights: np.ndarray, least: float) -> np.ndarray:
    """Weights to the power, at most 1, that leaves so many effective."""
    fine = np.isfinite(log_weights)
    if not fine.any():
        raise ValueError("no draw about the maxima is valid: all are off the grid; narrow the bounds")
    excess = np.where(fine, log_weights, 0) - log_weights[fine].max()

    def at(power):
        w = np.where(fine, np.exp(power * excess), 0)
        return w / w.sum()

    low, high = 0.0, _FLATTEST
    if 1 / np.sum(at(_FLATTEST) ** 2) >= least:
        return at(_FLATTEST)
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if 1 / np.sum(at(middle) ** 2) >= least else (low, middle)
    return at(low)


def smoothed(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Pareto-smoothed weights of sum 1, and the shape; none for draws of weight zero."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from arviz import psislw

        fine = np.isfinite(log_weights)
        if fine.sum() < 50:
            return np.where(fine, 1.0, 0.0) / max(fine.sum(), 1), np.inf
        smooth, shape = psislw(log_weights[fine])
    weights = np.zeros(log_weights.size)
    weights[fine] = np.exp(smooth - logsumexp(smooth))
    return weights, float(shape)


def _walks(run: _Run, n_walkers: int, n_moves: int, key) -> tuple[np.ndarray, np.ndarray, float]:
    """Where walkers from resampled draws go, (n_steps, n_walkers, m), their ln densities, share accepted."""
    dtype = run.standard.problem.parameters.start.dtype
    chosen = run.rng.choice(len(run.z), n_walkers, p=run.weights / run.weights.sum())
    walkers = begun(run.comoving, jnp.asarray(run.z[chosen], dtype))
    proposal, power = Proposal.of(run.mixture, dtype), jnp.ones((), dtype)
    steps, accepted = moved(run.comoving, proposal, walkers, power, n_steps=n_moves, key=key)
    z, likelihood, prior = (np.asarray(x, np.float64)[n_moves // 2 :] for x in steps)
    return z, likelihood + prior, float(accepted)


def _kept(run: _Run, walks) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Draws, their ln densities and weights, and the share of steps accepted: of walkers if there are any."""
    if walks is None:
        keep = run.weights > 1e-12 / len(run.weights)
        return run.z[keep], run.log[keep], run.weights[keep] / run.weights[keep].sum(), np.nan
    z = walks[0].reshape(-1, run.z.shape[1])
    return z, walks[1].ravel(), np.full(len(z), 1 / len(z)), walks[2]


def _result(run: _Run, walks, modes: Ends, n_hits: int, seed: int) -> Weighted:
    standard, reference = run.standard, modes.z[int(np.argmax(modes.log_density))]
    z, log, weights, accepted = _kept(run, walks)
    z = relabelled(bent(run.comoving, z), standard, reference)
    draws = declared(standard, z)
    n_effective, drift = of_walks(draws, weights, None if walks is None else walks[1].shape)
    tops = relabelled(modes.z, standard, reference)
    start = Mixture.of(np.ones(len(tops)), tops, np.linalg.inv(modes.precision), standard.is_round)
    shares = np.bincount(np.argmin(start.squares(z), axis=0), weights, minlength=len(tops))
    squares = [
        least_squares(standard, jnp.asarray(t, standard.problem.parameters.start.dtype)) for t in modes.z
    ]
    evidence = logsumexp(run.log_weights) - np.log(run.log_weights.size)
    n_evaluations = len(run.z) + (0 if walks is None else 2 * len(z))
    return Weighted(
        standard=standard,
        names=standard.names,
        draws=draws,
        weights=weights,
        log_density=log,
        z=z,
        reference=reference,
        modes=declared(standard, tops),
        shares=shares,
        k_hat=run.k_hat,
        n_effective=n_effective,
        drift=drift,
        accepted=accepted,
        log_evidence=float(evidence),
        chi2=float(min(squares)),
        n_good=standard.problem.study.n_good,
        n_hits=n_hits,
        n_evaluations=n_evaluations,
        prior_widths=prior_widths(standard),
        seed=seed,
    )
