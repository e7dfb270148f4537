"""What a planet hides of the disc, as nodes that move with it."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Float

from dynamojax.numerics import gauss_legendre, gauss_stretches, safe_divide, safe_sqrt, share_in_arc
from dynamojax.planets.crossing import cap_arcs, direction, planet_arc, turned


class PlanetNodes(NamedTuple):
    """Quadrature nodes over what a planet hides, on slices with an arc each.

    Attributes:
        points: Unit vectors (x, y, mu).
        angle: Solid angles: mu times these is projected area. All zero where nothing is hidden. [sr]
        turn: Cosine and sine by which the sky was turned.
        height: Of the slices, on the turned sky. [stellar radius]
        arcs: Ends of the slices' arcs, as angles about the axis of height. [rad]
        n_along: Nodes of a slice; those of one place follow each other, slice after slice.
    """

    points: Float[Array, "3 n_nodes"]
    angle: Float[Array, " n_nodes"]
    turn: tuple[Float[Array, ""], Float[Array, ""]]
    height: Float[Array, " n_slices"]
    arcs: Float[Array, "2 n_slices"]
    n_along: int


def _slices(top: Array, limb: Array, n: int) -> tuple[Array, Array]:
    """Places and weights of planes of constant y in the three panels between +-top and +-limb."""
    u, w = (jnp.asarray(q, top.dtype) for q in gauss_legendre(n, 0.0, 1.0))
    place, weight = u * u * (3 - 2 * u), 6 * u * (1 - u) * w  # square roots at the ends are smooth in u
    edges = jnp.stack([-top, -limb, limb, top])
    step = (edges[1:] - edges[:-1])[:, None]
    return (edges[:-1, None] + step * place).ravel(), (step * weight).ravel()


def planet_nodes(
    x: Float[Array, ""],
    y: Float[Array, ""],
    z: Float[Array, ""],
    radius_ratio: Float[Array, ""],
    n_slices: int,
    n_along: int,
) -> PlanetNodes:
    """Quadrature nodes over the part of the star's visible surface behind a planet.

    The sky is turned so that the planet lies on the +x axis, and cut by planes of constant y, on which
    the planet covers one arc, as in `crossing`.

    Args:
        x: Position of the planet, as from `planet_positions`. [stellar radius]
        y: Along the projected spin axis. [stellar radius]
        z: Towards the observer; z <= 0 is behind. [stellar radius]
        radius_ratio: Planet over stellar radius; 0 is no planet. [1]
        n_slices: Planes between two corners, where the planet's rim crosses the limb.
        n_along: Nodes of a plane.

    Gradients: finite everywhere.
    """
    clear = (z <= 0) | (radius_ratio <= 0) | (x * x + y * y >= (1 + radius_ratio) ** 2)
    x, y, p = jnp.where(clear, 0.5, x), jnp.where(clear, 0, y), jnp.where(clear, 0.1, radius_ratio)
    cos_turn, sin_turn = direction(*stop_gradient((x, y)))
    x, y = cos_turn * x + sin_turn * y, cos_turn * y - sin_turn * x
    top, at = jnp.minimum(p, 1), safe_divide(1 + (x - p) * (x + p), 2 * x)
    limb = safe_sqrt((1 - at) * (1 + at))
    up, w_up = _slices(top, jnp.where(limb > 0, jnp.minimum(limb, top), top), n_slices)
    height = y + up
    rim = safe_sqrt((1 - height) * (1 + height))
    start, width = planet_arc(up, rim, x, p)
    v, w_v = (jnp.asarray(q, p.dtype) for q in gauss_legendre(n_along, 0.0, 1.0))
    angle = (start + width * v[:, None]).ravel()
    weight = (w_up * width * w_v[:, None]).ravel()
    rim, height = jnp.tile(rim, n_along), jnp.tile(height, n_along)
    across, mu = rim * jnp.sin(angle), rim * jnp.cos(angle)
    nodes = jnp.stack([cos_turn * across - sin_turn * height, sin_turn * across + cos_turn * height, mu])
    arcs = jnp.stack([start, start + width])
    angle = jnp.where(clear, 0, weight)
    return PlanetNodes(nodes, angle, (cos_turn, sin_turn), height[: start.size], arcs, n_along)


def covered_share(
    nodes: PlanetNodes, position: Float[Array, "3 n_caps"], half_sine: Float[Array, " n_caps"]
) -> Float[Array, " n_nodes"]:
    """Share of each node's stretch of its slice that lies in a union of caps.

    On a slice a cap is one arc, so that the share of a stretch is exact for one cap; where rims of several
    cut one stretch they count as independent.

    Args:
        nodes: From `planet_nodes`.
        position: Unit vectors to the caps' centres. [1]
        half_sine: sin(r/2) of the radii; 0 is no cap. [1]
    """
    *_, position = turned(0, 0, position, nodes.turn)
    rim = safe_sqrt((1 - nodes.height) * (1 + nodes.height))
    middle, beta = cap_arcs(nodes.height, rim, position, half_sine)
    edges = jnp.asarray(gauss_stretches(nodes.n_along, 0.0, 1.0), rim.dtype)
    start, stop = nodes.arcs
    ends = start + (stop - start) * edges[:, None, None]  # (n_along + 1, 1, n_slices)
    half = 0.5 * (ends[1:] - ends[:-1])
    offset = 0.5 * (ends[1:] + ends[:-1]) - middle
    return 1 - jnp.prod(1 - share_in_arc(offset, half, beta), axis=1).ravel()
