"""Nodes of crowded caps against closed forms and slices: light, rotation, lines and slopes; and their time.

python -m benchmarks.union_nodes

Errors are in shares of the disc, the worst of each scene; those of lines are of one as deep as the
continuum and as narrow as the spectrograph resolves: no spectrum errs by more. Slopes are of the light, by
centres and radii, over the largest of the scene.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness
from dynamojax.constants import C_KM_S
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.surface.nodes import cap_nodes
from dynamojax.surface.overlap import union_moments
from dynamojax.surface.overlap_velocities import union_of_velocity_moments
from dynamojax.surface.union_nodes import union_nodes
from dynamojax.system import Star

RADII = ((1, 7), (5, 12), (15, 40))  # [deg]
SEEN = ((12, 1800), (30, 22500), (100, 22500))  # vsini [km/s], and resolution of LAMOST and APOGEE
N_SCENES, N_CAPS, SPREAD = 60, 6, 0.8  # scatter of the centres about a common one, in mean radii
N_PLANES = 8000
STAR = Star.from_degrees(inc_deg=70.0, shear=0.3)


def scenes(rng: np.random.Generator, low: float, high: float, n_caps=N_CAPS) -> tuple[jax.Array, jax.Array]:
    """Centres (n, 3, n_caps) and radii, each crowd somewhere on the visible hemisphere."""
    mu, azimuth = rng.uniform(0, 1, (N_SCENES, 1)), rng.uniform(0, 2 * np.pi, (N_SCENES, 1))
    sine = np.sqrt(1 - mu**2)
    centre = np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), mu], axis=1)
    radius = np.deg2rad(rng.uniform(low, high, (N_SCENES, n_caps)))
    scatter = SPREAD * np.tan(radius.mean(1))[:, None, None]
    position = centre + scatter * rng.normal(size=(N_SCENES, 3, n_caps))
    return jnp.asarray(position / np.linalg.norm(position, axis=1, keepdims=True)), jnp.asarray(radius)


def moments_of(nodes, weight) -> jax.Array:
    """M_1 .. M_3, and V_1."""
    x, y, mu = nodes
    speed = x * (1 - STAR.shear * (y * jnp.sin(STAR.inc) + mu * jnp.cos(STAR.inc)) ** 2)
    return jnp.stack([jnp.sum(weight * f) for f in (mu, mu**2, mu**3, mu * speed)])


def lines_of(nodes, weight, sigma: float) -> jax.Array:
    """What the caps take from a Gaussian line, at velocities across the disc."""
    at = jnp.linspace(-1.1, 1.1, 45)[:, None]
    return jnp.sum(weight * nodes[2] * jnp.exp(-0.5 * ((nodes[0] - at) / sigma) ** 2), axis=1)


def _chords(position: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Planes of constant x, and projected length of each within the union of caps, by sorting arcs."""
    x = -1 + (2 * np.arange(N_PLANES) + 1.0) / N_PLANES
    rim, (cx, cy, cz) = np.sqrt(1 - x * x), position[:, :, None]
    cosine = (np.cos(radius)[:, None] - cx * x) / (rim * np.hypot(cy, cz))
    half, middle = np.arccos(np.clip(cosine, -1, 1)), np.arctan2(cy, cz)
    ends = [
        np.concatenate([middle + s * half + turn for turn in (-2 * np.pi, 0, 2 * np.pi)]) for s in (-1, 1)
    ]
    low, high = (np.clip(q, -0.5 * np.pi, 0.5 * np.pi) for q in ends)
    order = np.argsort(low, axis=0)
    low, high = np.take_along_axis(low, order, 0), np.take_along_axis(high, order, 0)
    covered = np.maximum.accumulate(high, axis=0)
    covered = np.concatenate([np.full((1, N_PLANES), -0.5 * np.pi), covered[:-1]])
    low = np.maximum(low, covered)
    return x, rim * np.sum(np.where(high > low, np.sin(high) - np.sin(low), 0), axis=0)


def lines_by_slices(position, radius, sigma: float) -> np.ndarray:
    """The same as `lines_of`, from thousands of chords in float64."""
    x, chord = _chords(np.asarray(position), np.asarray(radius))
    at = np.linspace(-1.1, 1.1, 45)[:, None]
    return np.sum(chord * np.exp(-0.5 * ((x - at) / sigma) ** 2), axis=1) * 2 / N_PLANES


def light_of(position, radius, nodes: tuple[int, int] | None) -> jax.Array:
    """M_1 by nodes, or without them in closed form, of centres that need not be unit vectors."""
    position, half_sine = position / jnp.linalg.norm(position, axis=0), jnp.sin(0.5 * radius)
    if nodes is None:
        return union_moments(position[:, :, None], half_sine[:, None], 1, N_CAPS)[0][0, 0]
    points, weight = union_nodes(position, half_sine, *nodes, N_CAPS)
    return jnp.sum(weight * points[2])


@partial(jax.jit, static_argnums=(2, 3))
def by_nodes(position, radius, nodes: tuple[int, int], sigma: float):
    """Moments, lines and slopes of each scene."""

    def one(caps):
        points, weight = union_nodes(caps[0], jnp.sin(0.5 * caps[1]), *nodes, N_CAPS)
        slopes = jax.grad(partial(light_of, nodes=nodes), argnums=(0, 1))(*caps)
        return moments_of(points, weight), lines_of(points, weight, sigma), slopes

    return jax.lax.map(one, (position, radius))


@jax.jit
def exact(position, radius):
    """Moments and slopes in closed form."""

    def one(caps):
        at = caps[0][:, :, None], jnp.sin(0.5 * caps[1])[:, None]
        light, momentum, _ = union_of_velocity_moments(STAR, *at, 3, 1, N_CAPS)
        slopes = jax.grad(partial(light_of, nodes=None), argnums=(0, 1))(*caps)
        return jnp.concatenate([light[:, 0], momentum[:, 0]]), slopes

    return jax.lax.map(one, (position, radius))


def _slope_errors(got, true) -> np.ndarray:
    off = [np.abs(a - b).reshape(N_SCENES, -1).max(1) for a, b in zip(got, true, strict=True)]
    size = [np.abs(b).reshape(N_SCENES, -1).max(1) for b in true]
    return np.max([o / s for o, s in zip(off, size, strict=True)], axis=0)


def errors() -> list[dict]:
    """Of crowds as wide, and seen by such spectrographs, with the nodes that `DiscConfig` finds."""
    rng, rows = np.random.default_rng(1), []
    for low, high in RADII:
        caps = scenes(rng, low, high)
        moments, slopes = jax.tree.map(np.asarray, exact(*caps))
        for vsini, resolution in SEEN:
            disc = DiscConfig(vsini=vsini, spot_radius=math.radians(high), resolution=resolution)
            sigma, nodes = C_KM_S / (2.3548 * vsini * resolution), disc.nodes().cap
            got = jax.tree.map(np.asarray, by_nodes(*caps, nodes, sigma))
            lines = np.array([lines_by_slices(*c, sigma) for c in zip(*caps, strict=True)])
            off = {
                "light": np.abs(got[0] - moments)[:, :3].max(1) / np.pi,
                "rotation": np.abs(got[0] - moments)[:, 3] / np.pi,
                "lines": np.abs(got[1] - lines).max(1) / np.pi,
                "slopes": _slope_errors(got[2], slopes),
            }
            row = {"task": "crowded caps", "system": "dynamojax", "dtype": "float64"}
            row |= {"radii_deg": [low, high], "vsini": vsini, "resolution": resolution, "nodes": list(nodes)}
            row |= {f"{name}_median": float(np.median(q)) for name, q in off.items()}
            rows.append(row | {f"{name}_worst": float(q.max()) for name, q in off.items()})
            print((low, high), vsini, resolution, nodes, end=" ")
            print(*(f"{name} {np.median(q):.0e} {q.max():.0e}" for name, q in off.items()), flush=True)
    return rows


def times(n_caps: int = 20, n_neighbours: int = 8) -> list[dict]:
    """Of an epoch with so many spots, counted once and each in full."""
    caps, rows = scenes(np.random.default_rng(2), 2, 10, n_caps), []

    def total(points, weight):
        return jnp.sum(weight * points[2] * (1 + points[0] + points[1] * points[2]))

    def once(position, radius):
        return total(*union_nodes(position, jnp.sin(0.5 * radius), 2, 8, n_neighbours))

    def in_full(position, radius):
        return total(*cap_nodes(position, jnp.sin(0.5 * radius), 2, 8))

    for name, one in (("once", once), ("in full", in_full)):
        for what, f in (("value", one), ("gradient", jax.grad(one, argnums=(0, 1)))):
            timing, _ = harness.time_jax(lambda c, f=f: jax.lax.map(lambda q: f(*q), c), caps)
            task = f"{n_caps} caps counted {name}: {what}"
            rows.append(harness.row(task, "dynamojax", timing, dtype="float32", batch=N_SCENES))
            print(f"{task}: {1e6 * timing.run_s / N_SCENES:.0f} us an epoch", flush=True)
    return rows


def main() -> None:
    """Print and write the table."""
    rows = times()
    with harness.precision("float64"):
        rows += errors()
    print("written:", harness.write_results("union_nodes", rows))


if __name__ == "__main__":
    main()
