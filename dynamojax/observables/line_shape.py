"""Velocity, width, depth and asymmetry of a mean line profile, such as a correlation function.

A Gaussian is fitted by least squares in a fixed number of Gauss-Newton steps; derivatives are those of the
solution, by the implicit function theorem, whatever way the steps took. The bisector is read from the
profile itself.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from dynamojax.observables.bisector import bisector, span_depths, span_of

_FWHM = math.sqrt(8.0 * math.log(2.0))  # over sigma of a Gaussian
_STEPS = 40  # of Gauss-Newton; box-like profiles of fast rotators take up to 25 in float32
_DEPTHS = np.linspace(0.05, 0.95, 37)
_LOOSEST = 1e-3  # of sigma: the last step of a fit that is called converged


class LineShape(eqx.Module):
    """What is measured of one profile; NaN and `valid=False` where it has no line.

    Attributes:
        velocity: Centre of the Gaussian, positive recedes. [km/s]
        fwhm: Full width at half maximum of the Gaussian. [km/s]
        contrast: Depth of the Gaussian over the continuum. [1]
        continuum: Of the fit, at the centre. [unit of the profile]
        span: Bisector span, mean over depths 0.1-0.4 minus mean over 0.55-0.9. [km/s]
        depth: At which the bisector is given: 0 is the continuum, 1 the lowest point. [1]
        bisector: Middle between both flanks at these depths. [km/s]
        valid: Whether the Gaussian holds.
        bisector_valid: Whether both flanks reach all depths.
    """

    velocity: Float[Array, ""]
    fwhm: Float[Array, ""]
    contrast: Float[Array, ""]
    continuum: Float[Array, ""]
    span: Float[Array, ""]
    depth: Float[Array, " n_depths"]
    bisector: Float[Array, " n_depths"]
    valid: Bool[Array, ""]
    bisector_valid: Bool[Array, ""]


def line_shape(
    velocity: Float[Array, " n"], profile: Float[Array, " n"], *, sloped: bool = False
) -> LineShape:
    """Velocity, FWHM, contrast and bisector of an absorption profile.

    Args:
        velocity: Rising. [km/s]
        profile: Such as `Correlation.total`, with continuum on both sides of the line. [any unit]
        sloped: Fit a straight continuum instead of a level one; widens what a fit can do at low resolution,
            and departs from what the pipelines of HARPS and ESPRESSO do.

    Gradients: of the solution, first order; finite where valid.
    Source: Gaussian as in Pepe et al. (2002, A&A 388, 632); span as Queloz et al. (2001, A&A 379, 279).
    """
    middle, half = 0.5 * (velocity[0] + velocity[-1]), 0.5 * (velocity[-1] - velocity[0])
    scale = jax.lax.stop_gradient(jnp.max(jnp.abs(profile)))
    x, y = (velocity - middle) / half, profile / jnp.where(scale > 0, scale, 1)
    is_finite = jnp.all(jnp.isfinite(y))
    y = jnp.where(is_finite, y, 1.0)  # so that a lost spectrum cannot spoil its batch's gradient
    fit, last_step = fitted_gaussian(x, y, sloped=sloped)
    centre, sigma, depth, level = fit[0], jnp.exp(fit[1]), fit[2], fit[3]
    continuum = level + fit[4] * centre if sloped else level
    spacing = jnp.max(jnp.diff(x))
    valid = is_finite & (jnp.abs(centre) < 1) & (depth > 8 * jnp.finfo(y.dtype).eps * jnp.abs(level))
    valid = valid & (_FWHM * sigma < 2) & (sigma > 0.2 * spacing) & (last_step < _LOOSEST) & (continuum > 0)
    tilt = fit[4] * x if sloped else jnp.zeros_like(x)
    depths = jnp.asarray(np.concatenate([_DEPTHS, span_depths()]), x.dtype)
    middles, has_flanks = bisector(x, (y - tilt) / level, depths)

    def given(value, is_valid):
        return jnp.where(is_valid, value, jnp.nan)

    flanks = valid & has_flanks
    return LineShape(
        velocity=given(middle + half * centre, valid),
        fwhm=given(_FWHM * half * sigma, valid),
        contrast=given(depth / continuum, valid),
        continuum=given(continuum * scale, valid),
        span=given(half * span_of(middles[len(_DEPTHS) :]), flanks),
        depth=depths[: len(_DEPTHS)],
        bisector=given(middle + half * middles[: len(_DEPTHS)], flanks),
        valid=valid,
        bisector_valid=flanks,
    )


def _model(fit: Float[Array, " p"], x: Float[Array, " n"]) -> Float[Array, " n"]:
    """Level (and slope) minus a Gaussian: fit is (centre, ln sigma, depth, level[, slope])."""
    t = (x - fit[0]) * jnp.exp(-fit[1])
    slope = fit[4] * x if fit.shape[0] == 5 else 0
    return fit[3] + slope - fit[2] * jnp.exp(-0.5 * t * t)


def _start(x: Float[Array, " n"], y: Float[Array, " n"], *, sloped: bool) -> Float[Array, " p"]:
    """From the ends, the lowest point and the area."""
    level, low = 0.5 * (y[0] + y[-1]), jnp.argmin(y)
    depth = jnp.maximum(level - y[low], 1e-3 * jnp.abs(level))
    area = jnp.sum(0.5 * (2 * level - y[1:] - y[:-1]) * jnp.diff(x))
    sigma = jnp.clip(area / depth / math.sqrt(2 * math.pi), jnp.max(jnp.diff(x)), 0.5)
    start = [x[low], jnp.log(sigma), depth, level]
    return jnp.stack([*start, 0 * level] if sloped else start)


def fitted_gaussian(
    x: Float[Array, " n"], y: Float[Array, " n"], *, sloped: bool
) -> tuple[Float[Array, " p"], Float[Array, ""]]:
    """Least squares of level, slope, depth, width and centre.

    Args:
        x: From -1 to 1.
        y: Of order 1.
        sloped: Whether the continuum has a slope.

    Returns:
        centre, ln sigma, depth, level and, if sloped, slope; and how far the last step moved the centre,
        over sigma.
    """

    def residual(fit):
        return _model(fit, x) - y

    def gradient(fit):  # of half the sum of squares
        value, back = jax.vjp(residual, fit)
        return back(value)[0]

    def step(_, state):
        fit, _ = state
        slopes, value = jax.jacfwd(residual)(fit), residual(fit)
        normal = jnp.matmul(slopes.T, slopes, precision=jax.lax.Precision.HIGHEST)
        normal = normal + 1e-6 * jnp.diag(jnp.diag(normal)) + jnp.finfo(x.dtype).tiny * jnp.eye(fit.shape[0])
        change = jnp.linalg.solve(normal, jnp.matmul(slopes.T, value, precision=jax.lax.Precision.HIGHEST))
        # No more than half a sigma, or a factor of 1.6 in it, at once: far starts stay on the line.
        sigma = jnp.exp(fit[1])
        shorter = jnp.maximum(jnp.maximum(jnp.abs(change[0]) / sigma, jnp.abs(change[1])) / 0.5, 1)
        return fit - change / shorter, jnp.abs(change[0]) / sigma

    def solve(_, start):
        fit, last = jax.lax.fori_loop(0, _STEPS, step, (start, jnp.ones((), x.dtype)))
        return fit, last

    def tangent(linear, right):
        matrix = jax.vmap(linear)(jnp.eye(right.shape[0], dtype=right.dtype))  # symmetric
        return jnp.linalg.solve(matrix, right)

    start = jax.lax.stop_gradient(_start(x, y, sloped=sloped))
    return jax.lax.custom_root(gradient, start, solve, tangent, has_aux=True)
