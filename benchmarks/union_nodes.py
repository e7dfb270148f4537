"""Nodes of crowded caps against the closed form of their union, in shares of the disc.

python -m benchmarks.union_nodes
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness
from dynamojax.surface.nodes import cap_nodes
from dynamojax.surface.overlap import union_moments

RADII = ((1, 7), (5, 12), (7, 15), (15, 40))  # [deg]
NODES = ((2, 7), (4, 16), (8, 32), (16, 64))  # rings, and nodes of a ring
N_SCENES, N_CAPS, SPREAD = 200, 6, 0.8  # scatter of the centres about a common one, in mean radii


def scenes(rng: np.random.Generator, low: float, high: float) -> tuple[jax.Array, jax.Array]:
    """Centres (n, 3, n_caps) and sin(r/2), each crowd somewhere on the visible hemisphere."""
    mu, azimuth = rng.uniform(0, 1, (N_SCENES, 1)), rng.uniform(0, 2 * np.pi, (N_SCENES, 1))
    sine = np.sqrt(1 - mu**2)
    centre = np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), mu], axis=1)
    radius = np.deg2rad(rng.uniform(low, high, (N_SCENES, N_CAPS)))
    scatter = SPREAD * np.tan(radius.mean(1))[:, None, None]
    position = centre + scatter * rng.normal(size=(N_SCENES, 3, N_CAPS))
    return jnp.asarray(position / np.linalg.norm(position, axis=1, keepdims=True)), jnp.sin(0.5 * radius)


@partial(jax.jit, static_argnums=(2, 3))
def by_nodes(position, half_sine, n_radial: int, n_azimuth: int) -> jax.Array:
    """Moments M_1 and M_2 of each scene."""

    def one(caps):
        nodes, weight = cap_nodes(*caps, n_radial, n_azimuth, is_union=True)
        return jnp.stack([jnp.sum(weight * nodes[2] ** k) for k in (1, 2)])

    return jax.lax.map(one, (position, half_sine))


@jax.jit
def exact(position, half_sine) -> jax.Array:
    """The same in closed form."""
    return jax.lax.map(
        lambda caps: union_moments(caps[0][:, :, None], caps[1][:, None], 2, N_CAPS)[0][:, 0],
        (position, half_sine),
    )


def main() -> None:
    """Print and write the table."""
    rng, rows = np.random.default_rng(1), []
    with harness.precision("float64"):
        for low, high in RADII:
            caps = scenes(rng, low, high)
            truth = np.asarray(exact(*caps))
            for nodes in NODES:
                off = np.abs(np.asarray(by_nodes(*caps, *nodes)) - truth).max(1) / np.pi
                shares = {"median": np.median(off), "90_percent": np.quantile(off, 0.9), "worst": off.max()}
                facts = {"radii_deg": [low, high], "nodes": list(nodes), "n_scenes": N_SCENES}
                rows.append({"task": "crowded caps", "system": "dynamojax", "dtype": "float64"} | facts)
                rows[-1] |= {name: float(x) for name, x in shares.items()}
                print((low, high), nodes, {name: f"{x:.1e}" for name, x in shares.items()}, flush=True)
    print("written:", harness.write_results("union_nodes", rows))


if __name__ == "__main__":
    main()
