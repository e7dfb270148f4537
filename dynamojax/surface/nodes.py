"""The disc at an epoch: nodes that move with each cap, and maps for plots and checks.

Nodes carry the light a region hides, smoothly in every parameter: they move with the cap instead of
switching on and off. Their sums agree with the closed forms of `coverage` and `overlap`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from dynamojax.numerics import gauss_legendre, safe_divide, safe_sqrt, upper_angle


def cap_nodes(
    position: Float[Array, "3 n_caps"], half_sine: Float[Array, " n_caps"], n_radial: int, n_azimuth: int
) -> tuple[Float[Array, "3 n_caps n_nodes"], Float[Array, "n_caps n_nodes"]]:
    """Quadrature nodes over the visible part of each cap.

    Gauss-Legendre in area along the radius and, on each ring, over the azimuths in view.

    Args:
        position: Unit vectors to the caps' centres, observer on +z. [1]
        half_sine: sin(r/2) of the radii; 0 is no cap, its nodes weigh nothing. [1]
        n_radial: Rings of a cap.
        n_azimuth: Nodes of a ring.

    Returns:
        Unit vectors (x, y, mu) of the nodes, and their solid angles; mu times it is projected area. [sr]
    """
    u, wu = gauss_legendre(n_radial, 0.0, 1.0)
    v, wv = gauss_legendre(n_azimuth, -1.0, 1.0)
    u, wu, v, wv = (jnp.asarray(q, half_sine.dtype) for q in (u, wu, v, wv))
    x, y, z = (q[:, None] for q in position)
    vers = 2 * half_sine[:, None] ** 2 * u  # 1 - cos of the ring's distance from the centre
    sin_ring, cos_ring = safe_sqrt(vers * (2 - vers)), 1 - vers
    s0 = safe_sqrt(x * x + y * y)
    ex, ey = jnp.where(s0 > 0, safe_divide(x, s0), 1), safe_divide(y, s0)
    a, crossing = z * cos_ring, (sin_ring - z) * (sin_ring + z)
    crosses = crossing > 0
    rim = upper_angle(safe_sqrt(crossing), jnp.where(crosses, -a, 1))
    phi = jnp.where(crosses, rim, jnp.where(z > 0, jnp.pi, 0))
    psi = phi[..., None] * v
    inward, across = sin_ring[..., None] * jnp.cos(psi), sin_ring[..., None] * jnp.sin(psi)
    z, ex, ey, s0, cos_ring = (q[..., None] for q in (z, ex, ey, s0, cos_ring))
    radial = s0 * cos_ring - z * inward
    nodes = jnp.stack([ex * radial - ey * across, ey * radial + ex * across, z * cos_ring + s0 * inward])
    weight = 2 * half_sine[:, None, None] ** 2 * wu[:, None] * phi[..., None] * wv
    return nodes.reshape(3, len(half_sine), -1), weight.reshape(len(half_sine), -1)


def times_covered(
    points: Float[Array, "3 *shape"], position: Float[Array, "3 n_caps"], half_sine: Float[Array, " n_caps"]
) -> Int[Array, "*shape"]:
    """How many caps each point of the sphere lies in. Not differentiable."""
    chord_sq = sum((points[i][..., None] - position[i]) ** 2 for i in range(3))
    return jnp.sum(chord_sq < 4 * half_sine**2, axis=-1)


def covered_share(
    points: Float[Array, "3 *shape"],
    position: Float[Array, "3 n_caps"],
    half_sine: Float[Array, " n_caps"],
    step: Float[Array, ""] | float,
) -> Float[Array, "*shape"]:
    """Share of each pixel of an image that lies in a union of caps, rims one pixel wide on the sky.

    Args:
        points: Middles of the pixels, as from `disc_points`.
        position: Unit vectors to the caps' centres, observer on +z. [1]
        half_sine: sin(r/2) of the radii; 0 is no cap. [1]
        step: Width of a pixel. [stellar radius]

    Accuracy: a pixel that two rims cross is as covered as by the one that covers more of it.
    """
    x, y, mu = points
    # On the limb the sky's scale is that of a pixel's middle; comparing with NaN takes it outside too.
    mu = jnp.where(mu * mu > step, mu, jnp.sqrt(step))

    def add(share, cap):
        (x0, y0, z0), w = cap
        inside = x * x0 + y * y0 + mu * z0 - (1 - 2 * w * w)
        slope = jnp.hypot(x0 - z0 * x / mu, y0 - z0 * y / mu)  # of `inside` on the sky
        cover = jnp.clip(0.5 + safe_divide(inside, slope * step), 0, 1)
        return jnp.maximum(share, jnp.where(w > 0, cover, 0)), None

    return jax.lax.scan(add, jnp.zeros_like(mu), (position.T, half_sine))[0]


def disc_points(n_pixels: int, half_width: float = 1.0) -> Float[np.ndarray, "3 n_pixels n_pixels"]:
    """Middles (x, y, mu) of an image's pixels, y upwards along its first axis; mu is NaN off the disc."""
    edge = ((np.arange(n_pixels) + 0.5) / n_pixels * 2 - 1) * half_width
    x, y = np.meshgrid(edge, edge)
    rest = 1 - x * x - y * y
    return np.stack([x, y, np.sqrt(np.where(rest > 0, rest, np.nan))])
