"""Where slices of a planet's disc change character: the corners of (planet) and (union of caps).

The planet sits at (x, 0) on the sky, x >= 0, and is cut by planes of constant y. Between neighbouring
corners the light of a slice is a smooth function of y; at a corner it has a square root or a kink. The
corners only place quadrature nodes: an error in one, or one that is missed, costs accuracy and nothing
else, and nothing here carries a derivative.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.numerics import safe_divide, safe_sqrt

# Points around the planet between which its rim crosses a cap's at most once, and steps to refine it.
_RIM_POINTS = 32
_RIM_STEPS = 3


def direction(x: Array, y: Array) -> tuple[Array, Array]:
    """Unit vector towards the planet, +x where it is at the disc's centre."""
    distance = safe_sqrt(x * x + y * y)
    return jnp.where(distance > 0, safe_divide(x, distance), 1), safe_divide(y, distance)


def turned(
    x: Array | int, y: Array | int, vectors: Array, towards: tuple[Array, Array]
) -> tuple[Array, Array, Array]:
    """A point and vectors (3, n) of the sky turned so that `towards` is +x."""
    co, si = towards
    vx, vy, vz = vectors
    return co * x + si * y, co * y - si * x, jnp.stack([co * vx + si * vy, co * vy - si * vx, vz])


def in_front(x: Array, y: Array, z: Array, radius_ratio: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    """Whether a planet hides nothing, and its x, y and radius ratio: of a harmless one if so."""
    clear = (z <= 0) | (radius_ratio <= 0) | (x * x + y * y >= (1 + radius_ratio) ** 2)
    return clear, (jnp.where(clear, 0.5, x), jnp.where(clear, 0, y), jnp.where(clear, 0.1, radius_ratio))


def extent(along: Array, half_sine: Array) -> tuple[Array, Array]:
    """Least and greatest coordinate of caps in a direction in which their centres are at `along`."""
    across, rise = safe_sqrt(1 - along * along), 2 * half_sine * jnp.sqrt(1 - half_sine * half_sine)
    cosine = 1 - 2 * half_sine * half_sine
    low = jnp.where(-along > cosine, -1, along * cosine - across * rise)
    return low, jnp.where(along > cosine, 1, along * cosine + across * rise)


def _on_planet(point: tuple[Array, Array, Array], x: Array, p: Array) -> Array:
    """The y of points of the sphere that are visible and behind the planet, infinite for others."""
    inside = (point[2] > 0) & ((point[0] - x) ** 2 + point[1] ** 2 < p * p)
    return jnp.where(inside, point[1], jnp.inf)


def _extremes(position: Array, w: Array, x: Array, p: Array) -> Array:
    """Highest and lowest points of the caps' rims: c cos r +- (y - c_y c) sin r / sqrt(1 - c_y^2)."""
    cx, cy, cz = position
    pole = safe_sqrt(cx * cx + cz * cz)
    found = []
    for sign in (1, -1):
        rise = sign * 2 * w * jnp.sqrt(1 - w * w)
        keep = 1 - 2 * w * w - rise * safe_divide(cy, pole)
        point = cx * keep, cy * (1 - 2 * w * w) + rise * pole, cz * keep
        found.append(_on_planet(point, x, p))
    return jnp.concatenate(found)


def _rim_crossings(position: Array, w: Array, x: Array, p: Array) -> Array:
    """Up to four points of the planet's rim where it crosses each cap's rim, by false position."""
    cx, cy, cz = position

    def height(psi):  # above the plane of the cap's rim, for psi (..., n_caps)
        across, up = x + p * jnp.cos(psi), p * jnp.sin(psi)
        towards = safe_sqrt((1 - across) * (1 + across) - up * up)
        return cx * across + cy * up + cz * towards - (1 - 2 * w * w)

    # The offset keeps the first point off the symmetry axis, where caps at y = 0 are crossed.
    psi = jnp.asarray(2 * np.pi * np.arange(_RIM_POINTS + 1) / _RIM_POINTS + 0.1, w.dtype)[:, None]
    level = height(psi)
    crosses = (level[1:] > 0) != (level[:-1] > 0)
    order = jnp.cumsum(crosses, axis=0)
    chosen = crosses & (order == np.arange(1, 5)[:, None, None])

    def pick(values):
        return jnp.sum(jnp.where(chosen, values, 0), axis=1)

    a, b, level_a, level_b = pick(psi[:-1]), pick(psi[1:]), pick(level[:-1]), pick(level[1:])
    for _ in range(_RIM_STEPS):
        c = a - level_a * safe_divide(b - a, level_b - level_a)
        level_c = height(c)
        same = (level_c > 0) == (level_a > 0)
        a, level_a = jnp.where(same, c, a), jnp.where(same, level_c, level_a)
        b, level_b = jnp.where(same, b, c), jnp.where(same, level_b, level_c)
    c = a - level_a * safe_divide(b - a, level_b - level_a)
    return jnp.where(jnp.any(chosen, axis=1), p * jnp.sin(c), jnp.inf).ravel()


def cap_crossings(one: Array, other: Array, w_one: Array, w_other: Array) -> tuple[list[Array], Array]:
    """Both points where the rims of pairs of caps cross, and whether they do; all broadcast."""
    cos_one, cos_other = 1 - 2 * w_one**2, 1 - 2 * w_other**2
    cos_d = jnp.sum(one * other, axis=0)
    normal = jnp.cross(one, other, axis=0)
    sin_sq = jnp.sum(normal * normal, axis=0)
    along = safe_divide(cos_one - cos_d * cos_other, sin_sq) * one
    along = along + safe_divide(cos_other - cos_d * cos_one, sin_sq) * other
    rest = 1 - jnp.sum(along * along, axis=0)
    off = normal * safe_sqrt(safe_divide(rest, sin_sq))
    return [along + off, along - off], (w_one > 0) & (w_other > 0) & (sin_sq > 0) & (rest > 0)


def _cap_crossings(position: Array, w: Array, x: Array, p: Array) -> Array:
    """Both points where the rims of each pair of caps cross."""
    i, j = np.triu_indices(w.shape[0], 1)
    points, meets = cap_crossings(position[:, i], position[:, j], w[i], w[j])
    found = [_on_planet(tuple(point), x, p) for point in points]
    return jnp.where(jnp.concatenate([meets, meets]), jnp.concatenate(found), jnp.inf)


def _limb_crossings(x: Array, p: Array) -> Array:
    """The two points where the planet's rim crosses the limb."""
    at = safe_divide(1 + (x - p) * (x + p), 2 * x)
    up = safe_sqrt((1 - at) * (1 + at))
    up = jnp.where(up > 0, up, jnp.inf)
    return jnp.stack([up, -up])


def panel_edges(
    x: Float[Array, ""],
    radius_ratio: Float[Array, ""],
    position: Float[Array, "3 n_caps"],
    half_sine: Float[Array, " n_caps"],
    n_panels: int,
) -> tuple[Float[Array, " n_edges"], Array]:
    """Edges of the panels in y between corners, and how many panels there are.

    Args:
        x: Distance of the planet's centre from the disc's. [stellar radius]
        radius_ratio: Planet over stellar radius. [1]
        position: Unit vectors to the caps' centres, with the planet on the +x axis. [1]
        half_sine: sin(r/2) of the caps' radii; 0 is no cap. [1]
        n_panels: Places for panels; corners beyond them stay inside the last panel.

    Returns:
        Ascending edges, the highest repeated in the places left over; number of panels needed.
    """
    top = jnp.minimum(radius_ratio, 1)
    rims = _rim_crossings(position, half_sine, x, radius_ratio)
    rims = jnp.where(jnp.tile(half_sine > 0, 4), rims, jnp.inf)
    extremes = jnp.where(jnp.tile(half_sine > 0, 2), _extremes(position, half_sine, x, radius_ratio), jnp.inf)
    corners = [rims, extremes, _cap_crossings(position, half_sine, x, radius_ratio)]
    corners = jnp.concatenate([*corners, _limb_crossings(x, radius_ratio)])
    corners = jnp.where(jnp.abs(corners) < top, corners, top)
    n_corners = jnp.sum(corners < top)
    inner = jnp.sort(corners)[: n_panels - 1]
    inner = jnp.concatenate([inner, jnp.full(n_panels - 1 - inner.shape[0], top)])
    return jnp.concatenate([-top[None], inner, top[None]]), n_corners + 1
