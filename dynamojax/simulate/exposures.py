"""Exposures of an instrument as epochs: quadrature nodes in time, and the mean over them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.numerics import LATEST_DAY, as_float
from dynamojax.system import Epochs


class Exposures(eqx.Module):
    """Epochs of Gauss-Legendre nodes inside every exposure, time after time, and the nodes' weights."""

    epochs: Epochs
    weights: Float[Array, " n_sub"] = eqx.field(converter=as_float)

    @staticmethod
    def build(name: str, times: np.ndarray, offsets: np.ndarray, weights: np.ndarray) -> "Exposures":
        """From times of mid-exposure, and offsets and weights of the nodes in an exposure. [day]"""
        times = times[:, None] + offsets
        if np.abs(times).max() > LATEST_DAY:
            raise ValueError(
                f"{name}: times reach {np.abs(times).max():.1f} day, allowed: within {LATEST_DAY} "
                "of the epoch, where phases keep their digits; subtract an epoch"
            )
        return Exposures(Epochs.from_days(times.ravel()), weights)

    @property
    def n_sub(self) -> int:
        """Nodes of an exposure."""
        return self.weights.shape[0]

    def mean(self, values: Float[Array, "n n_samples"]) -> Float[Array, "n n_times"]:
        """Average over each exposure."""
        samples = values.reshape(values.shape[0], -1, self.n_sub)
        return jnp.matmul(samples, self.weights, precision=jax.lax.Precision.HIGHEST)
