"""Optimisers on the real line behind one signature: problem and start in, where it ended out."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from dynamojax.inference.problem import Problem
from dynamojax.numerics import safe_divide

_LARGEST_DAMPING = 1e12


class Walk(NamedTuple):
    """Where an optimiser ended: a point of the real line, and how many steps it took."""

    free: Float[Array, " n"]
    n_steps: Int[Array, ""]


class _Step(NamedTuple):
    free: Array
    cost: Array
    normal: Array
    slope: Array
    damping: Array
    gain: Array
    n: Array


def gauss_newton(problem, free: Float[Array, " n"]) -> tuple[Array, Array, Array]:
    """Half the sum of squares at a point, the normal matrix J^T J and the slope J^T r.

    Of anything that has `residuals_free`: a `Problem`, or the same in other coordinates.
    """
    residual, push = jax.linearize(problem.residuals_free, free)
    rows = jax.vmap(push)(jnp.eye(free.size, dtype=free.dtype))
    high = jax.lax.Precision.HIGHEST
    normal, slope = (jnp.matmul(rows, x, precision=high) for x in (rows.T, residual))
    return 0.5 * jnp.sum(residual**2), normal, slope


def decrement(normal: Float[Array, "n n"], slope: Float[Array, " n"]) -> Float[Array, ""]:
    """What one more step promises, in ln likelihood.

    Directions that the data do not hold count by a unit of the real line, about a quarter of an interval.
    """
    step = jnp.linalg.solve(normal + jnp.eye(slope.size, dtype=slope.dtype), slope)
    return 0.5 * jnp.dot(slope, step)


def levenberg_marquardt(problem, free: Float[Array, " n"], max_steps: int, enough: float) -> Walk:
    """Least squares: a step is taken if it lowers the sum, else it is damped more; NaN never lowers it.

    Stops where the next step promises less than `enough` in ln likelihood, or no damping helps.
    Source: Marquardt (1963, J. SIAM 11, 431); the damping's factors from Madsen, Nielsen & Tingleff (2004).
    """

    def is_unfinished(s: _Step):
        promise = decrement(s.normal, s.slope) > enough
        stuck = (s.damping > _LARGEST_DAMPING) | ~jnp.isfinite(s.cost)
        return (s.n < max_steps) & promise & ~stuck

    def step(s: _Step) -> _Step:
        scale = jnp.diagonal(s.normal) + 1.0
        move = -jnp.linalg.solve(s.normal + s.damping * jnp.diag(scale), s.slope)
        promised = -jnp.dot(s.slope, move) - 0.5 * move @ s.normal @ move
        new = (s.free + move, *gauss_newton(problem, s.free + move))
        ratio = safe_divide(s.cost - new[1], promised)
        is_better = jnp.isfinite(new[1]) & (ratio > 0)
        kept = jax.tree.map(lambda a, b: jnp.where(is_better, a, b), new, s[:4])
        down = s.damping * jnp.maximum(1 / 5.0, 1 - (2 * ratio - 1) ** 3)
        damping = jnp.where(is_better, jnp.maximum(down, 1e-12), s.damping * s.gain)
        gain = jnp.where(is_better, 2.0, 2 * s.gain)
        return _Step(*kept, damping=damping, gain=gain, n=s.n + 1)

    start = _Step(
        free,
        *gauss_newton(problem, free),
        jnp.asarray(1e-2, free.dtype),
        jnp.asarray(2.0, free.dtype),
        jnp.asarray(0),
    )
    end = jax.lax.while_loop(is_unfinished, step, start)
    return Walk(end.free, end.n)


def optimistix_lm(problem: Problem, free: Float[Array, " n"], max_steps: int, enough: float) -> Walk:
    """Least squares by optimistix: its own damping and stopping rule."""
    import optimistix

    solver = optimistix.LevenbergMarquardt(rtol=1e-6, atol=1e-6)
    end = optimistix.least_squares(
        lambda free, problem: problem.residuals_free(free),
        solver,
        free,
        args=problem,
        max_steps=max_steps,
        throw=False,
    )
    return Walk(end.value, end.stats["num_steps"])


def bfgs(problem: Problem, free: Float[Array, " n"], max_steps: int, enough: float) -> Walk:
    """Any posterior, by optimistix.

    Least squares come first, with the noise as it is; their curvature then sets the scales for BFGS.
    """
    import optimistix

    known = problem.with_known_noise()
    near = levenberg_marquardt(known, free, max_steps, enough)
    normal = gauss_newton(known, near.free)[1] + jnp.eye(free.size, dtype=free.dtype)
    factor = jnp.linalg.cholesky(normal)

    def unscaled(u):
        return near.free + jax.scipy.linalg.solve_triangular(factor.T, u, lower=False)

    def cost(u, problem):
        return -problem.log_posterior_free(unscaled(u))

    solver = optimistix.BFGS(rtol=1e-5, atol=enough)
    start = jnp.zeros_like(free)
    end = optimistix.minimise(cost, solver, start, args=problem, max_steps=max_steps, throw=False)
    return Walk(unscaled(end.value), near.n_steps + end.stats["num_steps"])


def adam(problem: Problem, free: Float[Array, " n"], max_steps: int, enough: float) -> Walk:
    """Any posterior, by optax: a fixed number of steps of decreasing length; the best point seen is kept."""
    import optax

    schedule = optax.cosine_decay_schedule(0.1, max_steps)
    rule = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(schedule))
    slope_of = jax.value_and_grad(lambda free: -problem.log_posterior_free(free))

    def step(carry, _):
        free, state, best, least = carry
        cost, slope = slope_of(free)
        is_better = cost < least
        best, least = jnp.where(is_better, free, best), jnp.where(is_better, cost, least)
        fits = jnp.all(jnp.isfinite(slope)) & jnp.isfinite(cost)
        # Off the grid there is no slope: back to the best point, on with shorter steps.
        update, state = rule.update(jnp.where(fits, slope, 0), state, free)
        return (jnp.where(fits, optax.apply_updates(free, update), best), state, best, least), None

    start = (free, rule.init(free), free, jnp.asarray(jnp.inf, free.dtype))
    (_, _, best, _), _ = jax.lax.scan(step, start, length=max_steps)
    return Walk(best, jnp.asarray(max_steps))


SOLVERS = {
    "levenberg_marquardt": levenberg_marquardt,
    "optimistix": optimistix_lm,
    "bfgs": bfgs,
    "adam": adam,
}
LEAST_SQUARES = ("levenberg_marquardt", "optimistix")


class End(NamedTuple):
    """A start's end; a walk that failed has is_valid False and NaN.

    Attributes:
        values: In canonical units.
        log_posterior: There.
        is_converged: Whether another step would gain next to nothing.
        is_valid: Whether the simulation holds there.
        n_steps: Taken.
        promise: What another step would gain in ln posterior.
    """

    values: Float[Array, " n"]
    log_posterior: Float[Array, ""]
    is_converged: Bool[Array, ""]
    is_valid: Bool[Array, ""]
    n_steps: Int[Array, ""]
    promise: Float[Array, ""]


def ended(problem: Problem, walk: Walk, tolerance: float) -> End:
    """What is known of the point where a walk ended; converged where a step promises less than tolerance."""
    values = problem.parameters.bounds.inside(walk.free)
    log, slope = jax.value_and_grad(problem.log_posterior_free)(walk.free)
    normal = gauss_newton(problem.with_known_noise(), walk.free)[1]
    # The slope in noise has no share in the normal matrix: it counts by itself.
    promise = decrement(normal, slope)
    is_valid = jnp.isfinite(log) & jnp.all(jnp.isfinite(slope)) & jnp.isfinite(promise)
    values = jnp.where(problem.parameters.is_active, values, problem.parameters.start)
    values = jnp.where(is_valid, values, jnp.nan)
    return End(values, log, is_valid & (promise < tolerance), is_valid, walk.n_steps, promise)
