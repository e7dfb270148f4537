r"""Spots and faculae that a planet hides: moments of (planet's disc) and (union of spherical caps).

Turn the sky so that the planet lies on the +x axis. A plane of constant y = sin(eta) cuts the visible
hemisphere in a half-circle of radius R = cos(eta), with mu = R cos(tau), x = R sin(tau), and

    M_k = int mu^k dOmega = int dy R^k int cos^k(tau) dtau.

In tau the planet and every cap are single arcs, half-width w of a cap at (eta_c, tau_c) given by

    sin^2(w/2) = [sin^2(r/2) - sin^2((eta - eta_c)/2)] / (cos eta cos eta_c),

so that their intersection and union are exact, and so is the inner integral. The integral over y is
Gauss-Legendre between the corners of `corners`, in a variable in which square roots at their ends are
smooth. Derivatives are those of the region's boundary, in `rims`.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynamojax.numerics import safe_sqrt, turned_back
from dynamojax.planets.corners import direction, in_front, panel_edges, turned
from dynamojax.planets.rims import moments_change
from dynamojax.planets.slices import cap_arc, planet_arc, rules

# Nodes of one panel: what lies between two corners is smooth, and more would only be rounding.
_MOST_NODES = 64


def _nodes(edges: Array, count: Array, n_nodes: int) -> tuple[Array, Array]:
    """Nodes and weights over the first `count` panels: two in each, the others shared as sqrt(width)."""
    width = edges[1:] - edges[:-1]
    number = jnp.minimum(jnp.arange(1, width.shape[0] + 1), count)
    share = jnp.cumsum(jnp.sqrt(width))  # panels beyond `count` have width 0
    last = 2 * number + jnp.round((n_nodes - 2 * count) * (share / share[-1])).astype(number.dtype)
    node = jnp.arange(n_nodes)
    panel = jnp.searchsorted(last, node, side="right")
    first = jnp.concatenate([jnp.zeros_like(last[:1]), last[:-1]])
    size, index = (last - first)[panel], node - first[panel]
    most = min(n_nodes, _MOST_NODES)
    size = jnp.minimum(size, most)
    tables = (jnp.asarray(q, edges.dtype) for q in rules(most))
    place, weight = (q[size, jnp.minimum(index, most - 1)] for q in tables)
    weight = jnp.where(index < size, weight, 0)
    return edges[panel] + width[panel] * place, width[panel] * weight


def _hidden_arcs(start: Array, width: Array, middle: Array, half: Array) -> tuple[Array, Array]:
    """Ends, counted from the planet's start, of the caps' arcs cut to the planet's; empty if equal.

    A cap's arc may reach round the far side and come in again at the end: all such second parts share
    that end, hence the single arc added for them.
    """
    offset = turned_back(start - middle)
    low, high = jnp.clip(-half - offset, 0, width), jnp.clip(half - offset, 0, width)
    again = jnp.min(jnp.clip(2 * jnp.pi - half - offset, 0, width), axis=0)
    return jnp.concatenate([low, again[None]]), jnp.concatenate([high, width[None]])


def _disjoint(low: Array, high: Array) -> tuple[Array, Array]:
    """The same union of intervals as intervals that do not overlap (some empty)."""
    low, high = jax.lax.sort((low, high), dimension=0, num_keys=1)
    reach = jax.lax.cummax(high, axis=0)
    before = jnp.concatenate([jnp.zeros_like(reach[:1]), reach[:-1]])
    return jnp.maximum(low, before), jnp.maximum(high, before)


def _cosine_powers(tau: Array, n: int) -> list[Array]:
    """Integrals of cos^k from 0 to tau, k = 1 .. n."""
    sine, cosine = jnp.sin(tau), jnp.cos(tau)
    integrals, power = [tau, sine], cosine
    for k in range(2, n + 1):
        integrals.append((power * sine + (k - 1) * integrals[k - 2]) / k)
        power = power * cosine
    return integrals[1:]


def _moments(x: Array, p: Array, position: Array, w: Array, n: int, n_nodes: int, n_panels: int) -> Array:
    edges, count = panel_edges(x, p, position, w, n_panels)
    node, weight = _nodes(edges, jnp.minimum(count, n_panels), n_nodes)
    rim = safe_sqrt((1 - node) * (1 + node))
    start, width = planet_arc(node, rim, x, p)
    arcs = cap_arc(node, rim, position[:, :, None], w[:, None])
    low, high = _disjoint(*_hidden_arcs(start, width, *arcs))
    ends = zip(_cosine_powers(start + low, n), _cosine_powers(start + high, n), strict=True)
    # Empty arcs count as exactly nothing, whatever the compiler's rounding of their two ends.
    slices = [jnp.sum(jnp.where(high > low, last - first, 0), axis=0) for first, last in ends]
    moments = jnp.stack([jnp.sum(weight * rim**k * s) for k, s in enumerate(slices, 1)])
    return jnp.where(count <= n_panels, moments, jnp.nan)


def _beside_centre(x: Array) -> float:
    """Distance from the disc's centre below which slopes are those at that distance. [stellar radius]"""
    return max(float(jnp.finfo(x.dtype).eps) ** 0.7, 1e-8)


@partial(jax.custom_jvp, nondiff_argnums=(5, 6, 7))
def _behind_planet(x, y, p, position, w, n: int, n_nodes: int, n_panels: int) -> Array:
    distance, _, position = turned(x, y, position, direction(x, y))
    return _moments(distance, p, position, w, n, n_nodes, n_panels)


@_behind_planet.defjvp
def _behind_planet_jvp(n, n_nodes, n_panels, primals, tangents):
    x, y, p, position, w = primals
    dx, dy, dp, dposition, dw = tangents
    towards = direction(x, y)
    distance, _, position = turned(x, y, position, towards)
    dx, dy, dposition = turned(dx, dy, dposition, towards)
    # At the disc's very centre directions on the sky are lost; a hair beside it they are not.
    beside = jnp.maximum(distance, _beside_centre(distance))
    by_planet, by_position, by_w = moments_change(beside, p, position, w, n)
    change = jnp.sum(by_planet * jnp.stack([dp, dx, dy]), axis=1)
    change = change + jnp.sum(by_position * dposition, axis=(1, 2)) + jnp.sum(by_w * dw, axis=1)
    # Itself, not the sum over slices: its derivative, too, must be the boundary's.
    return _behind_planet(*primals, n, n_nodes, n_panels), change


def occulted_moments(
    x: Float[Array, ""],
    y: Float[Array, ""],
    z: Float[Array, ""],
    radius_ratio: Float[Array, ""],
    position: Float[Array, "3 n_caps"],
    half_sine: Float[Array, " n_caps"],
    n: int,
    *,
    n_nodes: int = 96,
    n_panels: int = 32,
) -> Float[Array, " n"]:
    """Integrals M_k of mu^k over what a planet hides of a union of caps, k = 1 .. n, at one epoch.

    Args:
        x: Position of the planet, as from `planet_positions`. [stellar radius]
        y: Along the projected spin axis. [stellar radius]
        z: Towards the observer; z <= 0 is behind. [stellar radius]
        radius_ratio: Planet over stellar radius; 0 is no planet. [1]
        position: Unit vectors to the caps' centres, observer on +z. [1]
        half_sine: sin(r/2) of the caps' radii; 0 is no cap. [1]
        n: Number of moments.
        n_nodes: Slices of the planet's disc.
        n_panels: Places for panels between corners, at most half of n_nodes.

    Returns:
        M_1 .. M_n; NaN where there are more corners than panels. [1]
    Gradients: exact, first and second; finite everywhere; zero for empty places and planets off the disc.
    Accuracy: see tests/planets/test_crossing.py and test_rims.py.
    """
    clear, (x, y, p) = in_front(x, y, z, radius_ratio)
    moments = _behind_planet(x, y, p, position, half_sine, n, n_nodes, n_panels)
    return jnp.where(clear, 0, moments)
