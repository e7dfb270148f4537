"""All maxima of a posterior that matter, from many blind starts in standard coordinates."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from dynamojax.inference.labels import relabelled
from dynamojax.inference.mixture import shorter
from dynamojax.inference.solvers import decrement, gauss_newton, levenberg_marquardt
from dynamojax.inference.standard import Standard
from dynamojax.numerics import stream

_ENOUGH = 1e-2  # of ln posterior in the next step
_BATCH = 8  # walks together
_SAME = 0.3  # in ln density
_MOST_BATCHES = 5
ENOUGH_HITS = 3
CIRCLE = 3 / np.pi**2  # precision of an angle of which nothing is known


class Ends(NamedTuple):
    """Where walks ended, in standard coordinates.

    Attributes:
        z: Coordinates.
        log_density: There.
        precision: Gauss-Newton curvature, priors included.
        promise: What another step would gain.
    """

    z: Float[Array, "n_starts m"]
    log_density: Float[Array, " n_starts"]
    precision: Float[Array, "n_starts m m"]
    promise: Float[Array, " n_starts"]


@partial(jax.jit, static_argnames="batch_size")
def log_densities(standard, z: Float[Array, "n m"], batch_size: int = 32) -> Float[Array, " n"]:
    """Of many points, in the coordinates of a `Standard` or a `Comoving`."""
    return jax.lax.map(standard.log_density, z, batch_size=batch_size)


def prior_draws(standard: Standard, n: int, *, key: Key[Array, ""]) -> Float[Array, "n m"]:
    """Points of the prior; about the start where it is not proper."""
    start = standard.outside(standard.problem.parameters.start)
    normal = jax.random.normal(stream(key, "normal"), (n, start.size), start.dtype)
    turn = jax.random.uniform(stream(key, "turn"), (n, start.size), start.dtype, -jnp.pi, jnp.pi)
    sorts = np.array(standard.sorts)
    return jnp.where(sorts == "normal", normal, jnp.where(sorts == "round", turn, start + normal))


@partial(jax.jit, static_argnames=("max_steps", "batch_size"))
def walked(standard: Standard, starts: Float[Array, "n m"], max_steps: int, batch_size: int) -> Ends:
    """Least squares from every start, with the noise as it is."""

    def one(start):
        walk = levenberg_marquardt(standard, start, max_steps, _ENOUGH)
        normal, slope = gauss_newton(standard, walk.free)[1:]
        return Ends(walk.free, standard.log_density(walk.free), normal, decrement(normal, slope))

    return jax.lax.map(one, starts, batch_size=batch_size)


def search(
    standard: Standard, starts, *, n_starts: int, n_candidates: int, max_steps: int, key: Key[Array, ""]
) -> Ends:
    """From given starts and from draws of the prior, until the best end was reached often enough.

    Raises:
        ValueError: no start leads anywhere.
    """
    dtype = standard.problem.parameters.start.dtype
    z = jnp.asarray(starts, dtype).reshape(-1, len(standard.active))
    parts = []
    for i in range(_MOST_BATCHES if n_starts else 1):
        if n_starts:
            draws = prior_draws(standard, n_candidates, key=jax.random.fold_in(key, i))
            log = np.asarray(log_densities(standard, draws)).reshape(n_starts, -1)
            best = np.argmax(np.where(np.isfinite(log), log, -np.inf), axis=1)
            blind = draws.reshape(n_starts, -1, draws.shape[1])[np.arange(n_starts), best]
            z = blind if i else jnp.concatenate([z, blind])
        # Whole batches, or the remainder is compiled for itself, which takes as long again.
        whole = jnp.concatenate([z, jnp.repeat(z[-1:], -len(z) % _BATCH, axis=0)])
        ends = walked(standard, whole, max_steps, batch_size=_BATCH)
        parts.append([np.asarray(x, np.float64)[: len(z)] for x in ends])
        ends = Ends(*(np.concatenate(x) for x in zip(*parts, strict=True)))
        if hits(ends) >= ENOUGH_HITS:
            break
    fine = np.isfinite(ends.log_density) & np.isfinite(ends.precision).all((1, 2))
    if not fine.any():
        raise ValueError("no start led anywhere: all are off the grid or not valid; try other starts")
    return Ends(*(x[fine] for x in ends))


def hits(ends: Ends) -> int:
    """How many walks ended at the best maximum."""
    log = np.where(np.isfinite(ends.log_density), ends.log_density, -np.inf)
    return int(np.sum(log > log.max() - _SAME)) if np.isfinite(log.max()) else 0


def distinct(ends: Ends, standard: Standard, depth: float) -> tuple[Ends, np.ndarray]:
    """Maxima that are not the same, the weightiest first, and their Laplace evidence.

    Same are those within one standard deviation of each other, whatever the spots' labels.
    """
    circle = np.diag(np.where(standard.is_round, CIRCLE, 0.0))
    _, det = np.linalg.slogdet(ends.precision + circle)
    m = ends.z.shape[1]
    evidence = ends.log_density - 0.5 * det + 0.5 * m * np.log(2 * np.pi)
    evidence = np.where(np.isfinite(evidence), evidence, -np.inf)
    z = relabelled(ends.z, standard, ends.z[int(np.argmax(ends.log_density))])
    kept: list[int] = []
    for i in np.argsort(-evidence):
        if evidence[i] < evidence.max() - depth or ends.log_density[i] < ends.log_density.max() - 2 * depth:
            continue
        steps = [shorter(z[i] - z[j], standard.is_round) for j in kept]
        if all(
            step @ ends.precision[j] @ step > m and step @ ends.precision[i] @ step > m
            for step, j in zip(steps, kept, strict=True)
        ):
            kept.append(int(i))
    kept = kept or [int(np.argmax(ends.log_density))]
    return Ends(z[kept], *(x[kept] for x in ends[1:])), evidence[kept]
