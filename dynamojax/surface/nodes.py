"""The disc at an epoch as nodes: of the whole disc, and of each cap.

Nodes of a cap move with it instead of switching on and off, so that sums over them are smooth in every
parameter. They agree with the closed forms of `coverage`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.numerics import gauss_legendre, safe_divide, safe_sqrt, upper_angle


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


def _rings(z: Array, half_sine: Array, n_radial: int) -> _Rings:
    u, wu = (jnp.asarray(q, half_sine.dtype) for q in gauss_legendre(n_radial, 0.0, 1.0))
    area = 2 * half_sine[:, None] ** 2
    versine, weight = area * u, area * wu
    sine, z = safe_sqrt(versine * (2 - versine)), z[:, None]
    crossing = (sine - z) * (sine + z)
    crosses = crossing > 0
    rim = upper_angle(safe_sqrt(crossing), jnp.where(crosses, -z * (1 - versine), 1))
    return _Rings(sine, versine, jnp.where(crosses, rim, jnp.where(z > 0, jnp.pi, 0)), weight)


def tangents(x: Array, y: Array, z: Array) -> tuple[Array, Array]:
    """Unit vectors along the surface at each cap's centre: towards the disc's centre, and beside it.

    At the disc's very centre, where these turn at once, slopes are those of a frame that turns with nothing:
    it matters to none of the sums which way the nodes of a whole ring begin.
    """
    s0 = safe_sqrt(x * x + y * y)
    ex, ey = jnp.where(s0 > 0, safe_divide(x, s0), 1), safe_divide(y, s0)
    central, rise = s0 == 0, jnp.where(z < 0, -1, 1).astype(z.dtype)
    over = safe_divide(jnp.ones_like(z), jnp.where(central, 1 + rise * z, 1))
    smooth = jnp.stack([-rise + x * x * over * rise, x * y * over * rise, x])
    smooth_beside = jnp.stack([-x * y * over, 1 - y * y * over, -y * rise])
    inwards = jnp.where(central, smooth, jnp.stack([-z * ex, -z * ey, s0]))
    return inwards, jnp.where(central, smooth_beside, jnp.stack([-ey, ex, jnp.zeros_like(z)]))


def cap_nodes(
    position: Float[Array, "3 n_caps"], half_sine: Float[Array, " n_caps"], n_radial: int, n_azimuth: int
) -> tuple[Float[Array, "3 n_caps n_nodes"], Float[Array, "n_caps n_nodes"]]:
    """Quadrature nodes over the visible part of each cap, whatever the others cover; see `union_nodes`.

    Gauss-Legendre in area along the radius and, on each ring, over the azimuths in view.

    Args:
        position: Unit vectors to the caps' centres, observer on +z. [1]
        half_sine: sin(r/2) of the radii; 0 is no cap, its nodes weigh nothing. [1]
        n_radial: Rings of a cap.
        n_azimuth: Nodes of a ring.

    Returns:
        Unit vectors (x, y, mu) of the nodes, and their solid angles; mu times it is projected area. [sr]
    Accuracy: see `DiscConfig`.
    """
    v, wv = (jnp.asarray(q, half_sine.dtype) for q in gauss_legendre(n_azimuth, -1.0, 1.0))
    rings = _rings(position[2], half_sine, n_radial)
    psi = rings.phi[..., None] * v
    inward, across = rings.sine[..., None] * jnp.cos(psi), rings.sine[..., None] * jnp.sin(psi)
    weight = rings.weight[..., None] * rings.phi[..., None] * wv
    # A product of matrices: compilers fuse a plain sum with all that reads it, and compute sines and cosines
    # of every cap anew for each node and reader; spectra took half as long again.
    frame = jnp.stack([position, *tangents(*position)], axis=1)
    along = jnp.broadcast_to(1 - rings.versine[..., None], inward.shape)
    local = jnp.stack([along, inward, across])
    nodes = jnp.einsum("xyc,ycrn->xcrn", frame, local, precision=jax.lax.Precision.HIGHEST)
    return nodes.reshape(3, len(half_sine), -1), weight.reshape(len(half_sine), -1)
