"""Spectrum of a star without structure: a disc of one spectrum, darkened to the limb, that turns rigidly.

A disc whose intensity is mu^k has, at the velocity x vsini, the light (1 - x^2)^((k + 1) / 2): a kernel
in ln(wavelength). It is laid on the axis of the spectrum as quintic B-splines at the nodes of a quadrature,
hence is smooth in vsini down to 0, where it is the spline itself; the convolution is done by Fourier
transforms. As with spectra deposited from nodes of the disc, the filter p of `splines` is left to what
comes after.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.fft import next_fast_len

from dynamojax.constants import C_KM_S
from dynamojax.numerics import gauss_legendre
from dynamojax.splines import SPLINE_REACH, quintic

VSINI_MAX = 150.0  # [km/s]


def quadratic_coefficients(u1: Float[Array, ""], u2: Float[Array, ""]) -> Float[Array, "3"]:
    """1 - u1 (1 - mu) - u2 (1 - mu)^2 as powers of mu, 0 to 2, for a disc of unit flux.

    Source: Gray (2008), The Observation and Analysis of Stellar Photospheres, eq. 18.14, for u2 = 0.
    """
    powers = jnp.stack([1 - u1 - u2, u1 + 2 * u2, -u2])
    flux = jnp.pi * (1 - u1 / 3 - u2 / 6)
    return powers / flux


def n_rotation_nodes(ln_step: float, vsini_max: float) -> int:
    """Nodes at which the kernel is exact for all waves that the axis holds.

    Gauss-Legendre nodes in the angle arccos x lie pi^2/2 n apart at most; two in the shortest wave, of
    two samples, and a few for the ends.
    """
    reach = vsini_max / C_KM_S / ln_step
    return math.ceil(0.5 * np.pi**2 * reach) + 24


def _kernel_nodes(degree: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Velocities x in units of vsini, and weights of the disc integral of mu^k, k = 0 to degree."""
    angle, weight = gauss_legendre(n, 0.0, np.pi)
    k = np.arange(degree + 1)[:, None]
    length = np.sqrt(np.pi) * np.array([math.gamma(i / 2 + 1) / math.gamma(i / 2 + 1.5) for i in k[:, 0]])
    return np.cos(angle), weight * np.sin(angle) ** (k + 2) * length[:, None]


def _deposited(
    position: Float[Array, " n_nodes"], weights: Float[Array, "n_k n_nodes"], n: int
) -> Float[Array, "n_k n"]:
    """Splines at positions in samples, on a circle of n samples."""
    whole = jnp.floor(jax.lax.stop_gradient(position))
    offset = jnp.arange(1 - SPLINE_REACH, SPLINE_REACH + 1)
    values = weights[:, :, None] * quintic(position[:, None] - whole[:, None] - offset)
    index = jnp.mod(whole[:, None].astype(int) + offset, n)
    return jnp.zeros((weights.shape[0], n), values.dtype).at[:, index].add(values)


def broadened_disc(
    intensities: Float[Array, "n_k n"],
    ln_step: float,
    vsini: Float[Array, ""],
    velocity: Float[Array, ""] | float = 0.0,
    sigma: Float[Array, ""] | float = 0.0,
    *,
    vsini_max: float = VSINI_MAX,
) -> Float[Array, " n"]:
    """Disc integral of I(mu) = sum over k of mu^k times row k, of a star that turns rigidly.

    Args:
        intensities: Coefficients of mu^k at each wavelength of an even axis in ln(wavelength). [any unit]
        ln_step: Step of the axis, static. [ln A]
        vsini: Equatorial velocity times sin(inclination). [km/s]
        velocity: Of the star, positive recedes. [km/s]
        sigma: Of a Gaussian in velocity, for the instrument or turbulence. [km/s]
        vsini_max: Up to which the kernel is resolved, static. [km/s]

    Returns:
        Surface flux, to which the filter p of `splines` is still to be applied; without rotation its
        samples are then sum over k of 2 pi / (k + 2) times row k, exactly. NaN where vsini or velocity
        is above vsini_max. Within (vsini + |velocity| + 5 sigma) / c / ln_step + 3 samples of the ends, the
        spectrum beyond counts as the end's value.
    Gradients: finite everywhere; zero in vsini at 0, in which the result is even.
    Accuracy: that of the splines, against Gray's integral: for lines a tenth deep 6e-8 of the flux where no
        wave is shorter than ten samples, 7e-6 at five; rounding adds 3e-7 in float32.
    Source: Gray (2008), chapter 18; powers of mu by the same integral.
    """
    n = intensities.shape[-1]
    pad = math.ceil(2 * vsini_max / C_KM_S / ln_step) + SPLINE_REACH
    n_circle: int = next_fast_len(n + 2 * pad, real=True)  # pyright: ignore[reportAssignmentType]
    nodes, weights = _kernel_nodes(intensities.shape[0] - 1, n_rotation_nodes(ln_step, vsini_max))
    dtype = intensities.dtype
    x = jnp.arctanh(vsini / C_KM_S * jnp.asarray(nodes, dtype)) + jnp.arctanh(velocity / C_KM_S)
    kernel = _deposited(x / ln_step, jnp.asarray(weights, dtype), n_circle)
    # Without its mean the spectrum's rounding is that of its lines, not of its continuum.
    level = jnp.mean(intensities, axis=-1, keepdims=True)
    rest = jnp.pad(intensities - level, ((0, 0), (pad, n_circle - n - pad)), mode="edge")
    transform = jnp.sum(jnp.fft.rfft(kernel) * jnp.fft.rfft(rest), axis=0)
    wave = 2 * np.pi / n_circle * jnp.arange(n_circle // 2 + 1, dtype=dtype)
    transform = transform * jnp.exp(-0.5 * (sigma / C_KM_S / ln_step * wave) ** 2)
    powers = 2 * np.pi / (np.arange(intensities.shape[0]) + 2)
    whole = jnp.sum(jnp.asarray(powers, dtype) * level[:, 0])
    result = whole + jnp.fft.irfft(transform, n_circle)[pad : pad + n]
    is_resolved = (jnp.abs(vsini) <= vsini_max) & (jnp.abs(velocity) <= vsini_max)
    return jnp.where(is_resolved, result, jnp.nan)


def broadened(
    spectrum: Float[Array, " n"],
    ln_step: float,
    vsini: Float[Array, ""],
    u1: Float[Array, ""],
    u2: Float[Array, ""],
    velocity: Float[Array, ""] | float = 0.0,
    sigma: Float[Array, ""] | float = 0.0,
    *,
    vsini_max: float = VSINI_MAX,
) -> Float[Array, " n"]:
    """The spectrum of a disc that has this spectrum everywhere, and a quadratic law of limb darkening.

    Args:
        spectrum: On an even axis in ln(wavelength). [any unit]
        ln_step: Step of the axis, static. [ln A]
        vsini: Equatorial velocity times sin(inclination). [km/s]
        u1: Of (1 - mu). [1]
        u2: Of (1 - mu)^2. [1]
        velocity: Of the star, positive recedes. [km/s]
        sigma: Of a Gaussian in velocity. [km/s]
        vsini_max: Up to which the kernel is resolved, static. [km/s]

    Returns:
        The broadened spectrum in the same unit; edges, filter, gradients and NaN as in `broadened_disc`.
    """
    rows = quadratic_coefficients(u1, u2)[:, None] * spectrum
    return broadened_disc(rows, ln_step, vsini, velocity, sigma, vsini_max=vsini_max)
