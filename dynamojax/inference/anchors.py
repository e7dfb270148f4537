"""Maxima of a posterior as targets of jumps, at every power of the likelihood."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from dynamojax.inference.comoving import Comoving, with_slopes
from dynamojax.inference.labels import exchanges, longitudes, order_of
from dynamojax.inference.mixture import Mixture
from dynamojax.inference.modes import CIRCLE, Ends, distinct, search
from dynamojax.inference.standard import Standard

_SHARE = 0.2  # of the jumps lead to them
_DEPTH = 20.0  # in ln evidence: maxima less probable by more are none
_MOST_MODES = 6


def maxima(standard: Standard, n_starts: int, key: Key[Array, ""]) -> Ends:
    """That least squares find, the weightiest first."""
    settings = {"n_starts": n_starts, "n_candidates": 64 * n_starts, "max_steps": 60}
    start = standard.outside(standard.problem.parameters.start)
    ends = search(standard, np.asarray(start)[None], key=key, **settings)
    maxima, _ = distinct(ends, standard, _DEPTH)
    return Ends(*(x[:_MOST_MODES] for x in maxima))


class Anchors(NamedTuple):
    """Maxima that jumps lead to at any power of the likelihood, so that narrow ones are not missed.

    Attributes:
        centres: In comoving coordinates, the weightiest first, alike spots in its order, (k, m). Where there
            are no longitudes to tell them apart, every exchange of theirs.
        slopes: Of these by standard coordinates, (k, m, m).
        precision: Of the posterior in standard coordinates, (k, m, m).
        prior: Of the prior, (m,).
        most: How many there may be of such a problem.
    """

    centres: np.ndarray
    slopes: np.ndarray
    precision: np.ndarray
    prior: np.ndarray
    most: int

    @staticmethod
    def of(comoving: Comoving, maxima: Ends) -> "Anchors":
        """On the host."""
        standard = comoving.standard
        orders = exchanges(standard)
        z = np.concatenate([maxima.z[:, order] for order in orders])
        prior = np.where(standard.is_round, CIRCLE, 1.0)
        # Least squares know all of the prior but the width of a circle.
        whole = maxima.precision + np.diag(np.where(standard.is_round, CIRCLE, 0.0))
        precision = np.concatenate([whole[:, order][:, :, order] for order in orders])
        there = order_of(z, standard, z[0]) == 0
        z, precision = z[there], precision[there]
        centres, slopes = with_slopes(comoving, jnp.asarray(z, standard.problem.parameters.start.dtype))
        most = _MOST_MODES * (1 if len(longitudes(standard)) else len(orders))
        return Anchors(np.asarray(centres, float), np.asarray(slopes, float), precision, prior, most)

    def at(self, power: float) -> np.ndarray:
        """Covariances of the maxima when the likelihood has this power."""
        n = len(self.prior)
        data = self.precision - np.diag(self.prior)
        inner = np.linalg.inv(power * data + np.diag(self.prior) + 1e-6 * np.eye(n))
        covariance = self.slopes @ inner @ self.slopes.transpose(0, 2, 1)
        return 0.5 * (covariance + covariance.transpose(0, 2, 1)) + 1e-10 * np.eye(n)

    def joined(self, mixture: Mixture, power: float) -> Mixture:
        """A mixture with the maxima."""
        share, k = np.exp(mixture.log_weights), len(self.centres)
        return Mixture.of(
            np.concatenate([(1 - _SHARE) * share / share.sum(), np.full(k, _SHARE / k)]),
            np.concatenate([mixture.centres, self.centres]),
            np.concatenate([mixture.factors @ mixture.factors.transpose(0, 2, 1), self.at(power)]),
            mixture.is_round,
        )
