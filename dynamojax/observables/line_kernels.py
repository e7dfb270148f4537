"""Velocity kernels: how much of each part of the disc moves at each velocity.

The intensity at cosine mu is interpolated between the grid's cosines by the polynomial through them,
I(mu) = sum_m l_m(mu) I_m. A node of weight w at log-wavelength shift u adds w l_m(mu) to the kernel of
cosine m, spread over samples by the B-spline of `splines`; the disc's spectrum is the sum over m of I_m
convolved with its kernel. Rotation, spots, faculae, planets and their Rossiter-McLaughlin effect are in it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.splines import quintic

_HIGHEST = jax.lax.Precision.HIGHEST


class Nodes(NamedTuple):
    """Nodes of one part of the surface.

    Attributes:
        mu: [1]
        area: Projected area, negative where it is taken away. [stellar radius squared]
        shift: Change of ln(wavelength), in samples of the spectrum.
    """

    mu: Float[Array, " n_nodes"]
    area: Float[Array, " n_nodes"]
    shift: Float[Array, " n_nodes"]


def joined(parts: list[Nodes]) -> Nodes:
    """All nodes in one list."""
    return Nodes(*map(jnp.concatenate, zip(*parts, strict=True)))


def _legendre(mu: Array, n: int) -> list[Array]:
    """Legendre polynomials of 2 mu - 1, degrees 0 to n - 1."""
    x = 2 * mu - 1
    found = [jnp.ones_like(x), x]
    for k in range(1, n - 1):
        found.append(((2 * k + 1) * x * found[k] - k * found[k - 1]) / (k + 1))
    return found[:n]


def mu_weights(mu_nodes: np.ndarray, mu: Float[Array, " n"]) -> Float[Array, "n_mu n"]:
    """Weights l_m(mu) of the polynomial through the grid's cosines. [1]"""
    n = len(mu_nodes)
    table = np.linalg.inv(np.polynomial.legendre.legvander(2 * mu_nodes - 1, n - 1)).T
    return jnp.matmul(jnp.asarray(table, mu.dtype), jnp.stack(_legendre(mu, n)), precision=_HIGHEST)


def velocity_kernel(nodes: Nodes, mu_nodes: np.ndarray, reach: int) -> Float[Array, "n_mu n_samples"]:
    """Kernel of each of the grid's cosines at shifts of -reach to reach samples. [stellar radius squared]

    Args:
        nodes: Of one component of the surface.
        mu_nodes: Cosines of the grid, on the host.
        reach: Samples on either side; shifts must stay 3 samples within.
    """
    sample = jnp.arange(-reach, reach + 1, dtype=nodes.shift.dtype)
    spread = quintic(sample - nodes.shift[:, None])
    weights = mu_weights(mu_nodes, nodes.mu) * nodes.area
    return jnp.matmul(weights, spread, precision=_HIGHEST)


def with_turbulence(
    kernel: Float[Array, "n_mu n_samples"], mu_nodes: np.ndarray, zeta: Float[Array, ""], xi: Float[Array, ""]
) -> Float[Array, "n_mu n_samples"]:
    """Kernels broadened by macroturbulence and by microscopic motion, exactly as they were where both are 0.

    Args:
        kernel: From `velocity_kernel`, with 3 (zeta + xi) of room at its ends.
        mu_nodes: Cosines of the grid, on the host.
        zeta: Radial-tangential, in samples of the spectrum.
        xi: Microscopic: at every point and in every direction exp(-(v / xi)^2). In samples.

    Source: Gray (2008), The Observation and Analysis of Stellar Photospheres, eq. 17.6: half the surface
        moves along the radius with exp(-(v / zeta mu)^2), half across with exp(-(v / zeta sin theta)^2).
    """
    n = kernel.shape[1]
    frequency = jnp.asarray(np.fft.rfftfreq(2 * n), kernel.dtype)
    mu = jnp.asarray(mu_nodes, kernel.dtype)[:, None]
    damping = [
        jnp.exp(-((jnp.pi * frequency) ** 2) * (zeta**2 * square + xi**2)) for square in (mu**2, 1 - mu**2)
    ]
    wave = jnp.fft.rfft(kernel, 2 * n, axis=1) * (0.5 * (damping[0] + damping[1]))
    return jnp.fft.irfft(wave, 2 * n, axis=1)[:, :n]


def convolved(
    intensity: Float[Array, "n_parts n_wavelength"], kernel: Float[Array, "n_parts n_samples"]
) -> Float[Array, " n_wavelength"]:
    """Sum of rows, each convolved with its kernel; nothing within `n_samples // 2` of the ends.

    One pass over the product of both for each sample of the kernel: for one star on a CPU three times as fast
    as a sum over the skewed product, or as a convolution of the library.

    Raises:
        ValueError: an even number of samples, or fewer wavelengths than these (when tracing).
    """
    n, size = intensity.shape[1], kernel.shape[1]
    if size % 2 == 0 or n < size:
        raise ValueError(f"a kernel of {size} samples must be odd and at most the {n} wavelengths long")
    product, n_inner = jnp.matmul(kernel.T, intensity, precision=_HIGHEST), n - size + 1

    def add(k, total):
        return total + jax.lax.dynamic_slice(product, (k, size - 1 - k), (1, n_inner))[0]

    total = jax.lax.fori_loop(0, size, add, jnp.zeros(n_inner, product.dtype))
    return jnp.pad(total, (size // 2, size // 2))
