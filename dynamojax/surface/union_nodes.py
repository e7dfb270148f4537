r"""Overlapping caps at an epoch as nodes, each piece of surface counted once.

Of the caps that a point p lies in, it belongs to the one with the greatest n.p / cos r. What a cap owns is
convex: cut out of it by planes through the star's centre, normal to n_i cos r_j - n_j cos r_i for every other
cap and to the line of sight for the limb. Its boundary consists of arcs of the rim and of edges, stretches of
the great circles in which these planes meet the sphere. Between a curve E(t) and a point O of it lies

    dOmega = O.(E x dE) / (1 + O.E),

positive if the curve runs counterclockwise about O, so that sums over the whole boundary are integrals over
what is owned. O is the cap's centre, or of the limb the point nearest to it; rays are great circles from O to
Gauss nodes of each piece of the boundary, and everything is smooth along pieces and along rays.

A cap's own frame is its centre's direction and two along the surface, `tangents`. There a plane keeps those p
with a p0 > b (ec p1 + es p2); an edge is E = F cos t + T sin t about its point F nearest to the centre,

    F = (b, a ec, a es) / sqrt(a^2 + b^2),    T = (0, -es, ec).
"""

from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.numerics import gauss_legendre, safe_arctan2, safe_divide, safe_sqrt, turned_back
from dynamojax.surface.arcs import exposed_ends
from dynamojax.surface.nodes import tangents
from dynamojax.surface.overlap import neighbours, touching

# Rays of a piece, but one where there are too many: of n caps there are at most 6 n arcs and 6 n edges.
_LEAST, _PIECES = 3, 12
_MOST = 64
_FAR = 1e9  # tangent of an angle that bounds nothing


class _Frames(NamedTuple):
    """Of each cap: unit vectors (3, n_caps), and O = (o0, o1, 0) in them."""

    centre: Array
    inwards: Array
    beside: Array
    o0: Array
    o1: Array


class _Cuts(NamedTuple):
    """Planes (n_caps, n_cuts) that cut each cap; a = 1, b = 0 cuts nothing, a = -1, b = 0 leaves nothing."""

    a: Array
    b: Array
    ec: Array
    es: Array


class _Pieces(NamedTuple):
    """Curves (e0, 0, 0) + q cos t + (0, *r) sin t that bound what each cap owns, (n_caps, n_pieces)."""

    start: Array
    width: Array  # of t; 0 is no piece
    need: Array  # of rays
    e0: Array
    q0: Array
    q1: Array
    q2: Array
    r1: Array
    r2: Array


def _frames(position: Array) -> _Frames:
    x, y, z = position
    s0 = safe_sqrt(x * x + y * y)
    inwards, beside = tangents(*position)
    return _Frames(position, inwards, beside, jnp.where(z > 0, 1, s0), jnp.where(z > 0, 0, -z))


def _plane(a: Array, towards: Array, aside: Array) -> tuple[Array, ...]:
    b = safe_sqrt(towards * towards + aside * aside)
    return a, b, jnp.where(b > 0, safe_divide(towards, b), 1), safe_divide(aside, b)


def _cuts(frames: _Frames, half_sine: Array, index: Array, is_real: Array) -> _Cuts:
    """By other caps (n_caps, n_neighbours), and by the limb as the last."""
    w, v = half_sine[:, None], half_sine[index]
    away = frames.centre[:, index] - frames.centre[:, :, None]
    apart = 0.5 * jnp.sum(away * away, axis=0)
    twin = is_real & (apart == 0) & (w == v)
    spare = jnp.any(twin & (index < jnp.arange(w.shape[0])[:, None]), axis=1)  # of twins, the first stays
    cuts, cos_r = is_real & ~twin & ~spare[index], 1 - 2 * w * w
    a = jnp.where(cuts, 2 * (w - v) * (w + v) + apart * cos_r, 1)
    along = (jnp.where(cuts, cos_r * jnp.sum(away * q[:, :, None], 0), 0) for q in frames[1:3])
    limb = (
        jnp.where(spare, c, q)[:, None] for c, q in zip((-1, 0, 0), (q[2] for q in frames[:3]), strict=True)
    )
    limb = [sign * q for sign, q in zip((1, -1, -1), limb, strict=True)]
    return _Cuts(*(jnp.concatenate(q, axis=1) for q in zip(_plane(a, *along), _plane(*limb), strict=True)))


def _edges(cuts: _Cuts, cos_r: Array, sin_r: Array) -> tuple[Array, Array]:
    """First t and width of each edge: of its great circle, what no other plane cuts off in the cap."""
    a, b, ec, es = (q[:, :, None] for q in cuts)
    others = [q[:, None, :] for q in cuts]
    size = safe_sqrt(a * a + b * b)
    reach = (b * sin_r[..., None] - cos_r[..., None] * a) * (b * sin_r[..., None] + cos_r[..., None] * a)
    half = safe_arctan2(safe_sqrt(reach), cos_r[..., None] * size)[..., 0]
    # Sides of the others' planes that F and T are on: kept is near + far tan t > 0.
    near = safe_divide(b * others[0] - a * others[1] * (ec * others[2] + es * others[3]), size)
    far = -others[1] * (ec * others[3] - es * others[2])
    # Slopes of a quotient with a far that is rounding of zero would overflow.
    far = jnp.where(_FAR * jnp.abs(far) > jnp.abs(near), far, 0)
    other, at = ~jnp.eye(a.shape[1], dtype=bool), safe_divide(-near, far)
    low = jnp.where(other & (far > 0), at, jnp.where(other & (far == 0) & (near < 0), _FAR, -_FAR))
    high = jnp.where(other & (far < 0), at, _FAR)
    low = jnp.maximum(jnp.arctan(jnp.max(low, axis=2)), -half)
    high = jnp.minimum(jnp.arctan(jnp.min(high, axis=2)), half)
    return low, jnp.where(reach[..., 0] > 0, jnp.maximum(high - low, 0), 0)


def _arcs(cuts: _Cuts, cos_r: Array, sin_r: Array) -> tuple[Array, Array, Array]:
    """First t and width of each arc, from where a plane ceases to cut the rim; and whether a rim is whole."""
    sine, cosine = cuts.b * sin_r, cuts.a * cos_r
    reach = (sine - cosine) * (sine + cosine)
    is_cut = reach > 0
    half = safe_arctan2(safe_sqrt(reach), jnp.where(is_cut, cosine, 1))
    middle = safe_arctan2(cuts.es, cuts.ec)
    first, last = (jnp.where(is_cut, turned_back(middle + sign * half), 0) for sign in (-1, 1))
    shown = (sin_r > 0) & ~jnp.any(~is_cut & (cuts.a < 0), axis=1, keepdims=True)
    first_out, last_out = (q.T & is_cut & shown for q in exposed_ends(first.T, last.T))
    ahead = first[:, None, :] - last[:, :, None]
    ahead = ahead - 2 * jnp.pi * jnp.floor(ahead / (2 * jnp.pi))
    ahead = jnp.where((ahead == 0) & jnp.eye(first.shape[1], dtype=bool), 2 * jnp.pi, ahead)
    width = jnp.min(jnp.where(first_out[:, None, :], ahead, 2 * jnp.pi), axis=2)
    is_whole = shown & ~jnp.any(is_cut, axis=1, keepdims=True)
    return last, jnp.where(last_out, width, 0), is_whole


def _pieces(cuts: _Cuts, half_sine: Array) -> _Pieces:
    """Edges, arcs, and as the last the whole rim if nothing cuts it."""
    w = half_sine[:, None]
    cos_r, sin_r = 1 - 2 * w * w, 2 * w * safe_sqrt((1 - w) * (1 + w))
    low, wide = _edges(cuts, cos_r, sin_r)
    start, length, is_whole = _arcs(cuts, cos_r, sin_r)
    over = safe_divide(jnp.ones_like(wide), safe_sqrt(cuts.a * cuts.a + cuts.b * cuts.b))
    foot = cuts.b * over, cuts.a * cuts.ec * over, cuts.a * cuts.es * over
    edges = _Pieces(low, wide, safe_divide(wide, 4 * sin_r), 0 * wide, *foot, -cuts.es, cuts.ec)
    start = jnp.append(start, jnp.full_like(w, -jnp.pi), axis=1)
    length = jnp.append(length, jnp.where(is_whole, 2 * jnp.pi, 0).astype(w.dtype), axis=1)
    rim = (q + 0 * length for q in (cos_r, 0, sin_r, 0, 0, sin_r))
    arcs = _Pieces(start, length, length / (2 * jnp.pi), *rim)
    return jax.tree.map(lambda *q: jnp.concatenate(q, axis=1), edges, arcs)


@lru_cache
def _rules(most: int) -> tuple[np.ndarray, np.ndarray]:
    """Places in (0, 1) and weights of the Gauss rules of 0 .. most nodes, zero where there is none."""
    place, weight = np.zeros((2, most + 1, most))
    for m in range(1, most + 1):
        place[m, :m], weight[m, :m] = gauss_legendre(m, 0.0, 1.0)
    return place, weight


def _rays(need: Array, n_rays: int) -> tuple[Array, Array, Array]:
    """Piece of each ray, its place there from 0 to 1, and its weight: shared out as pieces need them."""
    number = jnp.sum(need > 0)
    least = jnp.minimum(_LEAST, n_rays // jnp.maximum(number, 1))
    # A little less than there are, and whole numbers summed: rounding must take no ray from a piece.
    spare = 0.999 * safe_divide((n_rays - least * number).astype(need.dtype), jnp.sum(need))
    size = jnp.where(need > 0, least + jnp.floor(spare * need).astype(number.dtype), 0)
    last = jnp.cumsum(size)
    index = jnp.arange(n_rays)
    piece = jnp.minimum(jnp.searchsorted(last, index, side="right"), need.shape[0] - 1)
    most = min(n_rays, _MOST)
    size, index = jnp.minimum(size[piece], most), index - (last - size)[piece]
    place, weight = (jnp.asarray(q, need.dtype)[size, jnp.clip(index, 0, most - 1)] for q in _rules(most))
    return piece, place, jnp.where((index >= 0) & (index < size), weight, 0)


def _on_rays(frames: _Frames, pieces: _Pieces, n_radial: int, n_rays: int) -> tuple[Array, Array]:
    """Nodes (3, n_radial, n_rays) and solid angles."""
    per_cap = pieces.width.shape[1]
    piece, place, share = _rays(jax.lax.stop_gradient(pieces.need.ravel()), n_rays)
    start, width, _, e0, q0, q1, q2, r1, r2 = jnp.stack([q.ravel() for q in pieces], axis=1)[piece].T
    axes = jnp.concatenate([*frames[:3], frames.o0[None], frames.o1[None]]).T[piece // per_cap].T
    o0, o1 = axes[9:]
    t = start + width * place
    co, si = jnp.cos(t), jnp.sin(t)
    e0, e1, e2 = e0 + q0 * co, q1 * co + r1 * si, q2 * co + r2 * si
    d0, d1, d2 = -q0 * si, r1 * co - q1 * si, r2 * co - q2 * si
    along = o0 * e0 + o1 * e1
    swept = o0 * (e1 * d2 - e2 * d1) + o1 * (e2 * d0 - e0 * d2)
    angle = share * width * swept / (1 + along)
    # Rings of equal area round a whole cap, where odd powers of the distance cancel; else evenly spaced ones.
    u, wu = (jnp.asarray(q, t.dtype)[:, None] for q in gauss_legendre(n_radial, 0.0, 1.0))
    is_whole = piece % per_cap == per_cap - 1
    versine, weight = jnp.where(is_whole, u, u * u), jnp.where(is_whole, wu, 2 * u * wu)
    outwards = jnp.sqrt(versine * (2 - versine * (1 - along)) / (1 + along))
    rest = 1 - versine * (1 - along) - outwards * along
    p0, p1, p2 = rest * o0 + outwards * e0, rest * o1 + outwards * e1, outwards * e2
    nodes = axes[:3, None] * p0 + axes[3:6, None] * p1 + axes[6:9, None] * p2
    return nodes, weight * angle


def union_nodes(
    position: Float[Array, "3 n_caps"],
    half_sine: Float[Array, " n_caps"],
    n_radial: int,
    n_azimuth: int,
    n_neighbours: int,
) -> tuple[Float[Array, "3 n_nodes"], Float[Array, " n_nodes"]]:
    """Quadrature nodes over the visible part of a union of caps.

    Args:
        position: Unit vectors to the caps' centres, observer on +z. [1]
        half_sine: sin(r/2) of the radii r <= pi/2; 0 is no cap. [1]
        n_radial: Rings of a cap by itself, as in `cap_nodes`; one more is taken.
        n_azimuth: Nodes of a ring; half as many again and six are shared out.
        n_neighbours: How many other caps may overlap any one cap.

    Returns:
        Unit vectors (x, y, mu) of the nodes, and their solid angles, negative for some; mu times these is
        projected area. NaN where the neighbours do not fit. [sr]
    Gradients: finite everywhere; wrong for a whole hemisphere and what overlaps its rim, and where three rims
        meet in one point to rounding.
    Accuracy: crowds of six caps of 1 to 7, 5 to 12 and 15 to 40 deg, nodes as `DiscConfig` finds them for
        12 km/s in LAMOST: light, in shares of the disc, 2e-8, 2e-7 and 4e-8 at worst, 6e-12, 4e-10 and 7e-11
        in the median; its slopes 4e-6, 1e-5 and 3e-7 of the largest. Spectra err as those of single caps do:
        1e-6 there, 5e-5 for 40 deg at 100 km/s in APOGEE; benchmarks/union_nodes.py. Where two planes that
        cut a cap are one to rounding, an edge may count twice or not at all: 5e-3 of M_k for two caps alike
        that the limb mirrors, 0.2 for three rims through two points.
    """
    n_caps = half_sine.shape[0]
    touch = touching(*jax.lax.stop_gradient((position[:, :, None], half_sine[:, None])))
    index, is_real, fits = neighbours(touch, min(n_neighbours, n_caps))
    frames = _frames(position)
    pieces = _pieces(_cuts(frames, half_sine, index.T, is_real.T), half_sine)
    n_rays = max(_PIECES, n_azimuth + n_azimuth // 2 + 6) * n_caps
    nodes, weight = _on_rays(frames, pieces, n_radial + 1, n_rays)
    return nodes.reshape(3, -1), jnp.where(fits, weight, jnp.nan).ravel()
