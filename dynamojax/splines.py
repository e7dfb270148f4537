"""Quintic splines on even samples: how a spectrum is shifted by a fraction of a pixel, smoothly.

A function sampled at whole numbers, f_k, is interpolated by sum_k c_k b(x - k) with b the quintic B-spline
and c = p * f, p the inverse of b's own samples. Shifts are weighted sums of b at the shifts, hence four times
differentiable in them; p, a fixed filter, is put where it costs nothing: into what comes after.
A wave of f cycles a sample is kept to about 2 (f / (1 - f))^6: 5e-4 at f = 0.2, 3e-5 at f = 0.13.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

SPLINE_REACH = 3  # samples on either side that b touches


def quintic(t: Float[Array, "..."]) -> Float[Array, "..."]:
    """The quintic B-spline b(t), zero for |t| >= 3; its sum over whole steps is 1.

    Source: Unser, Aldroubi & Eden (1993), IEEE Trans. Signal Process. 41, 821.
    """
    a = jnp.abs(t)
    three, two, one = (jnp.maximum(k - a, 0) ** 5 for k in (3, 2, 1))
    return (three - 6 * two + 15 * one) / 120


def interpolation_filter(reach: int = 20) -> Float[np.ndarray, " n"]:
    """The filter p, 2 reach + 1 symmetric taps of sum 1, float64 on the host.

    What is cut off is below 0.4305^(reach + 1) of the whole, 1e-8 at the default.
    """
    n = 16 * (reach + 1)
    frequency = 2 * np.pi * np.arange(n) / n
    symbol = (66 + 52 * np.cos(frequency) + 2 * np.cos(2 * frequency)) / 120
    taps = np.roll(np.fft.ifft(1 / symbol).real, reach)[: 2 * reach + 1]
    return taps / taps.sum()
