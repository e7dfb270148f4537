"""The tracks about a star: which ones, and with what weights."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from dynamojax.hermite import hermite_weights

_HIGHEST = jax.lax.Precision.HIGHEST
_WITHOUT_METALS = 0.5  # over the Sun's metals: what a star without any has of the coordinate's argument


class TrackStencil(NamedTuple):
    """Up to 4 x 4 x 4 neighbouring tracks in mass, feh and alpha.

    Attributes:
        start: First node along each axis.
        weights: Along each axis; their product is the weight of a track.
        first: First evolutionary phase, as an index, that all tracks at the corners of the cell have.
        last: Last such phase; below `first` where a corner is absent or the star lies off the axes.
    """

    start: tuple[Int[Array, ""], ...]
    weights: tuple[Float[Array, "_"], ...]
    first: Int[Array, ""]
    last: Int[Array, ""]

    def interpolated(
        self, cube: Float[Array, "n_mass n_feh n_alpha n_eep *rest"], phase: Int[Array, ""], n: int
    ) -> Float[Array, "n *rest"]:
        """The cube between the tracks, at n phases from `phase` on."""
        rest = cube.shape[4:]
        zero = jnp.zeros_like(phase)
        sizes = (*(w.shape[0] for w in self.weights), n, *rest)
        block = jax.lax.dynamic_slice(cube, (*self.start, phase, *(zero,) * len(rest)), sizes)
        # Weights sum to one: taking out one track keeps the digits of float32.
        reference = block[0, 0, 0]
        return reference + jnp.einsum(
            "i,j,k,ijk...->...", *self.weights, block - reference, precision=_HIGHEST
        )


def metal_scale(feh: np.ndarray) -> np.ndarray:
    """Coordinate in which tracks are interpolated between metallicities: log10(10^feh + 0.5). [dex].

    Opacity is that of hydrogen and helium plus that of metals: it follows [Fe/H] in rich stars and hardly in
    poor ones, and so do luminosities. With one metallicity left out, cubic interpolation is off by a third
    (luminosity) to a half (teff) of what it is in [Fe/H] itself; 0.5 is the best of 0, 0.03, 0.1, 0.3, 0.5,
    0.7, 1 and 2.

    Args:
        feh: Of the host. [dex]
    """
    return np.log10(10.0**feh + _WITHOUT_METALS)


def on_metal_scale(
    nodes: Float[Array, " n_feh"], feh: Float[Array, ""]
) -> tuple[Float[Array, " n_feh"], Float[Array, ""]]:
    """`metal_scale` of nodes and of a star, equal where the metallicities are, however either is rounded."""

    def scale(x):
        return jnp.log10(jnp.exp(x * np.log(10.0)) + _WITHOUT_METALS)

    scaled, here = scale(nodes), scale(feh)
    off = jax.lax.stop_gradient(jnp.where(nodes == feh, scaled - here, 0.0).sum())
    return scaled, here + off


def _polynomial_weights(nodes: Float[Array, " n"], x: Float[Array, ""]) -> Float[Array, " n"]:
    """Weights of the polynomial through all nodes, for axes too short for a Hermite stencil."""
    n = nodes.shape[0]
    weights = []
    for i in range(n):
        others = [(x - nodes[j]) / (nodes[i] - nodes[j]) for j in range(n) if j != i]
        weights.append(jnp.prod(jnp.stack(others)) if others else jnp.ones_like(x))
    return jnp.stack(weights)


def axis_stencil(nodes, x):
    """Start and weights of the stencil, start and linear weights of the cell, whether x lies inside."""
    n = nodes.shape[0]
    if n >= 4:
        return hermite_weights(nodes, x)
    zero = jnp.zeros((), dtype=jnp.int32)
    inside = (x >= nodes[0]) & (x <= nodes[-1])
    if n == 1:
        one = jnp.ones_like(x)[None]
        return zero, one, zero, one, inside
    cell = jnp.clip(jnp.searchsorted(nodes, x, side="right") - 1, 0, n - 2)
    u = (x - nodes[cell]) / (nodes[cell + 1] - nodes[cell])
    return zero, _polynomial_weights(nodes, x), cell, jnp.stack([1 - u, u]), inside


def track_stencil(
    axes: tuple[Float[Array, "_"], ...],
    first: Int[Array, "n_mass n_feh n_alpha"],
    last: Int[Array, "n_mass n_feh n_alpha"],
    point: tuple[Float[Array, ""], ...],
) -> TrackStencil:
    """The tracks about a point.

    Args:
        axes: Nodes in ln mass, metal_scale and alpha. [ln M_sun, dex, dex]
        first: First phase of each track, as an index.
        last: Last phase of each track; below `first` where there is no track.
        point: The star, in the same units.
    """
    parts = [axis_stencil(nodes, x) for nodes, x in zip(axes, point, strict=True)]
    start, weights, cell, linear, inside = zip(*parts, strict=True)
    # A corner of no weight may be absent: nodes and faces at the edge of the tracks belong to them.
    needed = jnp.einsum("i,j,k->ijk", *linear) != 0
    begin = _corners(first, cell, linear, needed, 0).max()
    end = _corners(last, cell, linear, needed, jnp.iinfo(last.dtype).max).min()
    inside = inside[0] & inside[1] & inside[2]
    return TrackStencil(start, weights, begin, jnp.where(inside, end, -1))


def _corners(
    table: Int[Array, "n_mass n_feh n_alpha"], cell, linear, needed: Bool[Array, "..."], neutral
) -> Num[Array, "..."]:
    corner = jax.lax.dynamic_slice(table, cell, tuple(w.shape[0] for w in linear))
    return jnp.where(needed, corner, neutral)
