"""The limb of a spherical model atmosphere, and its many mu brought to a quadrature.

A spherical model gives intensities out to its outermost layer, where hardly any light comes from: the
star that an observer sees ends where the intensity falls most steeply. There mu is set to 0, radii are
scaled to 1, and the flux is kept: the intensities at the quadrature are multiplied, at each wavelength, by
what makes their flux over the new disc that of the whole model, halo included, so that the luminosity is
the model's. The radius of the star is then that of its limb, and the flux per surface grows accordingly;
PHOENIX's effective temperatures refer to such a radius (tau = 1), not to the outermost layer.
Source: Wittkowski, Aufdenberg & Kervella (2004), A&A 413, 711, section 3, and Espinoza & Jordan (2015),
MNRAS 450, 1879, section 2.2, for the point of steepest fall.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from dynamojax.atmosphere.limb_darkening import quadrature_nodes


@dataclass(frozen=True, eq=False)
class LimbReduction:
    """From intensities at a model's mu to those at quadrature nodes of the star within its limb.

    Attributes:
        radius: Of the limb, in units of the outermost layer's. [1]
        flux_weights: Weights of the model's intensities in the integral of I mu dmu. [1]
        inside: Which of the model's mu are within the limb.
        at_limb: Weights of the model's intensities in that at the limb.
        mu: Cosines of the limb and of the nodes within it, increasing from 0. [1]
        nodes: Of the quadrature. [1]
        weights: Of the quadrature, for the integral of I mu dmu. [1]
    """

    radius: float
    flux_weights: np.ndarray
    inside: np.ndarray
    at_limb: np.ndarray
    mu: np.ndarray
    nodes: np.ndarray
    weights: np.ndarray

    def __call__(self, intensity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Intensities at the quadrature nodes.

        Args:
            intensity: At the model's mu, [n_mu, n_wavelength]. [any unit]

        Returns:
            Intensities [n_nodes, n_wavelength] whose flux over the disc of the limb's radius is the model's;
            and the factor at each wavelength that made it so: halo and quadrature.
        """
        known = np.concatenate([(self.at_limb @ intensity)[None], intensity[self.inside]])
        # Monotone, so that the steep fall makes no overshoot and nothing becomes negative.
        reduced = PchipInterpolator(self.mu, known, axis=0)(self.nodes)
        factor = (self.flux_weights @ intensity) / (self.radius**2 * (self.weights @ reduced))
        return reduced * factor, factor


def limb_radius(mu: np.ndarray, profile: np.ndarray) -> float:
    """Radius at which the intensity falls most steeply, in units of the outermost layer's.

    Args:
        mu: Cosines at the outermost layer, increasing. [1]
        profile: Intensity there, all wavelengths together. [any unit]
    """
    radius = np.sqrt(np.maximum(1.0 - mu**2, 0.0))
    fall = np.diff(profile) / -np.diff(radius)
    middle = 0.5 * (radius[1:] + radius[:-1])
    i = int(np.argmax(fall))
    if i == 0:
        return 1.0  # plane-parallel, or as good as: nothing but the infinite slope of mu itself at its end
    if i == len(fall) - 1:
        return float(middle[i])
    a, b, c = np.polyfit(middle[i - 1 : i + 2] - middle[i], fall[i - 1 : i + 2] / fall[i], 2)
    vertex = middle[i] - (0.5 * b / a if a < 0 else 0.0)
    return float(np.clip(vertex, radius[i + 1], radius[i]))  # the steepest stretch itself


def limb_reduction(mu: np.ndarray, profile: np.ndarray, n_nodes: int) -> LimbReduction:
    """How to reduce a model.

    Args:
        mu: Cosines at the outermost layer, increasing, at least 4. [1]
        profile: Intensity there, all wavelengths together, positive and finite. [any unit]
        n_nodes: Of the quadrature.

    Raises:
        ValueError: values of the profile that are not finite, or fewer than 4 mu within the limb.
    """
    if not (np.isfinite(profile).all() and profile.max() > 0):
        raise ValueError("intensities that are not finite, or all zero")
    limb = limb_radius(mu, profile)
    radius = np.sqrt(np.maximum(1.0 - mu**2, 0.0))
    inside = radius < limb
    if inside.sum() < 4:
        raise ValueError(f"only {inside.sum()} values of mu within the limb, at least 4 are needed")
    last = int(np.argmax(inside))  # the node next to the limb; its outer neighbour is last - 1
    at_limb = np.zeros(len(mu))
    share = 0.0
    if last > 0:
        share = (limb - radius[last]) / (radius[last - 1] - radius[last])
        at_limb[last - 1] = share
    at_limb[last] = 1.0 - share
    scaled = np.sqrt(1.0 - (radius[inside] / limb) ** 2)
    nodes, weights = quadrature_nodes(n_nodes)
    return LimbReduction(
        limb, _flux_weights(mu), inside, at_limb, np.concatenate([[0.0], scaled]), nodes, weights
    )


def _flux_weights(mu: np.ndarray) -> np.ndarray:
    """Weights w with sum(w I) = integral of I mu dmu on (0, 1), I a cubic through four neighbours.

    Below the first node I is constant; above the last the last cubic goes on.
    """
    n = len(mu)
    x, w = np.polynomial.legendre.leggauss(3)  # exact for a cubic times mu
    weights = np.zeros(n)
    weights[0] = 0.5 * mu[0] ** 2
    ends = np.append(mu[:-1], 1.0)
    for i in range(n - 1):
        low, high = ends[i], ends[i + 1]
        at = 0.5 * (high + low) + 0.5 * (high - low) * x
        start = min(max(i - 1, 0), n - 4)
        near = mu[start : start + 4]
        for j in range(4):
            others = np.delete(near, j)
            lagrange = np.prod((at[:, None] - others) / (near[j] - others), axis=1)
            weights[start + j] += 0.5 * (high - low) * np.sum(w * lagrange * at)
    return weights
