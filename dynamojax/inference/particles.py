"""Particles that go from the prior to the posterior while the likelihood rises little by little.

Source: Del Moral, Doucet & Jasra (2006, J. R. Stat. Soc. B 68, 411); powers by the effective number.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from scipy.special import logsumexp

from dynamojax.inference.anchors import Anchors
from dynamojax.inference.comoving import Comoving, straightened
from dynamojax.inference.ensemble import Proposal, Walkers, begun, moved
from dynamojax.inference.mixture import Mixture, refitted
from dynamojax.numerics import stream

_KEPT = 0.5  # share of the particles that stays effective from one power to the next
_MOST_STAGES = 120


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
    anchors: Anchors,
    first: Float[Array, "n_particles m"],
    *,
    key: Key[Array, ""],
    n_moves: int,
    n_last: int,
    n_components: int,
) -> Tempered:
    """From draws of the prior, in standard coordinates, to the posterior.

    Every stage moves all particles, the whole likelihood `n_last` times.
    """
    seed = int(jax.random.randint(stream(key, "host"), (), 0, 2**31 - 1))
    rng, dtype = np.random.default_rng(seed), comoving.standard.problem.parameters.start.dtype
    walkers, powers, evidence = begun(comoving, straightened(comoving, first)), [0.0], 0.0
    n_particles, size = len(first), n_components + anchors.most
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
            Proposal.of(anchors.joined(mixture, powers[-1]), dtype, size),
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
    begin = Mixture.of(np.ones(n_components), centres, wide, is_round)
    return refitted(begin, z, np.ones(len(z)), n_steps=5)
