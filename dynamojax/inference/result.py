"""What a fit found, on the host."""

from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np

from dynamojax.inference.likelihood import Fitted, log_likelihood
from dynamojax.inference.problem import Problem
from dynamojax.inference.solvers import End
from dynamojax.system import System

_NEAR = 1e-3  # of an interval
_CLOSE = 0.1  # in ln posterior, between ends that are equally good


@dataclass(frozen=True, eq=False)
class Fit:
    """The best end of a fit, and all others. Values are in the declared units of the parameters.

    Attributes:
        problem: What was fitted.
        names: Of the free parameters.
        best: Number of the best end.
        ends: Values of every start's end, (n_starts, n); NaN where it failed.
        log_posteriors: There.
        are_converged: Whether another step would gain next to nothing.
        are_valid: Whether the simulation holds there.
        n_steps: Taken.
    """

    problem: Problem
    names: tuple[str, ...]
    best: int
    ends: np.ndarray
    log_posteriors: np.ndarray
    are_converged: np.ndarray
    are_valid: np.ndarray
    n_steps: np.ndarray

    @staticmethod
    def of(problem: Problem, ends: End) -> "Fit":
        """From what the optimiser gave."""
        return Fit.of_ends(
            problem,
            ends=np.asarray(ends.values) / np.array(problem.parameters.units),
            log_posteriors=np.asarray(ends.log_posterior),
            are_converged=np.asarray(ends.is_converged),
            are_valid=np.asarray(ends.is_valid),
            n_steps=np.asarray(ends.n_steps),
        )

    @staticmethod
    def of_ends(
        problem: Problem,
        *,
        ends: np.ndarray,
        log_posteriors: np.ndarray,
        are_converged: np.ndarray,
        are_valid: np.ndarray,
        n_steps: np.ndarray,
    ) -> "Fit":
        """From all ends; the best is a converged one if there is one as good as any."""
        log = np.where(are_valid, log_posteriors, -np.inf)
        close = are_converged & (log > log.max() - _CLOSE)
        best = int(np.argmax(np.where(close, log, -np.inf) if close.any() else log))
        names = problem.parameters.names
        return Fit(problem, names, best, ends, log_posteriors, are_converged, are_valid, n_steps)

    @property
    def values(self) -> np.ndarray:
        """Of the best end. [declared units]"""
        return self.ends[self.best]

    @property
    def is_converged(self) -> bool:
        """Whether the best end is one where another step would gain next to nothing."""
        return bool(self.are_converged[self.best])

    @property
    def is_valid(self) -> bool:
        """Whether any start led anywhere; all values are NaN if not."""
        return bool(self.are_valid[self.best])

    @property
    def log_posterior(self) -> float:
        """Of the best end."""
        return float(self.log_posteriors[self.best])

    def __getitem__(self, name: str) -> float:
        """Value of a free parameter by name."""
        if name not in self.names:
            raise ValueError(f"{name!r} was not free; free were {', '.join(self.names)}")
        return float(self.values[self.names.index(name)])

    @cached_property
    def canonical(self):
        """Values of the best end in canonical units, on the device."""
        start = self.problem.parameters.start
        return (self.values * np.array(self.problem.parameters.units)).astype(start.dtype)

    @cached_property
    def scene(self) -> dict:
        """All systems and nuisances at the best end."""
        return self.problem.parameters.put(jax.numpy.asarray(self.canonical))

    @property
    def system(self) -> System:
        """The star of a fit of one star."""
        return self.scene[""]

    @cached_property
    def fitted(self) -> dict[str, Fitted]:
        """Model with its columns, whitened residuals and ln likelihood of every data set, at the best end."""
        return jax.tree.map(np.asarray, _fitted(self.problem.study, self.scene))

    @cached_property
    def log_likelihood(self) -> float:
        """Of all data at the best end."""
        return float(_log_likelihood(self.problem.study, self.scene))

    @property
    def n_good(self) -> int:
        """Measurements used."""
        return self.problem.study.n_good

    @property
    def n_active(self) -> int:
        """Free parameters that were not held."""
        return int(np.sum(np.asarray(self.problem.parameters.is_active)))

    @property
    def bic(self) -> float:
        """Bayesian information criterion, -2 ln L + k ln n; linear coefficients are integrated over."""
        return -2 * self.log_likelihood + self.n_active * np.log(self.n_good)

    @property
    def chi2(self) -> float:
        """Sum of the squares of whitened residuals."""
        return float(sum(np.sum(f.residual**2) for f in self.fitted.values()))

    @property
    def at_bounds(self) -> tuple[str, ...]:
        """Free parameters that ran against a bound: their value is the bound's, not the data's."""
        bounds, values = self.problem.parameters.bounds, np.asarray(self.canonical)
        low, high = np.asarray(bounds.low), np.asarray(bounds.high)
        width = np.where(np.isfinite(high - low), high - low, np.maximum(np.abs(values), 1.0))
        near = (values - low < _NEAR * width) | (high - values < _NEAR * width)
        near &= np.asarray(self.problem.parameters.is_active)
        return tuple(name for name, here in zip(self.names, near, strict=True) if here)


@jax.jit
def _fitted(study, scene):
    return study.fitted(scene)[0]


@jax.jit
def _log_likelihood(study, scene):
    return log_likelihood(study, scene)
