"""Slices of what a planet hides, shared among panels between corners: of its disc, and of each cap.

Planes of constant x = sin(eta), across the projected spin axis, so that on a slice all points rotate alike.
As in `crossing`, planet and caps are single arcs of a slice. Panels only place slices: an error in one, or
one that is missed, costs accuracy and nothing else, and nothing here carries a derivative.
"""

from functools import lru_cache

import jax.numpy as jnp
import numpy as np
from jax.lax import stop_gradient
from jaxtyping import Array, Float, Int

from dynamojax.numerics import gauss_legendre, safe_arctan2, safe_divide, safe_sqrt, turned_back
from dynamojax.planets.corners import cap_crossings, direction, extent, turned
from dynamojax.planets.rim_crossings import cap_rims, rim_crossings

# Corners of a cap where wider ones begin to cover it; more would only make it more exact.
_OVERLAPS = 6
# Slices of one panel: what lies between two corners is smooth.
_MOST = 64
# Steps to an extreme and to a crossing: corners need no more than to place slices.
_STEPS = (4, 6)


@lru_cache
def rules(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Places in (0, 1) and weights of the rules of 0 .. n nodes, zero where there is none.

    In the variable y = u^2 (3 - 2u) square roots at the ends are smooth in u.
    """
    place, weight = np.zeros((2, n + 1, n))
    for m in range(1, n + 1):
        u, w = gauss_legendre(m, 0.0, 1.0)
        place[m, :m], weight[m, :m] = u * u * (3 - 2 * u), 6 * u * (1 - u) * w
    return place, weight


def shared(
    low: Float[Array, " n_panels"], width: Float[Array, " n_panels"], n_slices: int
) -> tuple[Float[Array, " n_slices"], Float[Array, " n_slices"], Int[Array, " n_slices"]]:
    """Slices and weights over panels, and the panel of each: two in each, others shared as sqrt(width).

    Panels of width 0 get none. Weights are NaN where there are more panels than half the slices.
    """
    number, share = jnp.cumsum(width > 0), jnp.cumsum(jnp.sqrt(width))
    spare = n_slices - 2 * number[-1]
    last = 2 * number + jnp.round(spare * safe_divide(share, share[-1])).astype(number.dtype)
    index = jnp.arange(n_slices)
    panel = jnp.minimum(jnp.searchsorted(last, index, side="right"), width.shape[0] - 1)
    first = jnp.concatenate([jnp.zeros_like(last[:1]), last[:-1]])
    most = min(n_slices, _MOST)
    size, index = jnp.clip((last - first)[panel], 0, most), index - first[panel]
    place, weight = (jnp.asarray(q, low.dtype)[size, jnp.clip(index, 0, most - 1)] for q in rules(most))
    weight = jnp.where((index >= 0) & (index < size), width[panel] * weight, 0)
    return low[panel] + width[panel] * place, jnp.where(spare < 0, jnp.nan, weight), panel


def planet_arc(y: Array, rim: Array, x: Array, p: Array) -> tuple[Array, Array]:
    """First tau behind the planet and width of its arc, on slices y of radius `rim`."""
    half = safe_sqrt((p - y) * (p + y))

    def tau(u):  # +-pi/2 at and beyond the limb
        return safe_arctan2(u, safe_sqrt((rim - u) * (rim + u)))

    start = tau(x - half)
    return start, tau(x + half) - start


def cap_arc(y: Array, rim: Array, position: Array, w: Array) -> tuple[Array, Array]:
    """Middle tau and half-width of caps' arcs on slices y, 0 where there is none; all broadcast.

    The position's second component is the one that slices are planes of.
    """
    cx, cy, cz = position
    eta, eta_c = jnp.arctan2(y, rim), safe_arctan2(cy, safe_sqrt(cx * cx + cz * cz))
    near, far = jnp.sin(0.5 * (eta - eta_c)), jnp.cos(0.5 * (eta + eta_c))
    half = safe_arctan2(safe_sqrt((w - near) * (w + near)), safe_sqrt((far - w) * (far + w)))
    return safe_arctan2(cx, cz), 2 * half


def common_arc(start: Array, width: Array, middle: Array, half: Array) -> tuple[Array, ...]:
    """Ends of what a cap's arc and a planet's share, and of the gap in it, counted from the planet's start.

    A cap's arc may reach round the far side and come in again at the end. No gap is one of no width.
    """
    offset = turned_back(start - middle)
    low, high = jnp.clip(-half - offset, 0, width), jnp.clip(half - offset, 0, width)
    again = jnp.clip(2 * jnp.pi - half - offset, 0, width)
    returns = again < width
    first = jnp.where(returns & (high <= low), again, low)
    last = jnp.where(returns, width, high)
    is_split = returns & (high > low)
    return first, last, jnp.where(is_split, high, last), jnp.where(is_split, again, last)


def _limb_points(towards: tuple[Array, Array], at: Array) -> list[Array]:
    """The x of the points of the limb at `at` along a direction of the sky, infinite if there are none."""
    half = safe_sqrt((1 - at) * (1 + at))
    ends = (towards[0] * at - sign * towards[1] * half for sign in (1, -1))
    return [jnp.where(half > 0, q, jnp.inf) for q in ends]


def _between(low: Array, high: Array, corners: list[Array]) -> tuple[Array, Array]:
    """Lower ends and widths of the panels between corners from low to high, along a new first axis."""
    high = jnp.maximum(low, high)
    inner = jnp.clip(jnp.stack([low, *corners, high]), low, high)
    edges = jnp.sort(inner, axis=0)
    return edges[:-1], edges[1:] - edges[:-1]


def _planet_corners(x: Array, y: Array, p: Array) -> tuple[tuple[Array, Array], list[Array]]:
    """Direction of the planet on the sky, and the x of the corners of what it hides of the disc."""
    towards = direction(x, y)
    distance = safe_sqrt(x * x + y * y)
    at = jnp.where(distance > 0, safe_divide(1 + (distance - p) * (distance + p), 2 * distance), jnp.inf)
    return towards, _limb_points(towards, at)


def planet_panels(
    x: Float[Array, ""], y: Float[Array, ""], radius_ratio: Float[Array, ""]
) -> tuple[Float[Array, " n_panels"], Float[Array, " n_panels"]]:
    """Lower ends and widths of panels in x of what a planet hides of the disc; width 0 where nothing is."""
    x, y, p = stop_gradient((x, y, radius_ratio))
    low, width = _between(jnp.maximum(x - p, -1), jnp.minimum(x + p, 1), _planet_corners(x, y, p)[1])
    middle = low + 0.5 * width
    hides = planet_arc(middle - x, safe_sqrt((1 - middle) * (1 + middle)), y, p)[1] > 0
    return low, jnp.where(hides, width, 0)


def wider(half_sine: Array, cap: Array) -> Array:
    """Which caps (first axis) are wider than those given by their indices; of two alike, the first."""
    own, other, index = half_sine[cap], half_sine[:, None], jnp.arange(half_sine.shape[0])[:, None]
    # Not by its index alone: a compiler may round one cap in two ways, and it would hide itself.
    return (index != cap) & ((other > own) | ((other == own) & (index < cap)))


def _ends(position: Array, w: Array) -> list[Array]:
    """Points of the caps' rims of greatest and of least x, (3, n_caps) each."""
    x = position[0]
    pole = safe_sqrt((1 - x) * (1 + x))
    away = jnp.stack([jnp.ones_like(x), 0 * x, 0 * x]) - x * position
    rise = safe_divide(2 * w * jnp.sqrt(1 - w * w), pole)
    return [position * (1 - 2 * w * w) + sign * rise * away for sign in (1, -1)]


def _overlap_corners(x: Array, y: Array, p: Array, position: Array, w: Array) -> Array:
    """The x of the first points behind the planet where wider caps begin or cease to cover each cap.

    They are where their rims cross its own, and their ends in it; infinite where there are no more.
    """
    points, meets = cap_crossings(position[:, None, :], position[:, :, None], w, w[:, None])
    found = [(point, meets) for point in points]
    for end in _ends(position, w):
        apart = jnp.sum((end[:, :, None] - position[:, None, :]) ** 2, axis=0)
        found.append((end[:, :, None], apart < 4 * w * w))
    may, corners = wider(w, jnp.arange(w.shape[0])), []
    for (px, py, pz), counts in found:
        counts = counts & may & (pz > 0) & ((px - x) ** 2 + (py - y) ** 2 < p * p)
        corners.append(jnp.where(counts, px, jnp.inf))
    return jnp.sort(jnp.concatenate(corners), axis=0)[:_OVERLAPS]


def cap_panels(
    x: Float[Array, ""],
    y: Float[Array, ""],
    radius_ratio: Float[Array, ""],
    position: Float[Array, "3 n_caps"],
    half_sine: Float[Array, " n_caps"],
    *,
    is_union: bool,
) -> tuple[Float[Array, "n_panels n_caps"], Float[Array, "n_panels n_caps"]]:
    """The same of what a planet hides of each cap; in a union, of what wider caps leave of it."""
    x, y, p, position, w = stop_gradient((x, y, radius_ratio, position, half_sine))
    (co, si), corners = _planet_corners(x, y, p)
    cx, cy, cz = position
    rims = cap_rims(turned(x, y, position, (co, si))[2], w, safe_sqrt(x * x + y * y))
    phi = rim_crossings(rims, p, _STEPS)[2]
    crossings = x - p * (co * jnp.cos(phi) + si * jnp.sin(phi))
    least, most = extent(cx, w)
    limb = _limb_points(direction(cx, cy), safe_divide(1 - rims.vers, rims.s0))
    corners = [*(jnp.broadcast_to(q, w.shape) for q in corners), *crossings, *limb]
    corners += [end[0] for end in _ends(position, w)]
    corners += list(_overlap_corners(x, y, p, position, w)) if is_union else []
    low, width = _between(
        jnp.maximum(jnp.maximum(x - p, -1), least), jnp.minimum(jnp.minimum(x + p, 1), most), corners
    )
    middle = low + 0.5 * width
    rim = safe_sqrt((1 - middle) * (1 + middle))
    first, last, gap, again = common_arc(
        *planet_arc(middle - x, rim, y, p), *cap_arc(middle, rim, jnp.stack([cy, cx, cz]), w)
    )
    hides = (last - first > again - gap) & (w > 0)
    return low, jnp.where(hides, width, 0)
