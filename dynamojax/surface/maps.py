"""Maps of the disc: which pixels of an image lie in active regions. For plots and checks."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from dynamojax.numerics import safe_divide


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
