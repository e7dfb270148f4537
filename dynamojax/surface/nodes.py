"""The disc at an epoch as nodes: of the whole disc, and of each cap.

Nodes of a cap move with it instead of switching on and off, so that sums over them are smooth in every
parameter. They agree with the closed forms of `coverage` and `overlap`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.numerics import (
    gauss_legendre,
    gauss_stretches,
    safe_arctan2,
    safe_divide,
    safe_sqrt,
    share_in_arc,
    upper_angle,
)


def disc_nodes(n_x: int, n_y: int) -> tuple[Float[np.ndarray, "3 n_nodes"], Float[np.ndarray, " n_nodes"]]:
    """Quadrature nodes over the visible hemisphere, on n_x planes of constant x; on the host.

    With x = sin(eta), y = cos(eta) sin(tau) and mu = cos(eta) cos(tau), whatever is smooth in x, y and mu
    is smooth in eta and tau, limb included, so that Gauss-Legendre converges exponentially in both.

    Returns:
        Unit vectors (x, y, mu) and solid angles; mu times these is projected area. [sr]
    """
    eta, w_eta = gauss_legendre(n_x, -np.pi / 2, np.pi / 2)
    tau, w_tau = gauss_legendre(n_y, -np.pi / 2, np.pi / 2)
    rim, x = np.cos(eta)[:, None], np.sin(eta)[:, None]
    points = np.stack([x + 0 * tau, rim * np.sin(tau), rim * np.cos(tau)])
    return points.reshape(3, -1), (w_eta[:, None] * rim * w_tau).ravel()


class _Rings(NamedTuple):
    """Rings of each cap (n_caps, n_rings), and the azimuths of them in view, up to phi from the centre."""

    sine: Array
    versine: Array  # 1 - cos of the distance from the cap's centre
    phi: Array
    weight: Array  # solid angle of a ring over 2 pi


def _rings(z: Array, half_sine: Array, n_radial: int, split: Array | None) -> _Rings:
    """Rings in one panel, or in two that meet at `split`, where another cap begins to cover them."""
    u, wu = (jnp.asarray(q, half_sine.dtype) for q in gauss_legendre(n_radial, 0.0, 1.0))
    area = 2 * half_sine[:, None] ** 2
    versine, weight = area * u, area * wu
    if split is not None:  # the share covered grows as a square root from there
        inner, outer = jnp.minimum(split[:, None], area), area - jnp.minimum(split[:, None], area)
        versine = jnp.concatenate([inner * u, inner + outer * u * u], axis=1)
        weight = jnp.concatenate([inner * wu, outer * 2 * u * wu], axis=1)
    sine, z = safe_sqrt(versine * (2 - versine)), z[:, None]
    crossing = (sine - z) * (sine + z)
    crosses = crossing > 0
    rim = upper_angle(safe_sqrt(crossing), jnp.where(crosses, -z * (1 - versine), 1))
    return _Rings(sine, versine, jnp.where(crosses, rim, jnp.where(z > 0, jnp.pi, 0)), weight)


class _Wider(NamedTuple):
    """For each cap (first axis), the other caps as seen from it."""

    azimuth: Array
    apart: Array  # 1 - cos of the distance of the centres
    is_wider: Array  # and present; of two alike, the first


def _wider(frame: Array, half_sine: Array) -> _Wider:
    ex, ey, s0, z = frame
    x, y = s0 * ex, s0 * ey
    dx, dy, dz = (q[None, :] - q[:, None] for q in (x, y, z))
    towards = s0[:, None] * dz - z[:, None] * (ex[:, None] * dx + ey[:, None] * dy)
    beside = ex[:, None] * dy - ey[:, None] * dx
    order = jnp.arange(half_sine.shape[0])
    w, other = half_sine[:, None], half_sine[None, :]
    is_wider = (other > w) | ((other == w) & (order[None, :] < order[:, None]))
    apart = 0.5 * (dx * dx + dy * dy + dz * dz)
    return _Wider(safe_arctan2(beside, towards), apart, is_wider & (other > 0))


def _first_covered(wider: _Wider, half_sine: Array) -> Array:
    """1 - cos of the least distance from each cap's centre at which a wider cap begins or ends to cover."""
    w, v = safe_sqrt(0.5 * wider.apart), half_sine[None, :]
    # sin of half the difference of the distance of the centres and the other's radius
    gap = w * safe_sqrt(1 - v * v) - v * safe_sqrt(1 - w * w)
    return jnp.min(jnp.where(wider.is_wider, 2 * gap * gap, 2), axis=1, initial=2)


def _exposed(wider: _Wider, half_sine: Array, rings: _Rings, edges: Array) -> Array:
    """Share of each node's stretch of its ring that lies in no wider cap.

    On a ring another cap covers the azimuths within beta of its own, cos beta = (cos r' - cos rho cos d) /
    (sin rho sin d). The stretches are those that a Gauss rule's weights mark off, one about each node.
    """
    apart, ring = wider.apart[:, None, :], rings.versine[:, :, None]
    excess = ring + apart - ring * apart - 2 * half_sine**2
    size = rings.sine[:, :, None] * safe_sqrt(apart * (2 - apart))
    beta = 2 * safe_arctan2(safe_sqrt(size - excess), safe_sqrt(size + excess))
    beta = jnp.where(wider.is_wider[:, None, :], beta, 0)[..., None]
    psi = rings.phi[:, :, None, None] * edges
    half = 0.5 * (psi[..., 1:] - psi[..., :-1])
    middle = 0.5 * (psi[..., 1:] + psi[..., :-1]) - wider.azimuth[:, None, :, None]
    return jnp.prod(1 - share_in_arc(middle, half, beta), axis=2)


def _frame(x: Array, y: Array, z: Array, ex: Array, ey: Array, s0: Array) -> tuple[Array, Array]:
    """Unit vectors along the surface at each cap's centre: towards the disc's centre, and beside it.

    At the disc's very centre, where these turn at once, slopes are those of a frame that turns with nothing:
    it matters to none of the sums which way the nodes of a whole ring begin.
    """
    central, rise = s0 == 0, jnp.where(z < 0, -1, 1).astype(z.dtype)
    over = safe_divide(jnp.ones_like(z), jnp.where(central, 1 + rise * z, 1))
    smooth = jnp.stack([-rise + x * x * over * rise, x * y * over * rise, x])
    smooth_beside = jnp.stack([-x * y * over, 1 - y * y * over, -y * rise])
    inwards = jnp.where(central, smooth, jnp.stack([-z * ex, -z * ey, s0]))
    return inwards, jnp.where(central, smooth_beside, jnp.stack([-ey, ex, jnp.zeros_like(z)]))


def cap_nodes(
    position: Float[Array, "3 n_caps"],
    half_sine: Float[Array, " n_caps"],
    n_radial: int,
    n_azimuth: int,
    *,
    is_union: bool = False,
) -> tuple[Float[Array, "3 n_caps n_nodes"], Float[Array, "n_caps n_nodes"]]:
    """Quadrature nodes over the visible part of each cap, or of their union.

    Gauss-Legendre in area along the radius and, on each ring, over the azimuths in view.

    Args:
        position: Unit vectors to the caps' centres, observer on +z. [1]
        half_sine: sin(r/2) of the radii; 0 is no cap, its nodes weigh nothing. [1]
        n_radial: Rings of a cap; twice as many in a union.
        n_azimuth: Nodes of a ring.
        is_union: Whether each piece of surface counts once: it belongs to the widest cap it lies in.

    Returns:
        Unit vectors (x, y, mu) of the nodes, and their solid angles; mu times it is projected area. [sr]
    Accuracy: one cap, see `DiscConfig`. A union, 4 rings of 16, 200 scenes of six caps within a radius of
        one another, in shares of the disc, median and worst: of 1 to 7 deg 8e-6 and 3e-4, of 5 to 12 deg
        5e-5 and 1e-3, of 15 to 40 deg 5e-4 and 5e-3 (16 rings of 64: 7e-7 and 3e-5, 5e-6 and 1.3e-4, 5e-5
        and 1.3e-3), since a ring is split at the first rim it meets, not at all of them; `overlap` is exact,
        benchmarks/union_nodes.py. Slopes by radius err by 2e-5 and by 6 % of themselves in the median.
    """
    v, wv = (jnp.asarray(q, half_sine.dtype) for q in gauss_legendre(n_azimuth, -1.0, 1.0))
    x, y, z = position
    s0 = safe_sqrt(x * x + y * y)
    ex, ey = jnp.where(s0 > 0, safe_divide(x, s0), 1), safe_divide(y, s0)
    wider = _wider(jnp.stack([ex, ey, s0, z]), half_sine) if is_union else None
    rings = _rings(z, half_sine, n_radial, None if wider is None else _first_covered(wider, half_sine))
    psi = rings.phi[..., None] * v
    inward, across = rings.sine[..., None] * jnp.cos(psi), rings.sine[..., None] * jnp.sin(psi)
    weight = rings.weight[..., None] * rings.phi[..., None] * wv
    if wider is not None:
        edges = jnp.asarray(gauss_stretches(n_azimuth), v.dtype)
        weight = weight * _exposed(wider, half_sine, rings, edges)
    inwards, beside = _frame(x, y, z, ex, ey, s0)
    # A product of matrices: compilers fuse a plain sum with all that reads it, and compute sines and cosines
    # of every cap anew for each node and reader; spectra took half as long again.
    frame = jnp.stack([position, inwards, beside], axis=1)
    along = jnp.broadcast_to(1 - rings.versine[..., None], inward.shape)
    local = jnp.stack([along, inward, across])
    nodes = jnp.einsum("xyc,ycrn->xcrn", frame, local, precision=jax.lax.Precision.HIGHEST)
    return nodes.reshape(3, len(half_sine), -1), weight.reshape(len(half_sine), -1)
