"""Stochastic oscillators sampled exactly, at any times, averaged over the exposure, in O(n_times).

A damped oscillator driven by white noise, x'' + (omega/Q) x' + omega^2 x = w, is a Gaussian process.
With Q = 1/sqrt(2) its power density is flat up to omega and falls as frequency^-4: one component of
granulation. With Q >> 1 it is a Lorentzian of full width omega/Q: a mode of oscillation. In the
scaled state s = (x, x'/omega), of unit covariance, the step over a time tau is s -> F(tau) s + noise
of covariance 1 - F F^T, so that a chain of such steps has exactly the process's covariance whatever
the sampling. The mean of x over an exposure is carried along, hence the loss of amplitude in long
exposures and the aliases are exact too. (Jordan, Kolodner & Segal 1968; Foreman-Mackey et al. 2017
for the correspondence with the power density.)
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dynamojax.numerics import as_float, gauss_legendre, safe_divide, safe_sqrt

# 64 nodes integrate the response over an exposure to rounding up to omega * exposure = 100, which is
# 9,000 uHz in 30 minutes.
_NODES, _WEIGHTS = gauss_legendre(64, 0.0, 1.0)


class Oscillators(eqx.Module):
    """Independent damped oscillators whose sum is the process.

    Attributes:
        rms: Standard deviation of each, before exposure averaging; any unit, which the sample keeps.
        omega: Undamped angular frequency. [rad/day]
        quality: Quality factor, above 1/2. [1]
    """

    rms: Float[Array, " n_terms"] = eqx.field(converter=as_float)
    omega: Float[Array, " n_terms"] = eqx.field(converter=as_float)
    quality: Float[Array, " n_terms"] = eqx.field(converter=as_float)


class Propagator(NamedTuple):
    """F(tau): the scaled state (x, v = x'/omega) after a time tau, without noise."""

    xx: Float[Array, "..."]
    xv: Float[Array, "..."]
    vx: Float[Array, "..."]
    vv: Float[Array, "..."]


class ExposureStep(NamedTuple):
    """State at the end and mean over an exposure, given the state at its start.

    mean_x, mean_v: the mean's dependence on the state at the start. lower: Cholesky factor of the
    noise of (v, x, mean), row by row: vv, xv, xx, mv, mx, mm.
    """

    propagator: Propagator
    mean_x: Float[Array, " n_terms"]
    mean_v: Float[Array, " n_terms"]
    lower: tuple[Float[Array, " n_terms"], ...]


def propagator(terms: Oscillators, tau: Float[Array, "..."]) -> Propagator:
    """The noise-free step over a time tau >= 0 [day]."""
    rate = 0.5 * terms.omega / terms.quality
    damped = terms.omega * jnp.sqrt(1.0 - 0.25 / terms.quality**2)
    decay = jnp.exp(-rate * tau)
    c, s = decay * jnp.cos(damped * tau), decay * jnp.sin(damped * tau)
    eta, ratio = rate / damped, terms.omega / damped
    return Propagator(xx=c + eta * s, xv=ratio * s, vx=-ratio * s, vv=c - eta * s)


def _mean_response(terms: Oscillators, tau: Float[Array, "..."]) -> Float[Array, "..."]:
    """The integral of F_xv over (0, tau) times omega, which is 1 - F_xx without its cancellation."""
    rate = 0.5 * terms.omega / terms.quality
    damped = terms.omega * jnp.sqrt(1.0 - 0.25 / terms.quality**2)
    half, decay = jnp.sin(0.5 * damped * tau), jnp.exp(-rate * tau)
    swing = 2.0 * half**2 - rate / damped * jnp.sin(damped * tau)
    return decay * swing - jnp.expm1(-rate * tau)


def _cholesky(vv, xv, xx, mv, mx, mm):
    # v comes first: over a short exposure it holds most of the noise. Zero rows stay zero.
    l_vv = safe_sqrt(vv)
    l_xv, l_mv = safe_divide(xv, l_vv), safe_divide(mv, l_vv)
    l_xx = safe_sqrt(xx - l_xv**2)
    l_mx = safe_divide(mx - l_mv * l_xv, l_xx)
    return l_vv, l_xv, l_xx, l_mv, l_mx, safe_sqrt(mm - l_mv**2 - l_mx**2)


def exposure_step(terms: Oscillators, exposure: Float[Array, ""]) -> ExposureStep:
    """The step over one exposure, with the mean of x over it.

    Noise entering a time s before the end has moved (v, x, mean) by (F_vv, F_xv, integral of F_xv /
    exposure) at the end; its covariance is the integral of their products, all of it positive, hence
    free of cancellation.
    """
    dtype = terms.omega.dtype
    nodes, weights = jnp.asarray(_NODES, dtype)[:, None], jnp.asarray(_WEIGHTS, dtype)[:, None]
    at = propagator(terms, exposure * nodes)
    response = safe_divide(_mean_response(terms, exposure * nodes), terms.omega * exposure)
    power = 2.0 * terms.omega / terms.quality * exposure

    def covariance(a, b):
        return power * jnp.sum(weights * a * b, axis=0)

    lower = _cholesky(
        covariance(at.vv, at.vv),
        covariance(at.xv, at.vv),
        covariance(at.xv, at.xv),
        covariance(response, at.vv),
        covariance(response, at.xv),
        covariance(response, response),
    )
    mean_x, mean_v = jnp.sum(weights * at.xx, axis=0), jnp.sum(weights * at.xv, axis=0)
    return ExposureStep(propagator(terms, exposure), mean_x, mean_v, lower)


def _cross_gap(terms, gap, x, v, noise):
    """The state after an unobserved time, noise included.

    The covariance is 1 - F F^T to an absolute rounding error, hence 3e-4 of the rms in float32.
    """
    f = propagator(terms, gap)
    l_vv = safe_sqrt(1.0 - f.vx**2 - f.vv**2)
    l_xv = safe_divide(-(f.xx * f.vx + f.xv * f.vv), l_vv)
    l_xx = safe_sqrt(1.0 - f.xx**2 - f.xv**2 - l_xv**2)
    return f.xx * x + f.xv * v + l_xv * noise[0] + l_xx * noise[1], f.vx * x + f.vv * v + l_vv * noise[0]


def _expose(step: ExposureStep, x, v, noise):
    """The state after an exposure and the mean over it."""
    f, (l_vv, l_xv, l_xx, l_mv, l_mx, l_mm) = step.propagator, step.lower
    mean = step.mean_x * x + step.mean_v * v + l_mv * noise[0] + l_mx * noise[1] + l_mm * noise[2]
    return (
        f.xx * x + f.xv * v + l_xv * noise[0] + l_xx * noise[1],
        f.vx * x + f.vv * v + l_vv * noise[0],
        mean,
    )


def sample_oscillators(
    terms: Oscillators,
    gaps: Float[Array, " n_times"],
    exposure: Float[Array, ""],
    *,
    key: Key[Array, ""],
) -> Float[Array, " n_times"]:
    """One realisation of the sum of the oscillators, averaged over each exposure.

    Args:
        terms: The oscillators.
        gaps: Time from the end of the exposure before to the start of this one; the first is of no
            consequence. At least 0. [day]
        exposure: Length of every exposure; 0 samples the process itself. [day]
        key: Used once; sample k depends on the key, the times up to k and k alone.

    Returns:
        The mean over each exposure, in the unit of rms.

    Gradients: exact in rms and exposure; in frequencies and quality finite, of one realisation.
    Accuracy: covariance of a step to 5e-11 (float64) and 1e-6 (float32) of the variance, from
        `tests/oracles/noise.py`.
    """
    step = exposure_step(terms, exposure)
    key_start, key_steps = jax.random.split(key)
    shape, dtype = terms.rms.shape, terms.rms.dtype

    def advance(state, inputs):
        (x, v), (index, gap) = state, inputs
        noise = jax.random.normal(jax.random.fold_in(key_steps, index), (5, *shape), dtype)
        x, v = _cross_gap(terms, gap, x, v, noise[:2])
        x, v, mean = _expose(step, x, v, noise[2:])
        return (x, v), jnp.sum(terms.rms * mean)

    start = jax.random.normal(key_start, (2, *shape), dtype)
    _, samples = jax.lax.scan(advance, (start[0], start[1]), (jnp.arange(gaps.size), gaps))
    return samples
