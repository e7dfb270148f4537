"""The posterior about a fit as a Gaussian: Laplace's approximation, by the exact Hessian if it can."""

from dataclasses import dataclass

import numpy as np

from dynamojax.inference.information import Information, matrix_at
from dynamojax.inference.result import Fit


@dataclass(frozen=True, eq=False)
class Laplace:
    """A Gaussian about the best end of a fit. Values are in declared units.

    Attributes:
        fit: The fit.
        information: Its matrix; `kind` is hessian where the exact one is positive definite, else fisher, the
            Gauss-Newton approximation that lacks the model's second derivatives.
        names: Of the parameters.
        mean: The best end.
    """

    fit: Fit
    information: Information

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters that were not held."""
        return self.information.names

    @property
    def mean(self) -> np.ndarray:
        """The best end."""
        return self.information.values

    @property
    def covariance(self) -> np.ndarray:
        """NaN where even Fisher's matrix cannot be inverted: `information.open_directions` says why."""
        return self.information.covariance

    @property
    def errors(self) -> np.ndarray:
        """Standard deviations."""
        return self.information.errors

    def __getitem__(self, name: str) -> tuple[float, float]:
        """Mean and standard deviation by name."""
        i = self.names.index(name)
        return float(self.mean[i]), float(self.errors[i])

    def samples(self, n: int, *, seed: int) -> np.ndarray:
        """Draws, (n, n_parameters); some may lie beyond the bounds, where a Gaussian is a poor picture."""
        return np.random.default_rng(seed).multivariate_normal(self.mean, self.covariance, size=n)


def laplace(fit: Fit) -> Laplace:
    """A Gaussian posterior about a fit.

    The exact Hessian of the posterior, by forward over reverse differentiation; where it is not positive
    definite, at a saddle or with directions left open, Fisher's matrix takes its place and `kind` says so.

    Raises:
        ValueError: the fit failed.
    """
    if not fit.is_valid:
        raise ValueError("the fit is not valid: there is no point to approximate about; try other starts")
    exact = _held_out(fit, matrix_at(fit.problem, fit.canonical, "hessian"))
    if exact.is_positive:
        return Laplace(fit, exact)
    return Laplace(fit, _held_out(fit, matrix_at(fit.problem, fit.canonical, "fisher")))


def _held_out(fit: Fit, information: Information) -> Information:
    """Without the parameters that were held."""
    keep = np.flatnonzero(np.asarray(fit.problem.parameters.is_active))
    return Information(
        tuple(information.names[i] for i in keep),
        information.values[keep],
        information.matrix[np.ix_(keep, keep)],
        information.widths[keep],
        information.kind,
    )
