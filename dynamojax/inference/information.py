"""What data can tell: Fisher information, Cramer-Rao bounds, and which directions they leave open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from dynamojax.inference.data import DataSet
from dynamojax.inference.optimise import pose
from dynamojax.inference.priors import Free
from dynamojax.inference.problem import Problem
from dynamojax.instruments.photometer import Photometer
from dynamojax.simulate import Simulator
from dynamojax.system import System

_OPEN = 1.0  # standard deviations of the data in a quarter of an interval: less is not held


@dataclass(frozen=True, eq=False)
class Information:
    """Information matrix of free parameters, in declared units.

    Attributes:
        names: Of the parameters.
        values: Where it was computed.
        matrix: Inverse of the covariance that unbiased estimates cannot beat, Gaussian priors included.
        widths: Of each parameter's range: a quarter of its interval, or one radian, day and so on. What
            the data hold less well than this is called open.
        kind: fisher, or hessian where the observed curvature was taken.
    """

    names: tuple[str, ...]
    values: np.ndarray
    matrix: np.ndarray
    widths: np.ndarray
    kind: str

    @cached_property
    def _spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        scaled = self.matrix * np.outer(self.widths, self.widths)
        if not np.isfinite(scaled).all():  # of which NumPy raises
            return np.full(len(scaled), np.nan), np.full(scaled.shape, np.nan)
        return np.linalg.eigh(0.5 * (scaled + scaled.T))

    @property
    def is_positive(self) -> bool:
        """Whether the matrix is positive definite beyond rounding."""
        values = self._spectrum[0]
        return bool(np.isfinite(values).all() and values.min() > 1e-12 * values.max())

    @cached_property
    def covariance(self) -> np.ndarray:
        """Inverse of the matrix; NaN if it is not positive."""
        if not self.is_positive:
            return np.full(self.matrix.shape, np.nan)
        values, vectors = self._spectrum
        return (vectors / values) @ vectors.T * np.outer(self.widths, self.widths)

    @property
    def errors(self) -> np.ndarray:
        """Standard deviations: the Cramer-Rao bounds if `kind` is fisher.

        Infinite for what takes part in a direction that the matrix does not hold at all.
        """
        if self.is_positive:
            return np.sqrt(np.diag(self.covariance))
        values, vectors = self._spectrum
        null = values <= 1e-12 * max(values.max(), 0.0)
        shares = np.max(np.abs(vectors[:, null]), axis=1, initial=0.0)
        safe = np.where(null, np.inf, values)
        variance = np.sum(vectors**2 / safe, axis=1) * self.widths**2
        return np.where(shares > 1e-6, np.inf, np.sqrt(variance))

    @property
    def correlation(self) -> np.ndarray:
        """Of the estimates."""
        return self.covariance / np.outer(self.errors, self.errors)

    @property
    def open_directions(self) -> list[tuple[float, dict[str, float]]]:
        """Combinations of parameters that the data do not hold within their ranges, the loosest first.

        Returns:
            Error over range, and the direction's parts above a tenth, in units of the ranges.
        """
        values, vectors = self._spectrum
        rows = []
        for value, vector in zip(values, vectors.T, strict=True):
            if value < _OPEN:
                parts = {n: float(x) for n, x in zip(self.names, vector, strict=True) if abs(x) > 0.1}
                rows.append((float(1 / np.sqrt(value)) if value > 0 else np.inf, parts))
        return rows

    def __getitem__(self, name: str) -> float:
        """Error of a parameter by name."""
        return float(self.errors[self.names.index(name)])


def widths(problem: Problem) -> np.ndarray:
    """A quarter of each interval, else one canonical unit or the value, in declared units."""
    p = problem.parameters
    span, start = np.asarray(p.bounds.high) - np.asarray(p.bounds.low), np.abs(np.asarray(p.start))
    return np.where(np.isfinite(span), 0.25 * span, np.maximum(start, 1.0)) / np.array(p.units)


@jax.jit
def _fisher(problem: Problem, values):
    jacobian = jax.jacfwd(problem.residuals)(values)
    return jnp.matmul(jacobian.T, jacobian, precision=jax.lax.Precision.HIGHEST)


@jax.jit
def _observed(problem: Problem, values):
    return -jax.hessian(problem.log_posterior)(values)


def matrix_at(problem: Problem, values, kind: str) -> Information:
    """Information at values (canonical units): fisher from first derivatives, hessian exact.

    A Fisher matrix knows nothing of parameters of noise; the Hessian does.
    """
    values = jnp.asarray(values)
    matrix = np.asarray({"fisher": _fisher, "hessian": _observed}[kind](problem, values))
    units = np.array(problem.parameters.units)
    matrix = matrix * np.outer(units, units)
    return Information(problem.parameters.names, np.asarray(values) / units, matrix, widths(problem), kind)


def fisher(
    system: System,
    simulate: Simulator,
    errors: Mapping[str, float],
    free: Sequence[Free | str],
    *,
    trend_degree: int = 0,
    continuum_degree: int = 5,
) -> Information:
    """What an observing set-up can tell of a star, before it is observed.

    Levels, trends and continua are unknown to it and cost what they cost.

    Args:
        system: The star.
        simulate: With instruments and epochs of the plan.
        errors: Standard deviation of each point relative to the star's flux, by name of the instrument: one
            over its signal-to-noise ratio. [1]
        free: What would be measured.
        trend_degree: Of the polynomials in time that multiply light curves.
        continuum_degree: Of those in ln(wavelength) that multiply spectra; -1 for absolute fluxes.

    Returns:
        `errors` of it are Cramer-Rao bounds; `open_directions` names what the plan cannot tell apart.

    Raises:
        ValueError: as in `fit`, or an instrument without error.
    """
    degrees = {"trend_degree": trend_degree, "continuum_degree": continuum_degree}
    problem = pose(system, simulate, expected(system, simulate, errors, **degrees), free)
    return matrix_at(problem, problem.parameters.start, "fisher")


def expected(
    system: System, simulate: Simulator, errors: Mapping[str, float], *, trend_degree=0, continuum_degree=5
) -> tuple[DataSet, ...]:
    """Data sets without noise, as a simulator makes them, with these errors relative to the flux."""
    instruments = {**simulate.photometers, **simulate.spectrographs}
    if set(errors) != set(instruments):
        raise ValueError(
            f"errors are of {sorted(errors)}, needed of {sorted(instruments)}: relative, by name"
        )
    observables = simulate(system)
    if not bool(observables.valid):
        raise ValueError("the star is not valid: off the grid or beyond the simulator's room; see `validate`")
    sets = []
    for name, instrument in instruments.items():
        if isinstance(instrument, Photometer):
            flux = np.asarray(observables.light_curves[name].flux, np.float64)
            settings: dict = {"trend_degree": trend_degree, "flux_unit": "counts"}
            make, where = DataSet.light_curve, instrument.times
        else:
            flux = np.asarray(observables.spectra[name].flux, np.float64)
            settings = {"continuum_degree": continuum_degree}
            make, where = DataSet.spectrum, instrument.wavelength
        sets.append(make(instrument, where, flux, errors[name] * np.abs(flux), **settings))
    return tuple(sets)


def with_noise(data: DataSet, *, key) -> DataSet:
    """A data set with white noise of its errors added: for trials on made-up stars."""
    noise = jax.random.normal(key, data.values.shape, data.values.dtype)
    return eqx.tree_at(lambda d: d.values, data, data.values + jnp.where(data.good, data.errors * noise, 0))
