"""What a planet hides of the disc and of caps on it, as nodes that follow whichever is smaller."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dynamojax.numerics import (
    gauss_legendre,
    gauss_stretches,
    safe_divide,
    safe_sqrt,
    share_in_arc,
    turned_back,
)
from dynamojax.planets.corners import in_front
from dynamojax.planets.slices import cap_arc, cap_panels, common_arc, planet_arc, planet_panels, shared, wider

# Unit vectors (x, y, mu) to the nodes, and solid angles: mu times these is projected area. [sr]
Nodes = tuple[Float[Array, "3 n_nodes"], Float[Array, " n_nodes"]]

# Slices of what a planet hides for each of `n_slices`, where it may cross the limb; for each cap, and for
# each cap of a union, which has more corners.
_PER_PLANET, _PER_CAP, _PER_CAP_OF_UNION = 3, 4, 8
# How many caps may cover one end of an arc, one beyond the other, and leave it as well resolved.
_TRIMS = 2


def hides_all(
    x: Float[Array, "..."], y: Float[Array, "..."], z: Float[Array, "..."], radius_ratio: Float[Array, "..."]
) -> Bool[Array, "..."]:
    """Whether a planet hides the whole disc."""
    return (z > 0) & (radius_ratio >= 1) & (x * x + y * y <= (radius_ratio - 1) ** 2)


def _on_sphere(place: Array, rim: Array, angle: Array) -> Array:
    """Points at angles (n_along, n_slices) of slices, as (3, n_nodes)."""
    across = jnp.broadcast_to(place, angle.shape)
    return jnp.stack([across, rim * jnp.sin(angle), rim * jnp.cos(angle)]).reshape(3, -1)


def planet_nodes(
    x: Float[Array, ""],
    y: Float[Array, ""],
    z: Float[Array, ""],
    radius_ratio: Float[Array, ""],
    n_slices: int,
    n_along: int,
) -> Nodes:
    """Quadrature nodes over the part of the star's visible surface behind a planet.

    Args:
        x: Position of the planet, as from `planet_positions`. [stellar radius]
        y: Along the projected spin axis. [stellar radius]
        z: Towards the observer; z <= 0 is behind. [stellar radius]
        radius_ratio: Planet over stellar radius; 0 is no planet. [1]
        n_slices: A third of the planes of constant x that cut the planet.
        n_along: Nodes of a plane.

    Returns:
        Unit vectors (x, y, mu) of the nodes, and their solid angles, all zero where nothing is hidden. [sr]
    Gradients: finite everywhere.
    """
    clear, (x, y, p) = in_front(x, y, z, radius_ratio)
    place, weight, _ = shared(*planet_panels(x, y, p), _PER_PLANET * n_slices)
    rim = safe_sqrt((1 - place) * (1 + place))
    start, width = planet_arc(place - x, rim, y, p)
    v, w = (jnp.asarray(q, p.dtype)[:, None] for q in gauss_legendre(n_along, 0.0, 1.0))
    angle = jnp.where(clear, 0, (weight * width * w).ravel())
    return _on_sphere(place, rim, start + width * v), angle


def _wider_arcs(
    place: Array, rim: Array, position: Array, half_sine: Array, cap: Array
) -> tuple[Array, Array]:
    """Arcs (n_caps, n_slices) of caps wider than a slice's own, 0 for others; of two alike, the first."""
    middle, half = cap_arc(place, rim, position[:, :, None], half_sine[:, None])
    return middle, jnp.where(wider(half_sine, cap), half, 0)


def _trimmed(first: Array, last: Array, middle: Array, half: Array) -> tuple[Array, Array]:
    """Arcs cut where others cover their ends; empty where one covers them."""
    for _ in range(_TRIMS):
        offset = turned_back(first - middle)
        first = jnp.max(jnp.where(jnp.abs(offset) < half, first + half - offset, first), axis=0)
        offset = turned_back(last - middle)
        last = jnp.min(jnp.where(jnp.abs(offset) < half, last - half - offset, last), axis=0)
    return first, jnp.maximum(first, last)


def hidden_cap_nodes(
    x: Float[Array, ""],
    y: Float[Array, ""],
    z: Float[Array, ""],
    radius_ratio: Float[Array, ""],
    position: Float[Array, "3 n_caps"],
    half_sine: Float[Array, " n_caps"],
    n_slices: int,
    n_along: int,
    *,
    is_union: bool,
) -> Nodes:
    """Quadrature nodes over what a planet hides of caps.

    Slices are shared among the caps that it touches, between the corners of what it hides of each, so that
    small caps behind large planets are as well resolved as large ones behind small planets.

    Args:
        x: Position of the planet, as from `planet_positions`. [stellar radius]
        y: Along the projected spin axis. [stellar radius]
        z: Towards the observer; z <= 0 is behind. [stellar radius]
        radius_ratio: Planet over stellar radius; 0 is no planet. [1]
        position: Unit vectors to the caps' centres, observer on +z. [1]
        half_sine: sin(r/2) of the radii; 0 is no cap. [1]
        n_slices: A third of the planes of constant x; there are four more for each cap, eight in a
            union.
        n_along: Nodes of a plane.
        is_union: Whether each piece of surface counts once: it belongs to the widest cap it lies in.

    Returns:
        Unit vectors (x, y, mu) of the nodes, and their solid angles; NaN if the planes do not suffice. [sr]
    Gradients: finite everywhere.
    """
    clear, (x, y, p) = in_front(x, y, z, radius_ratio)
    n_caps, per_cap = half_sine.shape[0], _PER_CAP_OF_UNION if is_union else _PER_CAP
    low, wide = (q.ravel() for q in cap_panels(x, y, p, position, half_sine, is_union=is_union))
    place, weight, panel = shared(low, wide, _PER_PLANET * n_slices + per_cap * n_caps)
    cap = panel % n_caps
    rim = safe_sqrt((1 - place) * (1 + place))
    sideways = position[jnp.asarray([1, 0, 2])]
    start, width = planet_arc(place - x, rim, y, p)
    arcs = common_arc(start, width, *cap_arc(place, rim, sideways[:, cap], half_sine[cap]))
    first, last, gap, again = (start + q for q in arcs)
    if is_union:
        others = _wider_arcs(place, rim, sideways, half_sine, cap)
        first, last = _trimmed(first, last, *others)
    v, w = (jnp.asarray(q, p.dtype)[:, None] for q in gauss_legendre(n_along, 0.0, 1.0))
    width = last - first
    ends = first + width * jnp.asarray(gauss_stretches(n_along, 0.0, 1.0), p.dtype)[:, None]
    missing = jnp.maximum(jnp.minimum(ends[1:], again) - jnp.maximum(ends[:-1], gap), 0)
    share = 1 - safe_divide(missing, ends[1:] - ends[:-1])
    if is_union:
        half, middle = 0.5 * (ends[1:] - ends[:-1]), 0.5 * (ends[1:] + ends[:-1])
        covered = share_in_arc(middle[:, None] - others[0], half[:, None], others[1])
        share = share * jnp.prod(1 - covered, axis=1)
    angle = jnp.where(clear, 0, (weight * width * w * share).ravel())
    return _on_sphere(place, rim, first + width * v), angle
