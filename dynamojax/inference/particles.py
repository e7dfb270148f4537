"""Particles that go from the prior to the posterior while the likelihood rises little by little.

Source: Del Moral, Doucet & Jasra (2006, J. R. Stat. Soc. B 68, 411); powers by the effective number.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from scipy.special import logsumexp

from dynamojax.inference.anchors import Anchors
from dynamojax.inference.comoving import Comoving, straightened
from dynamojax.inference.ensemble import Proposal, Walkers, begun, guided
from dynamojax.inference.labels import Numbered, relabelled
from dynamojax.inference.mixture import Mixture, refitted, shorter
from dynamojax.numerics import stream

_KEPT = 0.5  # share of the particles that stays effective from one power to the next
_MOST_STAGES = 120  # until the likelihood has the power 1


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
    reference, n_particles, size = anchors.centres[0], len(first), n_components + anchors.most
    numbered = Numbered.after(comoving, reference)
    y = relabelled(np.asarray(straightened(comoving, first)), comoving.standard, reference)
    walkers, powers, evidence = begun(numbered, jnp.asarray(y, dtype)), [0.0], 0.0
    kept, n = [], 0

    def propose(others: np.ndarray) -> Proposal:
        mixture = fitted(others, comoving.standard.is_round, n_components, rng)
        return Proposal.of(anchors.joined(mixture, powers[-1]), dtype, size)

    while len(kept) < n_last:
        if powers[-1] < 1:
            power, weights, gain = _raised(walkers, powers)
            powers, evidence = [*powers, power], evidence + gain
        else:
            weights = np.full(n_particles, 1 / n_particles)
        halves = [Walkers(*(x[c] for x in walkers)) for c in _resampled(weights, rng)]
        sweep = jax.random.fold_in(stream(key, "moves"), n)
        power = jnp.asarray(powers[-1], dtype)
        halves, steps, share = swept(numbered, halves, propose, power, n_moves=n_moves, key=sweep)
        walkers, n = Walkers(*(jnp.concatenate(x) for x in zip(*halves, strict=True))), n + 1
        if powers[-1] == 1:
            kept.append(steps)
    z, likelihood, prior = (np.concatenate(x) for x in zip(*kept, strict=True))
    return Tempered(z, likelihood, prior, evidence, tuple(powers), share, n_particles * (1 + n * n_moves))


def swept(
    coordinates,
    halves: list[Walkers],
    propose: Callable[[np.ndarray], Proposal],
    power: Float[Array, ""],
    *,
    n_moves: int,
    key: Key[Array, ""],
) -> tuple[list[Walkers], Walkers, float]:
    """Both halves after some steps, each by proposals of the other, which stays meanwhile.

    Returns:
        Halves, all walkers after each step, and the share of steps accepted.
    """
    halves, paths, shares = list(halves), [], []
    for i, part in enumerate(jax.random.split(key)):
        others = halves[1 - i].z
        proposal = propose(np.asarray(others, np.float64))
        steps, share = guided(coordinates, proposal, halves[i], others, power, n_steps=n_moves, key=part)
        halves[i] = Walkers(*(x[-1] for x in steps))
        paths.append(steps)
        shares.append(float(share))
    together = (np.concatenate(x, axis=1, dtype=float) for x in zip(*paths, strict=True))
    return halves, Walkers(*together), float(np.mean(shares))


def _raised(walkers: Walkers, powers: list[float]) -> tuple[float, np.ndarray, float]:
    """The power after these, the weights it asks for and what it adds to the ln evidence."""
    power, n = powers[-1], len(powers) - 1
    if n == _MOST_STAGES:
        raise ValueError(f"the likelihood has the power {power:.3g} after {n} stages; narrow the prior")
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


def _resampled(weights: np.ndarray, rng) -> list[np.ndarray]:
    """Systematic, of each half by itself: copies in both would make proposals know what they move."""
    half, chosen = len(weights) // 2, []
    for first in (0, half):
        own = weights[first : first + half]
        ends = np.cumsum(own / own.sum() if own.sum() > 0 else np.full(half, 1 / half))
        there = np.searchsorted(ends / ends[-1], (np.arange(half) + rng.uniform()) / half)
        chosen.append(first + np.minimum(there, half - 1))
    return chosen


def fitted(z: np.ndarray, is_round: np.ndarray, n_components: int, rng) -> Mixture:
    """To particles, from centres among them."""
    n = z.shape[1]
    width = shorter(z - z[0], is_round).std(0) + 1e-9  # whatever turns walkers have made
    centres = z[rng.choice(len(z), n_components, replace=False)]
    wide = np.tile(np.diag(width**2), (n_components, 1, 1)) * n_components ** (-2 / n)
    begin = Mixture.of(np.ones(n_components), centres, wide, is_round)
    return refitted(begin, z, np.ones(len(z)), n_steps=5)
