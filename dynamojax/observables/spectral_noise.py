"""Noise of a spectrum, pixel by pixel, keyed and separate from the simulation.

Its size comes from a curve of signal to noise at a magnitude, or from photons, sky and detector; beside it
bad pixels and the ripple that a continuum calibration leaves.
"""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from dynamojax.constants import DAY_S, HC_ERG_A
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.numerics import stream
from dynamojax.system import leaf


class PixelTable(eqx.Module):
    """What noise needs to know of the pixels of a spectrograph.

    Attributes:
        arm: Number of the arm.
        counts: Pixels of each arm, static.
        wavelength: [A]
        width: [A]
        place: From 0 at the first edge of an arm to 1 at its last. [1]
    """

    arm: Int[Array, " n_pixels"] = eqx.field(converter=jnp.asarray)
    counts: tuple[int, ...] = eqx.field(static=True)
    wavelength: Float[Array, " n_pixels"] = leaf()
    width: Float[Array, " n_pixels"] = leaf()
    place: Float[Array, " n_pixels"] = leaf()


def mean_of_arms(values: Float[Array, " n_pixels"], pixels: PixelTable) -> Float[Array, " n_pixels"]:
    """Of each arm, at all its pixels."""
    parts = jnp.split(values, np.cumsum(pixels.counts)[:-1])
    return jnp.stack([jnp.mean(part) for part in parts])[pixels.arm]


def pixel_table(spectrograph: Spectrograph) -> PixelTable:
    """The pixels of a spectrograph on the device."""
    places = [(arm.wavelength - arm.edges[0]) / (arm.edges[-1] - arm.edges[0]) for arm in spectrograph.arms]
    return PixelTable(
        spectrograph.arm_of_pixel.astype(np.int32),
        tuple(arm.n_pixels for arm in spectrograph.arms),
        spectrograph.wavelength,
        spectrograph.width,
        np.concatenate(places),
    )


class AbstractPixelNoise(eqx.Module):
    """Anything that knows the white noise of a pixel."""

    @abc.abstractmethod
    def sigma(
        self,
        flux: Float[Array, " n_pixels"],
        pixels: PixelTable,
        mag: Float[Array, ""],
        exposure: Float[Array, ""],
    ) -> Float[Array, " n_pixels"]:
        """Standard deviation of the flux of each pixel, in the unit of the flux.

        Args:
            flux: Without noise.
            pixels: Of the spectrograph.
            mag: Of the star, in the band of the noise model. [mag]
            exposure: [day]
        """


class SignalToNoise(AbstractPixelNoise):
    """A curve of signal to noise known for one magnitude and exposure.

    It holds for a pixel at the mean flux of its arm; in others the photons' part follows the flux. With
    magnitude and exposure that part scales as photons do, the background's as a constant.

    Attributes:
        snr: Of each pixel. [1]
        mag: For which it holds. [mag]
        exposure: For which it holds. [day]
        background: Share of the background in the variance there, 0 to 1. [1]
    """

    snr: Float[Array, " n_pixels"] = leaf()
    mag: Float[Array, ""] = leaf()
    exposure: Float[Array, ""] = leaf()
    background: Float[Array, ""] = leaf()

    def sigma(
        self,
        flux: Float[Array, " n_pixels"],
        pixels: PixelTable,
        mag: Float[Array, ""],
        exposure: Float[Array, ""],
    ) -> Float[Array, " n_pixels"]:
        """See `AbstractPixelNoise`."""
        level = mean_of_arms(flux, pixels)
        fainter = 10.0 ** (0.4 * (mag - self.mag))
        photons = (1.0 - self.background) * fainter * flux / level
        variance = (photons + self.background * fainter**2) * self.exposure / exposure
        return level / self.snr * jnp.sqrt(variance)


class Photons(AbstractPixelNoise):
    """Photons of the star and the sky, and the detector. The flux is that at the Earth [erg/s/cm2/A].

    Attributes:
        area: Collecting area of the telescope. [cm2]
        throughput: From above the air to detected electrons, a number or one for each pixel. [1]
        sky: Electrons of sky and dark current in a pixel. [1/s]
        read_noise: Of one read-out of a pixel, of all detector rows that are summed. [electron]
        n_reads: Exposures that an exposure is made of. [1]
        sky_spectra: Spectra that the subtracted sky is the mean of. [1]
    """

    area: Float[Array, ""] = leaf()
    throughput: Float[Array, "*n_pixels"] = leaf()
    sky: Float[Array, "*n_pixels"] = leaf()
    read_noise: Float[Array, ""] = leaf()
    n_reads: Float[Array, ""] = leaf()
    sky_spectra: Float[Array, ""] = leaf()

    def electrons(
        self, flux: Float[Array, " n_pixels"], pixels: PixelTable, exposure: Float[Array, ""]
    ) -> Float[Array, " n_pixels"]:
        """Detected from the star in an exposure [day]."""
        return flux * self._per_flux(pixels, exposure)

    def _per_flux(self, pixels: PixelTable, exposure: Float[Array, ""]) -> Float[Array, " n_pixels"]:
        photons = pixels.width * pixels.wavelength / HC_ERG_A * exposure * DAY_S
        return photons * self.area * self.throughput

    def sigma(
        self,
        flux: Float[Array, " n_pixels"],
        pixels: PixelTable,
        mag: Float[Array, ""],
        exposure: Float[Array, ""],
    ) -> Float[Array, " n_pixels"]:
        """See `AbstractPixelNoise`; the flux alone counts, not the magnitude."""
        per_flux = self._per_flux(pixels, exposure)
        background = self.sky * exposure * DAY_S + self.n_reads * self.read_noise**2
        variance = flux * per_flux + (1.0 + 1.0 / self.sky_spectra) * background
        return jnp.sqrt(variance) / per_flux


class BadPixels(eqx.Module):
    """Pixels hit or dead, at random.

    Attributes:
        rate: Probability of a pixel. [1]
        amplitude: Mean size of what is added, exponentially distributed, in units of its noise. [1]
        caught: Probability that a bad pixel is flagged. [1]
    """

    rate: Float[Array, ""] = leaf()
    amplitude: Float[Array, ""] = leaf()
    caught: Float[Array, ""] = leaf()


class Ripple(eqx.Module):
    """What a calibration of the continuum leaves: waves over each arm that multiply the flux.

    Attributes:
        rms: Standard deviation over stars and wavelengths. [1]
        n_waves: Longest is an arm, shortest an n_waves-th of it; amplitudes fall as the number of waves.
    """

    rms: Float[Array, ""] = leaf()
    n_waves: int = eqx.field(static=True, default=5)


class SpectralNoise(eqx.Module):
    """The noise of one spectrograph. A part that is None does not exist: leaving it out retraces."""

    white: AbstractPixelNoise
    bad_pixels: BadPixels | None = None
    ripple: Ripple | None = None


class NoisySpectrum(NamedTuple):
    """A spectrum as an instrument delivers it.

    Attributes:
        flux: With noise, also where `good` is False.
        flux_err: Standard deviation of the white noise, which is what pipelines state.
        good: False where a pixel is flagged.
    """

    flux: Float[Array, " n_pixels"]
    flux_err: Float[Array, " n_pixels"]
    good: Bool[Array, " n_pixels"]

    @property
    def ivar(self) -> Array:
        """Inverse variance, 0 where not good. In single precision it overflows for errors below 1e-19."""
        return jnp.where(self.good, self.flux_err**-2, 0.0)


def ripple_factor(ripple: Ripple, pixels: PixelTable, *, key: Key[Array, ""]) -> Float[Array, " n_pixels"]:
    """Factor on the flux: in each arm a sum of waves with normal amplitudes."""
    order = jnp.arange(1, ripple.n_waves + 1)
    size = 1.0 / order
    size = size / jnp.sqrt(jnp.sum(size**2))
    shape = (len(pixels.counts), 2, ripple.n_waves)
    a, b = jnp.moveaxis(size * jax.random.normal(key, shape, pixels.place.dtype), 1, 0)
    phase = 2 * jnp.pi * pixels.place[:, None] * order
    waves = a[pixels.arm] * jnp.cos(phase) + b[pixels.arm] * jnp.sin(phase)
    return 1.0 + ripple.rms * jnp.sum(waves, axis=-1)


def bad_pixel_deviations(
    bad: BadPixels, sigma: Float[Array, " n_pixels"], *, key: Key[Array, ""]
) -> tuple[Float[Array, " n_pixels"], Bool[Array, " n_pixels"]]:
    """What is added to the flux, and which pixels are flagged.

    Gradients: exact in amplitude and sigma; zero in rate and caught, which only choose.
    """
    shape, dtype = sigma.shape, sigma.dtype
    is_bad = jax.random.uniform(stream(key, "which"), shape, dtype) < bad.rate
    flagged = is_bad & (jax.random.uniform(stream(key, "caught"), shape, dtype) < bad.caught)
    size = bad.amplitude * sigma * jax.random.exponential(stream(key, "size"), shape, dtype)
    return jnp.where(is_bad, size, 0.0), flagged


def add_spectral_noise(
    flux: Float[Array, " n_pixels"],
    pixels: PixelTable,
    mag: Float[Array, ""],
    exposure: Float[Array, ""],
    noise: SpectralNoise,
    *,
    key: Key[Array, ""],
) -> NoisySpectrum:
    """One exposure of one star as the instrument delivers it.

    The ripple multiplies flux and error; white noise and bad pixels are added. For several epochs or
    stars, `jax.vmap` with the keys fold_in(root, number).

    Args:
        flux: Of each pixel. [any unit; erg/s/cm2/A at the Earth for `Photons`]
        pixels: `pixel_table` of the spectrograph.
        mag: Of the star in the noise model's band; not used by `Photons`. [mag]
        exposure: [day]
        noise: The noise model.
        key: Randomness.

    Returns:
        Flux, its stated error and the mask; pixels whose flux or error is not finite are not good.
    """
    sigma = noise.white.sigma(flux, pixels, mag, exposure)
    noisy = flux + sigma * jax.random.normal(stream(key, "white"), flux.shape, flux.dtype)
    good = jnp.isfinite(noisy) & jnp.isfinite(sigma) & (sigma > 0)
    if noise.bad_pixels is not None:
        added, flagged = bad_pixel_deviations(noise.bad_pixels, sigma, key=stream(key, "bad"))
        noisy, good = noisy + added, good & ~flagged
    if noise.ripple is not None:
        factor = ripple_factor(noise.ripple, pixels, key=stream(key, "ripple"))
        noisy, sigma = noisy * factor, sigma * factor
    return NoisySpectrum(noisy, sigma, good)
