"""Mixtures of Student's distributions that are fitted to weighted draws: proposals of importance sampling.

On the host, in float64. Some coordinates go round: a component knows the half turn to either side of its
centre; what it draws beyond is counted as lost, so that densities on the circle are exact.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp

DEGREES = 8  # of freedom of all components
_LEAST_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class Mixture:
    """Student's distributions with weights.

    Attributes:
        log_weights: (k,).
        centres: (k, n).
        factors: Lower factors of the scale matrices, (k, n, n).
        is_round: Coordinates with the period 2 pi, (n,).
    """

    log_weights: np.ndarray
    centres: np.ndarray
    factors: np.ndarray
    is_round: np.ndarray

    @staticmethod
    def of(weights, centres, covariances, is_round) -> "Mixture":
        """From scale matrices and weights of any sum; each keeps a least share."""
        weights = np.asarray(weights, float) / np.sum(weights)
        weights = np.maximum(weights, _LEAST_SHARE)
        factors = np.linalg.cholesky(covariances)
        return Mixture(np.log(weights / weights.sum()), np.asarray(centres), factors, is_round)

    def away(self, x: np.ndarray, k: int) -> np.ndarray:
        """From the k-th centre, the shorter way round."""
        return shorter(x - self.centres[k], self.is_round)

    def squares(self, x: np.ndarray) -> np.ndarray:
        """Mahalanobis distances squared, (k, n_points)."""
        inverses = np.linalg.inv(self.factors)
        return np.array([np.sum((self.away(x, k) @ inv.T) ** 2, axis=1) for k, inv in enumerate(inverses)])

    def log_densities(self, x: np.ndarray) -> np.ndarray:
        """Of each component times its weight, (k, n_points)."""
        n, dof = x.shape[1], DEGREES
        norm = gammaln(0.5 * (dof + n)) - gammaln(0.5 * dof) - 0.5 * n * np.log(dof * np.pi)
        det = np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(1)
        log = norm - det[:, None] - 0.5 * (dof + n) * np.log1p(self.squares(x) / dof)
        return log + self.log_weights[:, None]

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """(n_points,)."""
        return logsumexp(self.log_densities(x), axis=0)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Points, and which of them are not lost beyond half a turn from their centre."""
        which = rng.choice(len(self.log_weights), n, p=np.exp(self.log_weights))
        normal = rng.normal(size=(n, self.centres.shape[1]))
        stretch = np.sqrt(DEGREES / rng.chisquare(DEGREES, n))[:, None]
        step = stretch * np.einsum("nij,nj->ni", self.factors[which], normal)
        kept = np.all(np.abs(step[:, self.is_round]) <= np.pi, axis=1)
        return self.centres[which] + step, kept


def shorter(step: np.ndarray, is_round: np.ndarray) -> np.ndarray:
    """The same step the shorter way round."""
    if not is_round.any():
        return step
    step = np.array(step)
    step[..., is_round] = np.mod(step[..., is_round] + np.pi, 2 * np.pi) - np.pi
    return step


def refitted(
    mixture: Mixture, x: np.ndarray, weights: np.ndarray, *, n_steps: int = 8, floor: float = 1e-4
) -> Mixture:
    """Expectation maximisation from a mixture, on weighted points.

    Covariances of components with few points lean on that of all; components without points are dropped.
    """
    n = x.shape[1]
    weights = weights / weights.sum()
    for _ in range(n_steps):
        log = mixture.log_densities(x)
        share = np.exp(log - logsumexp(log, axis=0)) * weights
        tail = (DEGREES + n) / (DEGREES + mixture.squares(x))
        mass, centres, covariances = [], [], []
        for k in range(len(log)):
            if share[k].sum() < 1e-3:
                continue
            row = share[k] * tail[k]
            away = mixture.away(x, k)
            shift = row @ away / row.sum()
            rest = away - shift
            scatter = (row[:, None] * rest).T @ rest / share[k].sum()
            effective = share[k].sum() ** 2 / np.sum(share[k] ** 2)
            old = mixture.factors[k] @ mixture.factors[k].T
            lean = n / (n + effective)
            covariance = (1 - lean) * scatter + lean * old + floor**2 * np.diag(np.diag(old))
            mass.append(share[k].sum())
            centres.append(mixture.centres[k] + shift)
            covariances.append(covariance)
        mixture = Mixture.of(mass, centres, np.array(covariances), mixture.is_round)
    return mixture


def split(mixture: Mixture, x: np.ndarray, weights: np.ndarray, n_components: int, rng) -> Mixture:
    """More components, until there are so many: centres drawn from weighted points, widths of their hosts."""
    missing = n_components - len(mixture.log_weights)
    if missing <= 0:
        return mixture
    at = x[rng.choice(len(x), missing, p=weights / weights.sum())]
    host = np.argmax(mixture.log_densities(at), axis=0)
    centres = np.concatenate([mixture.centres, at])
    factors = np.concatenate([mixture.factors, 0.5 * mixture.factors[host]])
    share = np.exp(np.concatenate([mixture.log_weights, mixture.log_weights[host]]))
    return Mixture.of(share, centres, factors @ factors.transpose(0, 2, 1), mixture.is_round)
