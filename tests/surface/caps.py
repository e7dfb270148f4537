"""Caps that tests of several unions share."""

import jax
import jax.numpy as jnp
import numpy as np

EDGES = {  # centres and radii
    "disc centre and its opposite": ([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]], [0.3, 0.3]),
    "twins on the limb": ([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]], [0.3, 0.3]),
    "tangent": ([[0.0, 0.0, 1.0], [0.0, np.sin(0.6), np.cos(0.6)]], [0.3, 0.3]),
    "an empty place": ([[1.0, 0.0, 0.0], [0.8, 0.0, 0.6]], [0.0, 0.2]),
    "hemispheres": ([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [np.pi / 2, np.pi / 2]),
}


def random_caps(n, seed, low=0.05, high=0.5):
    """Centres (n, 3) all over the sphere, and radii."""
    rng = np.random.default_rng(seed)
    v = rng.normal(size=(n, 3))
    return v / np.linalg.norm(v, axis=1)[:, None], rng.uniform(low, high, n)


def all_finite_at_edges(slopes):
    """That no slope, with EDGES along its first axis, is NaN or infinite."""
    for leaf in jax.tree.leaves(slopes):
        for name, slope in zip(EDGES, leaf, strict=True):
            assert jnp.all(jnp.isfinite(slope)), name
