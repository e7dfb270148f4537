"""How probable data sets are, given a scene; coefficients of linear columns are solved for inside."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dynamojax.inference.data import DataSet, Nuisance
from dynamojax.instruments.photometer import Photometer
from dynamojax.numerics import safe_divide
from dynamojax.simulate import Simulator

_REWEIGHTINGS = 12  # of Student's distribution: the coefficients then stand to 1e-4 of their error
_ABSENT = 1e8  # variance of points left out of correlated noise, over that of the others


class Fitted(NamedTuple):
    """A model after its columns are solved for.

    Attributes:
        model: With level, trend and continuum. [median flux]
        residual: Whitened: independent, of unit variance, 0 where not good. [1]
        log_likelihood: Marginal over the coefficients, whose prior is flat in the observed flux.
    """

    model: Array
    residual: Array
    log_likelihood: Array


def _solve(columns: Array, values: Array) -> tuple[Array, Array]:
    """Coefficients of least squares of whitened columns, and ln det of the normal matrix."""
    k = columns.shape[1]
    if not k:
        return jnp.zeros(0, values.dtype), jnp.zeros((), values.dtype)
    high = jax.lax.Precision.HIGHEST
    size = jnp.sqrt(jnp.sum(columns**2, axis=0))
    scaled = safe_divide(columns, size)
    normal = jnp.matmul(scaled.T, scaled, precision=high)
    factor = jnp.linalg.cholesky(normal)
    solution = jax.scipy.linalg.cho_solve((factor, True), jnp.matmul(scaled.T, values, precision=high))
    log_det = 2 * jnp.sum(jnp.log(jnp.diagonal(factor))) + 2 * jnp.sum(jnp.log(size))
    return safe_divide(solution, size), log_det


def _columns(model: Array, data: DataSet) -> Array:
    """Level, trend and continuum as multiples of a model of mean one, and what is added."""
    shape = model / jnp.mean(model)
    return jnp.concatenate([shape[:, None] * data.factors, data.terms], axis=1)


def _marginal(residual: Array, log_scale: Array, log_det: Array, n: Array, k: int) -> Array:
    """Log of a Gaussian likelihood whose k coefficients are integrated over."""
    return -0.5 * jnp.sum(residual**2) - log_scale - 0.5 * (n - k) * jnp.log(2 * jnp.pi) - 0.5 * log_det


def _gaussian(model: Array, data: DataSet, row: tuple, nuisance: Nuisance) -> Fitted:
    values, errors, good = row
    columns = _columns(model, data)
    scale = jnp.sqrt(errors**2 + nuisance.jitter**2)
    weight = good / scale
    fixed = jnp.zeros_like(model) if data.factors.shape[1] else model
    coefficients, log_det = _solve(weight[:, None] * columns, weight * (values - fixed))
    fitted = columns @ coefficients + fixed
    residual = weight * (values - fitted)
    log_scale = jnp.sum(jnp.where(good, jnp.log(scale), 0))
    k = columns.shape[1]
    return Fitted(fitted, residual, _marginal(residual, log_scale, log_det, jnp.sum(good), k))


def _student(model: Array, data: DataSet, row: tuple, nuisance: Nuisance) -> Fitted:
    """Coefficients at the maximum, by repeated reweighting, and the integral about it in its second order."""
    values, errors, good = row
    columns, dof = _columns(model, data), nuisance.dof
    scale = jnp.sqrt(errors**2 + nuisance.jitter**2)
    fixed = jnp.zeros_like(model) if data.factors.shape[1] else model
    weight, log_det, fitted = good / scale, jnp.zeros((), model.dtype), model
    for _ in range(_REWEIGHTINGS):
        coefficients, log_det = _solve(weight[:, None] * columns, weight * (values - fixed))
        fitted = columns @ coefficients + fixed
        squares = ((values - fitted) / scale) ** 2
        weight = good / scale * jnp.sqrt((dof + 1) / (dof + squares))
    residual = good * (values - fitted) / scale
    norm = jax.lax.lgamma(0.5 * (dof + 1)) - jax.lax.lgamma(0.5 * dof) - 0.5 * jnp.log(jnp.pi * dof)
    density = norm - jnp.log(scale) - 0.5 * (dof + 1) * jnp.log1p(residual**2 / dof)
    k = columns.shape[1]
    return Fitted(
        fitted, residual, jnp.sum(jnp.where(good, density, 0)) - 0.5 * log_det + 0.5 * k * jnp.log(2 * jnp.pi)
    )


def _correlated(model: Array, data: DataSet, row: tuple, nuisance: Nuisance) -> Fitted:
    """Matern 3/2 noise beside the white, solved in linear time."""
    from tinygp import GaussianProcess, kernels

    values, errors, good = row
    columns = _columns(model, data)
    variance = errors**2 + nuisance.jitter**2
    typical = jnp.sum(jnp.where(good, variance, 0)) / jnp.sum(good)
    absent = _ABSENT * jax.lax.stop_gradient(typical)
    scale = nuisance.gp_rho if isinstance(data.instrument, Photometer) else nuisance.gp_width
    kernel = kernels.quasisep.Matern32(scale=scale, sigma=nuisance.gp_sigma)
    process = GaussianProcess(kernel, data.where, diag=jnp.where(good, variance, absent), assume_sorted=True)
    fixed = jnp.zeros_like(model) if data.factors.shape[1] else model
    # What is left out has the value of the model, so that it pulls at nothing.
    both = jnp.concatenate([columns, jnp.where(good, values - fixed, 0)[:, None]], axis=1)
    both = process.solver.solve_triangular(jnp.where(good[:, None], both, 0))
    coefficients, log_det = _solve(both[:, :-1], both[:, -1])
    residual = both[:, -1] - both[:, :-1] @ coefficients
    log_scale = process.solver.normalization() - 0.5 * data.where.size * jnp.log(2 * jnp.pi)
    log_scale = log_scale - 0.5 * jnp.sum(jnp.where(good, 0, jnp.log(absent)))
    log = _marginal(residual, log_scale, log_det, jnp.sum(good), columns.shape[1])
    return Fitted(columns @ coefficients + fixed, residual, log)


_LIKELIHOODS = {"gaussian": _gaussian, "student": _student, "correlated": _correlated}


def fitted(model: Float[Array, "n_rows n"], data: DataSet, nuisance: Nuisance) -> Fitted:
    """A data set's model with its columns solved for, whitened residuals and ln likelihood of every row.

    Args:
        model: What the simulator gives for this instrument; any scale if the data set has columns.
        data: Measurements.
        nuisance: Jitter and the like.
    """
    one = _LIKELIHOODS[data.noise]
    # Absolute fluxes are tiny numbers; without columns they are compared as they are.
    model = model if data.factors.shape[1] else model / data.scale
    return jax.vmap(lambda m, *row: one(m, data, row, nuisance))(model, data.values, data.errors, data.good)


class Study(eqx.Module):
    """What is fitted together: simulators by name of the star, "" for one star, and its data sets.

    Attributes:
        simulators: By name of the star.
        data: By name of the star.
    """

    simulators: dict[str, Simulator]
    data: dict[str, tuple[DataSet, ...]]

    def models(self, scene: dict) -> tuple[dict[str, Float[Array, "n_rows n"]], Bool[Array, ""]]:
        """What each data set would be without noise, by `key_of`, and whether every stage held."""
        models, valid = {}, jnp.asarray(True)
        for star, simulator in self.simulators.items():
            observables = _shifted(simulator, scene, star)(scene[star])
            valid = valid & observables.valid
            for data in self.data[star]:
                if isinstance(data.instrument, Photometer):
                    models[key_of(star, data)] = observables.light_curves[data.name].flux
                else:
                    models[key_of(star, data)] = observables.spectra[data.name].flux
        return models, valid

    def fitted(self, scene: dict) -> tuple[dict[str, Fitted], Bool[Array, ""]]:
        """Every data set's model and residuals, and whether every stage held."""
        models, valid = self.models(scene)
        return {
            key: fitted(models[key], data, scene[key])
            for star in self.data
            for data in self.data[star]
            for key in [key_of(star, data)]
        }, valid

    @property
    def is_least_squares(self) -> bool:
        """Whether all noise is Gaussian and white."""
        return all(d.noise == "gaussian" for sets in self.data.values() for d in sets)

    @property
    def n_good(self) -> int:
        """Number of measurements, on the host."""
        return sum(d.n_good for sets in self.data.values() for d in sets)


def key_of(star: str, data: DataSet) -> str:
    """Name of a data set in a scene: the instrument's, after the star's if there are several."""
    return f"{star}.{data.name}" if star else data.name


def _shifted(simulator: Simulator, scene: dict, star: str) -> Simulator:
    """The simulator with each spectrograph's own zero point of velocity."""
    if not simulator.recorders:
        return simulator
    shifts = []
    for recorder in simulator.recorders:
        key = f"{star}.{recorder.spectrograph.name}" if star else recorder.spectrograph.name
        velocity = scene[key].velocity if key in scene else jnp.zeros((), recorder.observer.dtype)
        shifts.append(recorder.observer - velocity)
    return eqx.tree_at(lambda s: [r.observer for r in s.recorders], simulator, shifts)


def log_likelihood(study: Study, scene: dict) -> Float[Array, ""]:
    """Natural log of the likelihood of all data sets; NaN where a stage of the simulation failed."""
    results, valid = study.fitted(scene)
    total = sum(jnp.sum(f.log_likelihood) for f in results.values())
    return jnp.where(valid, total, jnp.nan)


def residuals(study: Study, scene: dict) -> Float[Array, " n"]:
    """Whitened residuals of all data sets, one after the other; NaN where a stage failed."""
    results, valid = study.fitted(scene)
    return jnp.where(valid, jnp.concatenate([f.residual.ravel() for f in results.values()]), jnp.nan)
