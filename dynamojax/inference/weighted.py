"""What draws of a posterior say, and whether to trust them."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from dynamojax.inference.comoving import Comoving
from dynamojax.inference.labels import relabelled
from dynamojax.inference.modes import ENOUGH_HITS
from dynamojax.inference.standard import Standard

LARGEST_SHAPE = 0.7  # Pareto k beyond which weights say nothing (Vehtari et al. 2024)
LARGEST_DRIFT = 0.25
LARGEST_R_HAT = 1.1
LARGEST_MISS = 6.0  # the highest of thousands of draws is a few below the maximum


@dataclass(frozen=True, eq=False)
class Weighted:
    """Weighted draws of a posterior, in declared units; spots are numbered as at the best maximum.

    Attributes:
        standard: The problem and the coordinates of `z`.
        names: Of the parameters.
        draws: (n, n_parameters).
        weights: Smoothed, of sum 1, (n,).
        log_density: Of the posterior in the coordinates of the draws, (n,).
        z: Standard coordinates of the draws.
        reference: Those of the best maximum: spots are numbered, and angles unwound, after it.
        modes: Values of the maxima, the weightiest first, (n_modes, n_parameters).
        shares: Of the weights nearest to each of them.
        k_hat: Pareto shape of the largest weights: above 0.7 they do not stand for the posterior. NaN where
            particles were tempered.
        n_effective: Of each parameter: of the walkers, or without them 1 / sum of squared weights; of several
            runs by their evidence.
        drift: Of the walkers' mean from the first half to the second of the steps kept, in standard
            deviations; NaN without walkers.
        accepted: Share of their steps.
        log_evidence: ln of the probability of the data; of use where all priors are proper. By
            `importance` of one order of alike spots: lower by ln n! where orders are apart.
        chi2: Least sum of squared whitened residuals of the data among the maxima.
        n_good: Measurements used.
        n_hits: Walks that ended at the best maximum: if few, there may be better ones. Of
            tempered runs, how many reached the best evidence.
        n_evaluations: Of the posterior, walks not counted.
        prior_widths: Standard deviations of the priors; NaN without a proper one.
        seed: Of `values`.
        missed: ln density of the highest maximum that another search found, over the highest draw's.
        r_hat: Nested, between runs that know nothing of each other; None where there is one.
    """

    standard: Standard
    names: tuple[str, ...]
    draws: np.ndarray
    weights: np.ndarray
    log_density: np.ndarray
    z: np.ndarray
    reference: np.ndarray
    modes: np.ndarray
    shares: np.ndarray
    k_hat: float
    n_effective: np.ndarray
    drift: np.ndarray
    accepted: float
    log_evidence: float
    chi2: float
    n_good: int
    n_hits: int
    n_evaluations: int
    prior_widths: np.ndarray
    seed: int
    r_hat: np.ndarray | None = None
    missed: float = 0.0

    @cached_property
    def values(self) -> np.ndarray:
        """Draws of equal weight, (1, n_draws, n_parameters): as many as are worth it, at least 500."""
        n = int(np.clip(self.n_effective.min(), 500, len(self.weights)))
        return self.draws[self._chosen(n)][None]

    def _chosen(self, n: int) -> np.ndarray:
        shift = np.random.default_rng(self.seed).uniform()  # systematic resampling
        ends = np.cumsum(self.weights)
        return np.minimum(np.searchsorted(ends / ends[-1], (np.arange(n) + shift) / n), len(ends) - 1)

    @property
    def mean(self) -> np.ndarray:
        """Of every parameter."""
        return self.weights @ self.draws

    @property
    def errors(self) -> np.ndarray:
        """Standard deviations."""
        return np.sqrt(self.weights @ (self.draws - self.mean) ** 2)

    @property
    def widths_over_prior(self) -> np.ndarray:
        """Standard deviations over those of the priors: near 1, the data said nothing."""
        return self.errors / self.prior_widths

    def quantile(self, name: str, share) -> np.ndarray:
        """Of a parameter."""
        draws = self.draws[:, self.names.index(name)]
        order = np.argsort(draws)
        at = np.cumsum(self.weights[order]) - 0.5 * self.weights[order]
        return np.interp(share, at, draws[order])

    def interval(self, name: str, share: float = 0.68) -> tuple[float, float]:
        """Central interval of a parameter that holds this share of the posterior."""
        low, high = self.quantile(name, [0.5 - share / 2, 0.5 + share / 2])
        return float(low), float(high)

    @property
    def chi2_probability(self) -> float:
        """Of a worse least chi square than the best maximum's, if the model and the noise are right."""
        from scipy.stats import chi2

        held = int(np.sum(~(self.widths_over_prior > 0.5)))  # NaN count as held
        return float(chi2.sf(self.chi2, max(self.n_good - held, 1)))

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the draws are not to be trusted; empty if they are."""
        found = []
        walked = np.isfinite(self.drift).all()
        if walked and self.r_hat is None and not np.abs(self.drift).max() < LARGEST_DRIFT:
            worst = self.names[int(np.argmax(np.abs(self.drift)))]
            found.append(
                f"{worst} drifts by {np.abs(self.drift).max():.2f} of its error, {LARGEST_DRIFT} at most"
            )
        if self.k_hat >= LARGEST_SHAPE:
            found.append(f"Pareto k {self.k_hat:.2f} of the weights, {LARGEST_SHAPE} at most")
        if self.n_effective.min() < 200:
            found.append(f"{self.n_effective.min():.0f} effective draws, 200 at least")
        if self.missed > LARGEST_MISS:
            found.append(f"a maximum higher by {self.missed:.1f} in ln is missed, {LARGEST_MISS} at most")
        if self.r_hat is not None and np.isinf(self.r_hat).any():
            found.append(
                f"{self.n_hits} run reached the best evidence, 2 at least: more runs, or more particles"
            )
        elif self.r_hat is not None and not self.r_hat.max() < LARGEST_R_HAT:
            worst = self.names[int(np.argmax(self.r_hat))]
            found.append(f"R-hat {self.r_hat.max():.2f} of {worst} between runs, {LARGEST_R_HAT} at most")
        if self.r_hat is None and self.n_hits < ENOUGH_HITS:
            found.append(f"{self.n_hits} walks ended at the best maximum, {ENOUGH_HITS} at least")
        if self.standard.problem.is_white and self.chi2_probability < 1e-4:
            found.append(f"chi square {self.chi2:.1f} of {self.n_good} points: no maximum fits the data")
        return tuple(found)

    @property
    def is_trustworthy(self) -> bool:
        """No fault."""
        return not self.faults

    def labelled(self, values) -> np.ndarray:
        """Values of all these parameters, spots renumbered and angles unwound as in the draws."""
        p = self.standard.problem.parameters
        full = np.array(p.start, float)
        full[list(self.standard.active)] = values * np.array(p.units)[list(self.standard.active)]
        z = np.asarray(self.standard.outside(jnp.asarray(full, p.start.dtype)))
        return declared(self.standard, relabelled(z[None], self.standard, self.reference))[0]

    def to_arviz(self) -> Any:
        """As `arviz.InferenceData`: posterior, resampled; ln density, Pareto k, evidence in sample_stats."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            import arviz

        posterior = {name: self.values[..., i] for i, name in enumerate(self.names)}
        stats = {"lp": self.log_density[self._chosen(self.values.shape[1])][None]}
        data = arviz.from_dict(posterior=posterior, sample_stats=stats)
        data.sample_stats.attrs |= {
            **{"pareto_k": self.k_hat, "n_effective": float(self.n_effective.min())},
            **{"log_evidence": self.log_evidence, "faults": list(self.faults)},
        }
        return data


def declared(standard: Standard, z: np.ndarray) -> np.ndarray:
    """Values in declared units."""
    p = standard.problem.parameters
    values = np.asarray(_inside(standard, jnp.asarray(z, p.start.dtype)), np.float64)
    return (values / np.array(p.units))[:, list(standard.active)]


@jax.jit
def _inside(standard: Standard, z: Array) -> Array:
    return jax.vmap(standard.inside)(z)


def bent(comoving: Comoving, y: np.ndarray) -> np.ndarray:
    """Standard coordinates."""
    dtype = comoving.standard.problem.parameters.start.dtype
    return np.asarray(_back(comoving, jnp.asarray(y, dtype)), np.float64)


@jax.jit
def _back(comoving: Comoving, y: Array) -> Array:
    return jax.vmap(comoving.back)(y)


def of_walks(draws: np.ndarray, weights: np.ndarray, shape) -> tuple[np.ndarray, np.ndarray]:
    """Effective draws and drift of each parameter."""
    n = draws.shape[1]
    if shape is None:
        return np.full(n, 1 / np.sum(weights**2)), np.full(n, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from arviz import ess

        walks = draws.reshape(*shape, n)
        n_effective = np.array([float(ess(walks[..., i].T)) for i in range(n)])
    half = shape[0] // 2
    drift = (walks[half:].mean((0, 1)) - walks[:half].mean((0, 1))) / walks.std((0, 1))
    return n_effective, drift


@jax.jit
def least_squares(standard: Standard, z: Array) -> Array:
    """Sum of the squares of the data's whitened residuals."""
    return jnp.sum(standard.problem.residuals(standard.inside(z))[: _n_points(standard)] ** 2)


def _n_points(standard: Standard) -> int:
    return sum(d.values.size for sets in standard.problem.study.data.values() for d in sets)


def prior_widths(standard: Standard) -> np.ndarray:
    """Standard deviations of the priors by 512 evenly spaced draws; of a circle's 104 degrees."""
    from scipy.stats import norm

    level = norm.ppf((np.arange(512) + 0.5) / 512)
    z = np.tile(level[:, None], (1, len(standard.sorts)))
    z = np.where(standard.is_round, np.linspace(-np.pi, np.pi, 512)[:, None], z)
    widths = declared(standard, z).std(0)
    return np.where(np.array(standard.sorts) == "line", np.nan, widths)
