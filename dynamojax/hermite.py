"""Cubic Hermite interpolation on uneven nodes: the weights that every grid is interpolated with."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def _parabola_slopes(x: Float[Array, "3"]) -> Float[Array, "3 3"]:
    """Weights of three values in the slope at each of the three nodes of their parabola: [node, value]."""
    a, b = x[1] - x[0], x[2] - x[1]
    c = a + b
    return jnp.array(
        [
            [-(a + c) / (a * c), c / (a * b), -a / (b * c)],
            [-b / (a * c), (b - a) / (a * b), a / (b * c)],
            [b / (a * c), -c / (a * b), (b + c) / (b * c)],
        ]
    )


def hermite_weights(
    nodes: Float[Array, " n"], x: Float[Array, ""]
) -> tuple[Int[Array, ""], Float[Array, "4"], Int[Array, ""], Float[Array, "2"], Bool[Array, ""]]:
    """Cubic Hermite interpolation on uneven nodes, slopes from the parabola through three neighbours.

    Args:
        nodes: Increasing, at least 4.
        x: Where to interpolate, in the unit of the nodes.

    Returns:
        Start of the four-node stencil, its weights; start of the cell, the linear weights of its two
        ends; whether x lies within the nodes.

    Raises:
        ValueError: fewer than 4 nodes (when tracing).
    Source: Catmull & Rom (1974) for even nodes; the parabola's slope makes it third order on uneven ones.
    """
    n = nodes.shape[0]
    if n < 4:
        raise ValueError(f"nodes has {n} entries, at least 4 are needed")
    cell = jnp.clip(jnp.searchsorted(nodes, x, side="right") - 1, 0, n - 2)
    start = jnp.clip(cell - 1, 0, n - 4)
    xs = jax.lax.dynamic_slice(nodes, (start,), (4,))
    low, high = _parabola_slopes(xs[:3]), _parabola_slopes(xs[1:])
    zero = jnp.zeros((3, 1), low.dtype)
    low, high = jnp.concatenate([low, zero], 1), jnp.concatenate([zero, high], 1)
    slopes = jnp.stack([low[0], low[1], high[1], high[2]])  # centred inside, one-sided at the ends
    j = cell - start
    width = xs[j + 1] - xs[j]
    u = (x - xs[j]) / width
    unit = jnp.eye(4, dtype=low.dtype)
    weights = (
        (1 + 2 * u) * (1 - u) ** 2 * unit[j]
        + u**2 * (3 - 2 * u) * unit[j + 1]
        + width * u * (1 - u) * ((1 - u) * slopes[j] - u * slopes[j + 1])
    )
    return start, weights, cell, jnp.stack([1 - u, u]), (x >= nodes[0]) & (x <= nodes[-1])
