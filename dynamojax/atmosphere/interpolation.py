"""Interpolation of the grid: once differentiable in teff, logg and feh, exact at the nodes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Num

from dynamojax.atmosphere.grid import BandGrid
from dynamojax.atmosphere.intensity_grid import IntensityGrid
from dynamojax.hermite import hermite_weights

_HIGHEST = jax.lax.Precision.HIGHEST


class Stencil(NamedTuple):
    """The 4 x 4 x 4 nodes about a point.

    Attributes:
        start: First node along each axis.
        weights: Along each axis; their product is the weight of a node.
        valid: Whether models surround the point.
    """

    start: tuple[Int[Array, ""], ...]
    weights: tuple[Float[Array, "4"], ...]
    valid: Bool[Array, ""]

    def block(self, cube: Num[Array, "n_teff n_logg n_feh *rest"]) -> Num[Array, "4 4 4 *rest"]:
        """The part of the cube at the nodes of the stencil."""
        rest = cube.shape[3:]
        start = (*self.start, *(jnp.zeros_like(self.start[0]),) * len(rest))
        return jax.lax.dynamic_slice(cube, start, (4, 4, 4, *rest))

    def interpolated(self, cube: Float[Array, "n_teff n_logg n_feh *rest"]) -> Float[Array, "*rest"]:
        """The cube at the point."""
        block = self.block(cube)
        # Weights sum to one: taking out one node's value keeps the digits of float32.
        reference = block[1, 1, 1]
        return reference + jnp.einsum(
            "i,j,k,ijk...->...", *self.weights, block - reference, precision=_HIGHEST
        )

    def summed(
        self, weights: Float[Array, "4 4 4"], cube: Num[Array, "n_teff n_logg n_feh *rest"]
    ) -> Float[Array, "*rest"]:
        """Sum over the nodes of the stencil of weights of one's own times the cube.

        Node after node, straight from the cube: a product with the block of 64 spectra copies it first,
        which takes 20 times as long, and 64 times the memory of the result for every star of a batch.
        """

        @jax.checkpoint  # the derivative reads the cube again instead of keeping 64 spectra
        def add(n, total):
            n = n.astype(self.start[0].dtype)
            i = (n // 16, n // 4 % 4, n % 4)
            rest = cube.shape[3:]
            start = (*(s + k for s, k in zip(self.start, i, strict=True)), *(jnp.zeros_like(n),) * len(rest))
            node = jax.lax.dynamic_slice(cube, start, (1, 1, 1, *rest))[0, 0, 0]
            return total + weights[i] * node.astype(weights.dtype)

        return jax.lax.fori_loop(0, 64, add, jnp.zeros(cube.shape[3:], weights.dtype), unroll=8)


def grid_stencil(
    grid: BandGrid | IntensityGrid, teff: Float[Array, ""], logg: Float[Array, ""], feh: Float[Array, ""]
) -> Stencil:
    """Where a point lies in a grid; not valid outside it and in cells with an absent corner.

    Args:
        grid: Its nodes, and which of them hold a model.
        teff: [K]
        logg: [dex]
        feh: [dex]
    """
    parts = [
        hermite_weights(nodes, x) for nodes, x in ((grid.teff, teff), (grid.logg, logg), (grid.feh, feh))
    ]
    start, weights, cell, linear, inside = zip(*parts, strict=True)
    corners = jax.lax.dynamic_slice(grid.exists, cell, (2, 2, 2))
    # A corner of no weight may be absent: nodes and faces at the edge of the models belong to them.
    needed = jnp.einsum("i,j,k->ijk", *linear) != 0
    valid = jnp.all(corners | ~needed) & inside[0] & inside[1] & inside[2]
    return Stencil(start, weights, valid)


def band_intensity(
    grid: BandGrid, teff: Float[Array, ""], logg: Float[Array, ""], feh: Float[Array, ""]
) -> tuple[Float[Array, "n_bands n_mu"], Bool[Array, ""]]:
    """Intensity in every band at the grid's mu, for one atmosphere.

    Args:
        grid: Band intensities.
        teff: Effective temperature. [K]
        logg: Surface gravity, log10 of cm/s2. [dex]
        feh: Metallicity. [dex]

    Returns:
        Intensity [erg/s/cm2/A/sr] and whether the models surround the point; NaN where they do not,
        that is outside the grid and in cells with an absent corner.

    Gradients: continuous across nodes; not meaningful where the value is NaN.
    Accuracy: with every second node left out, so upper bounds, ln I of Kepler at 3500-7000 K and logg >= 4,
        median and 95 %: 0.002 and 0.015 in teff, 0.002 and 0.016 in logg, 0.010 and 0.09 in feh; up to three
        times that below 3500 K. `python -m grids.measure_bands` prints them all. Float32: 2e-6.
    """
    at = grid_stencil(grid, teff, logg, feh)
    value = jnp.exp(at.interpolated(grid.log_level))[:, None] * jnp.exp(at.interpolated(grid.log_shape))
    return jnp.where(at.valid, value, jnp.nan), at.valid


def intensity(
    grid: IntensityGrid, teff: Float[Array, ""], logg: Float[Array, ""], feh: Float[Array, ""]
) -> tuple[Float[Array, "n_mu n_wavelength"], Bool[Array, ""]]:
    """Spectral intensity at the grid's mu and wavelengths, for one atmosphere.

    Args:
        grid: Spectral intensities.
        teff: Effective temperature. [K]
        logg: Surface gravity, log10 of cm/s2. [dex]
        feh: Metallicity. [dex]

    Returns:
        Intensity [erg/s/cm2/A/sr] and whether the models surround the point; NaN where they do not,
        that is outside the grid and in cells with an absent corner.

    Gradients: continuous across nodes; not meaningful where the value is NaN.
    Accuracy: the grid's own, see the README; float32 adds 1e-6, `representation="int16"` 1e-4 at most.
    """
    at = grid_stencil(grid, teff, logg, feh)
    weights = jnp.einsum("i,j,k,ijk->ijk", *at.weights, at.block(grid.step))
    if grid.basis is None:
        shape = at.summed(weights, grid.values)
    else:
        coefficients = jnp.einsum("ijk,ijkmv->mv", weights, at.block(grid.values), precision=_HIGHEST)
        shape = jnp.matmul(coefficients, grid.basis, precision=_HIGHEST)
    value = jnp.exp(at.interpolated(grid.level))[:, None] * jnp.exp(grid.mean + shape)
    return jnp.where(at.valid, value, jnp.nan), at.valid
