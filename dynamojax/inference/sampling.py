"""The posterior by the no-U-turn sampler of numpyro, with diagnostics, as ArviZ takes it."""

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from dynamojax.inference.problem import Problem
from dynamojax.inference.result import Fit
from dynamojax.inference.solvers import gauss_newton


@dataclass(frozen=True, eq=False)
class Samples:
    """Draws of the posterior, in declared units.

    Attributes:
        names: Of the parameters.
        values: (n_chains, n_draws, n).
        diverging: (n_chains, n_draws).
        log_density: On the real line, (n_chains, n_draws).
        n_gradients: Steps of the integrator, (n_chains, n_draws).
    """

    names: tuple[str, ...]
    values: np.ndarray
    diverging: np.ndarray
    log_density: np.ndarray
    n_gradients: np.ndarray

    def to_arviz(self) -> Any:
        """As `arviz.InferenceData`: posterior and sample_stats."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it announces its next version, once a day
            import arviz

        posterior = {name: self.values[..., i] for i, name in enumerate(self.names)}
        stats = {"diverging": self.diverging, "lp": self.log_density, "n_steps": self.n_gradients}
        return arviz.from_dict(posterior=posterior, sample_stats=stats)

    @property
    def r_hat(self) -> np.ndarray:
        """Rank-normalised split R-hat of each parameter (Vehtari et al. 2021): near 1 where chains agree."""
        from numpyro.diagnostics import split_gelman_rubin

        return np.array([split_gelman_rubin(_ranked(self.values[..., i])) for i in range(len(self.names))])

    @property
    def n_effective(self) -> np.ndarray:
        """Effective number of independent draws, of each parameter."""
        from numpyro.diagnostics import effective_sample_size

        return np.array([effective_sample_size(self.values[..., i]) for i in range(len(self.names))])

    @property
    def n_divergent(self) -> int:
        """Draws where the integrator broke down: more than a few say that regions were missed."""
        return int(np.sum(self.diverging))

    @property
    def is_trustworthy(self) -> bool:
        """R-hat below 1.01, 100 effective draws a chain (Vehtari et al. 2021), no divergence."""
        enough = 100 * self.values.shape[0]
        return bool(np.all(self.r_hat < 1.01) and np.all(self.n_effective > enough) and not self.n_divergent)

    def interval(self, name: str, share: float = 0.68) -> tuple[float, float]:
        """Central interval of a parameter that holds this share of the draws."""
        draws = self.values[..., self.names.index(name)]
        low, high = np.quantile(draws, [0.5 - share / 2, 0.5 + share / 2])
        return float(low), float(high)


def _ranked(draws: np.ndarray) -> np.ndarray:
    """Normal scores of the ranks, so that heavy tails do not blind R-hat."""
    from scipy.stats import norm, rankdata

    ranks = rankdata(draws).reshape(draws.shape)
    return norm.ppf((ranks - 0.375) / (draws.size + 0.25))


def sample_posterior(
    fit: Fit,
    *,
    key: Key[Array, ""],
    n_warmup: int = 500,
    n_draws: int = 500,
    n_chains: int = 4,
    target_accept: float = 0.9,
    max_tree_depth: int = 8,
) -> Samples:
    """Draw from the posterior of a fit's free parameters with NUTS, from about its best end.

    Walks on the real line, whitened by the curvature at the best end, chains in one batch.

    Args:
        fit: A fit that is valid.
        key: Of all draws.
        n_warmup: Draws that adapt the sampler and are dropped, in each chain.
        n_draws: Kept, in each chain.
        n_chains: At least two, or R-hat says little.
        target_accept: Higher takes smaller steps, against divergences.
        max_tree_depth: At most 2^depth - 1 gradients a draw.

    Raises:
        ValueError: the fit failed.
    """
    if not fit.is_valid:
        raise ValueError("the fit is not valid: there is no point to start from; try other starts")
    problem, centre = fit.problem, _centre(fit)
    factor = _scales(problem, centre)
    begin, run = jax.random.split(key)
    start = 0.5 * jax.random.normal(begin, (n_chains, centre.size), centre.dtype)
    keys = jax.random.split(run, n_chains)
    lengths = {"n_warmup": n_warmup, "n_draws": n_draws}
    limits = {"target": jnp.asarray(target_accept, centre.dtype), "max_tree_depth": max_tree_depth}
    walk = _walked(problem, centre, factor, start, keys, **lengths, **limits)
    return _collected(problem, centre, factor, walk)


def _centre(fit: Fit) -> Array:
    return fit.problem.parameters.on_line(jnp.asarray(fit.canonical))


@jax.jit
def _scales(problem: Problem, centre: Array) -> Array:
    """Lower factor whose square is the inverse of the curvature on the real line."""
    normal = gauss_newton(problem.with_known_noise(), centre)[1]
    identity = jnp.eye(centre.size, dtype=centre.dtype)
    # The density of a flat prior on the real line is a logistic one, of curvature about a quarter.
    inverse = jnp.linalg.inv(normal + 0.25 * identity)
    return jnp.linalg.cholesky(0.5 * (inverse + inverse.T))


@partial(jax.jit, static_argnames=("n_warmup", "n_draws", "max_tree_depth"))
def _walked(
    problem: Problem,
    centre: Array,
    factor: Array,
    start: Float[Array, "n_chains n"],
    keys: Key[Array, " n_chains"],
    *,
    n_warmup: int,
    n_draws: int,
    target: Float[Array, ""],
    max_tree_depth: int,
) -> tuple[Array, Array, Array, Array]:
    """Chains of whitened places: where, which diverged, minus ln density and number of gradients.

    One program, its data an argument: another star with as many data is not compiled again, as numpyro's
    own driver would, whose density holds the data.
    """
    from numpyro.infer.hmc import hmc

    begin, step = hmc(lambda u: -problem.log_density(centre + factor @ u), algo="NUTS")

    def chain(u, key):
        limits = {"target_accept_prob": target, "max_tree_depth": max_tree_depth}
        state = begin(u, n_warmup, rng_key=key, **limits)
        state = jax.lax.fori_loop(0, n_warmup, lambda _, state: step(state), state)

        def draw(state, _):
            state = step(state)
            return state, (state.z, state.diverging, state.potential_energy, state.num_steps)

        return jax.lax.scan(draw, state, length=n_draws)[1]

    return jax.vmap(chain)(start, keys)


def _collected(problem: Problem, centre: Array, factor: Array, walk: tuple) -> Samples:
    whitened, diverging, energy, n_steps = walk
    inside = jax.vmap(jax.vmap(problem.parameters.bounds.inside))(centre + whitened @ factor.T)
    active = np.flatnonzero(np.asarray(problem.parameters.is_active))
    values = np.asarray(inside) / np.array(problem.parameters.units)
    names = tuple(problem.parameters.names[i] for i in active)
    return Samples(
        names, values[..., active], np.asarray(diverging), -np.asarray(energy), np.asarray(n_steps)
    )
