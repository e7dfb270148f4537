"""The posterior by tempering: particles of the prior to which the likelihood is given little by little.

A population that begins as wide as the prior stays spread along curved ridges and over all maxima while the
likelihood narrows them, where walks that begin at a maximum never reach the ends.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from scipy.special import logsumexp

from dynamojax.inference.anchors import Anchors, maxima
from dynamojax.inference.comoving import Comoving
from dynamojax.inference.labels import relabelled
from dynamojax.inference.modes import log_densities, prior_draws
from dynamojax.inference.particles import Tempered, tempered
from dynamojax.inference.problem import Problem
from dynamojax.inference.result import Fit
from dynamojax.inference.standard import Standard
from dynamojax.inference.weighted import Weighted, bent, declared, least_squares, of_walks, prior_widths
from dynamojax.numerics import stream

_COUNTS = 0.02  # of the best run's evidence, below which a run is one that got stuck
_TOP = 256  # draws among which the highest is looked for


def temper(
    fit: Fit | Problem,
    *,
    key: Key[Array, ""],
    after: Weighted | None = None,
    n_runs: int = 3,
    n_particles: int = 1024,
    n_moves: int = 16,
    n_last: int = 60,
    n_components: int = 16,
    n_starts: int = 64,
) -> Weighted:
    """Draw from a posterior of curved ridges and many maxima, by tempering from the prior: slow and thorough.

    Runs that know nothing of each other are weighted by the evidence that each finds, so that one that got
    stuck at a lower maximum counts for nothing; how far the others differ says whether they mixed. Maxima
    that least squares from many starts find are targets of jumps at every power of the likelihood; one that
    is far higher than all draws is a fault.

    Args:
        fit: A fit, or a problem as `pose` makes it; its start does not matter. Priors should be proper:
            bounds, or a `Normal`; angles go round by themselves.
        key: Of all draws.
        after: A posterior of the same parameters by a part of the data: particles start from it, not from
            the prior; quicker where that part is cheap or was there first.
        n_runs: At least two, or nothing is known of their mixing.
        n_particles: Of each run, an even number: each half is moved by proposals of the other.
        n_moves: Steps of each after every rise of the likelihood's power.
        n_last: So many times as many at the end; the second half is kept. Every rise leaves
            some particles only, and a posterior too narrow until they have spread again: make it long.
        n_components: Of the mixture that jumps are drawn from, at most half as many as particles.
        n_starts: Of the least squares, each the best of 64 draws of the prior.

    Raises:
        ValueError: no particle is valid, the likelihood is too narrow for the stages there may be, or an
            odd number of particles or too many components.
    """
    if n_particles < 2 or n_particles % 2:
        raise ValueError(f"n_particles {n_particles}: an even number, 2 at least")
    if not 1 <= n_components <= n_particles // 2:
        raise ValueError(f"n_components {n_components}: 1 to {n_particles // 2}, half of n_particles")
    standard = Standard.of(fit.problem if isinstance(fit, Fit) else fit)
    comoving = Comoving.of(standard, _known(standard, after))
    found = maxima(standard, n_starts, stream(key, "starts"))
    anchors = Anchors.of(comoving, found)
    settings = {"n_moves": n_moves, "n_last": n_last, "n_components": n_components}
    runs = []
    for one in jax.random.split(stream(key, "runs"), n_runs):
        if after is None:
            first = prior_draws(standard, n_particles, key=stream(one, "prior"))
        else:
            first = _drawn(after, standard, n_particles, stream(one, "prior"))
        runs.append(tempered(comoving, anchors, first, key=one, **settings))
    seed = int(jax.random.randint(stream(key, "draws"), (), 0, 2**31 - 1))
    known = 0.0 if after is None else after.log_evidence
    return _together(comoving, runs, known, float(found.log_density.max()), seed)


def _known(standard: Standard, after: Weighted | None) -> Standard | None:
    if after is None:
        return None
    if after.names != standard.names:
        odd = sorted(set(after.names) ^ set(standard.names)) or list(after.names)
        raise ValueError(f"after: a posterior of other parameters ({', '.join(odd)}); free the same in both")
    if after.standard.sorts != standard.sorts:
        raise ValueError("after: the same parameters with other kinds of bounds; give both the same bounds")
    return after.standard


def _drawn(after: Weighted, standard: Standard, n: int, key: Key[Array, ""]) -> Array:
    """Standard coordinates from an earlier posterior."""
    rng = np.random.default_rng(int(jax.random.randint(key, (), 0, 2**31 - 1)))
    z = after.z[rng.choice(len(after.z), n, p=after.weights / after.weights.sum())]
    return _on_device(standard, z)


def _together(
    comoving: Comoving, runs: list[Tempered], known: float, best_there: float, seed: int
) -> Weighted:
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
    n_each, drifts = zip(
        *(of_walks(draws[run].reshape(log[0].size, -1), weights, log[0].shape) for run in counts), strict=True
    )
    return Weighted(
        standard=standard,
        names=standard.names,
        draws=draws.reshape(log.size, -1),
        weights=weights,
        log_density=log.ravel(),
        z=z,
        reference=best,
        modes=declared(standard, best[None]),
        shares=np.ones(1),
        k_hat=np.nan,
        n_effective=effective_draws(share[counts], np.stack(n_each)),
        drift=max(drifts, key=lambda drift: np.abs(drift).max()),
        accepted=float(share @ [run.accepted for run in runs]),
        log_evidence=known + float(logsumexp(evidences) - np.log(len(runs))),
        chi2=float(least_squares(standard, _on_device(standard, best))),
        n_good=standard.problem.study.n_good,
        n_hits=len(counts),
        n_evaluations=sum(run.n_evaluations for run in runs),
        prior_widths=prior_widths(standard),
        seed=seed,
        r_hat=between(draws[counts]),
        missed=best_there - _highest(standard, z[np.argsort(log.ravel())[-_TOP:]]),
    )


def _on_device(standard: Standard, z: np.ndarray) -> Array:
    return jnp.asarray(z, standard.problem.parameters.start.dtype)


def _highest(standard: Standard, z: np.ndarray) -> float:
    """Of these points, the largest ln density in standard coordinates, which least squares give, too."""
    return float(log_densities(standard, _on_device(standard, z)).max())


def effective_draws(share: np.ndarray, each: np.ndarray) -> np.ndarray:
    """Effective draws of independent runs together, (n_runs, n) of each: their means' variances add up."""
    share = share / share.sum()
    return 1 / np.sum(share[:, None] ** 2 / each, axis=0)


def between(draws: np.ndarray) -> np.ndarray:
    """Nested R-hat of each parameter, (n_runs, n_steps, n_particles, n) (Margossian et al. 2024)."""
    if len(draws) < 2:
        return np.full(draws.shape[-1], np.inf)
    inside = np.mean(draws.var((1, 2)), axis=0)
    return np.sqrt(1 + draws.mean((1, 2)).var(0, ddof=1) / inside)
