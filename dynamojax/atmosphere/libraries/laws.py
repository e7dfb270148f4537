"""From the flux of a star's surface to its intensities, by a law of limb darkening."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from dynamojax.atmosphere.building import Node
from dynamojax.atmosphere.grid import BandGrid, load_grid
from dynamojax.atmosphere.interpolation import band_intensity
from dynamojax.atmosphere.limb_darkening import LAWS, LimbDarkening, quadrature_nodes

BANDS = "bands"
# One after the other in wavelength, narrow enough that each stands for its own.
_LADDER = (
    *("johnson_u", "johnson_b", "johnson_v", "cousins_r", "cousins_i"),
    *("2mass_j", "2mass_h", "2mass_ks"),
)


@dataclass(frozen=True)
class Law:
    """Intensity over flux.

    Attributes:
        name: As a grid made with it says.
        shape: From a node and wavelengths in ln A to I(mu) over the surface flux, [n_mu, n_wavelength],
            whose integral over the hemisphere, 2 pi times that of I mu dmu, is 1. [1/sr]
    """

    name: str
    shape: Callable[[Node, np.ndarray], np.ndarray]


def limb_law(law: str, coefficients: Sequence[float], n_mu: int) -> Law:
    """A law by its name.

    Args:
        law: "bands" for the limb darkening of the embedded band grid at each model's parameters, linear in
            ln(wavelength) between bands and constant beyond them; or one of `limb_darkening.LAWS`, the same
            for all models and wavelengths.
        coefficients: Of the law; none for "bands".
        n_mu: Intensities are at `quadrature_nodes(n_mu)`.

    Raises:
        ValueError: no such law, another number of coefficients, or intensities that are not positive.
    """
    mu, weights = quadrature_nodes(n_mu)
    if law == BANDS:
        if coefficients:
            raise ValueError(f"law = 'bands' takes no coefficients, {len(coefficients)} given")
        return Law(
            "bands: Kostogryz et al. (2022), Claret (2011)", lambda node, ln: _band_shape(node, ln, n_mu)
        )
    if law not in LAWS:
        raise ValueError(f"law = {law!r} must be bands or one of {', '.join(LAWS)}")
    shape = np.asarray(LimbDarkening(jnp.asarray(list(coefficients), float), law)(jnp.asarray(mu)), float)
    if shape.min() <= 0:
        raise ValueError(
            f"{law} law with {list(coefficients)} is not positive at mu = {mu[shape.argmin()]:.3f}"
        )
    shape = shape[:, None] / (2.0 * np.pi * weights @ shape)
    numbers = ", ".join(f"{c:g}" for c in coefficients)
    return Law(f"{law} ({numbers})", lambda node, ln: np.broadcast_to(shape, (n_mu, len(ln))))


_band_intensity = jax.jit(band_intensity)  # thousands of models, one at a time


@lru_cache(maxsize=1)
def _ladder() -> BandGrid:
    return load_grid().select(_LADDER)


def _band_shape(node: Node, ln_wavelength: np.ndarray, n_mu: int) -> np.ndarray:
    grid = _ladder()
    values, valid = _band_intensity(grid, *(jnp.asarray(float(x)) for x in node))
    if not bool(valid):
        raise ValueError(
            f"teff = {node[0]:g}, logg = {node[1]:g}, feh = {node[2]:g} has no limb darkening in the "
            "embedded band grid; narrow the ranges, or choose a law with coefficients"
        )
    mu, weights = quadrature_nodes(n_mu)
    # A polynomial in sqrt(mu) through the bands' own nodes, as the four-parameter laws behind them are.
    own, ours = (
        np.polynomial.legendre.legvander(2 * np.sqrt(x) - 1, len(grid.mu) - 1) for x in (grid.mu, mu)
    )
    shape = np.asarray(values, float) @ np.linalg.solve(own, np.eye(len(grid.mu))).T @ ours.T
    shape /= 2.0 * np.pi * (shape @ weights)[:, None]
    at = np.log(np.asarray(grid.wavelength_eff, float))
    return np.stack([np.interp(ln_wavelength, at, column) for column in shape.T])
