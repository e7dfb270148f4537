"""Photon and detector noise of one exposure: white, its size set by the magnitude.

Each class is one published form of the noise; all answer `relative_sigma(mag, exposure)`. The variance
falls as 1 / exposure in each, so that numbers quoted for an hour or for 6.5 h translate to a cadence.
The magnitude is the star's at relative flux 1; changes of the flux within a light curve (a per cent of
it changes the shot noise by half a per cent) are not followed.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynamojax.constants import DAY_S
from dynamojax.system import leaf

_HOUR_S = 3600.0


class AbstractWhite(eqx.Module):
    """Anything that knows the white noise of one exposure."""

    @abc.abstractmethod
    def relative_sigma(self, mag: Float[Array, ""], exposure: Float[Array, ""]) -> Float[Array, ""]:
        """Standard deviation of the relative flux of one exposure [day] at a magnitude [1]."""


class ConstantWhite(AbstractWhite):
    """The same noise in each exposure, whatever its length or the star's magnitude.

    Attributes:
        sigma_ppm: Standard deviation. [ppm]
    """

    sigma_ppm: Float[Array, "*batch"] = leaf()

    def relative_sigma(self, mag: Float[Array, ""], exposure: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractWhite`."""
        return 1e-6 * self.sigma_ppm


class EnvelopeWhite(AbstractWhite):
    """Shot noise plus an empirical background that grows beyond a magnitude, as measured for Kepler.

    Variance in electrons: N + V max(1, mag / mag_faint)^4, both N and V in proportion to the live time.

    Attributes:
        rate_zero: Electrons detected from a star of magnitude 0, while live. [1/s]
        background: Variance per live second of sky, readout and the rest. [electron^2/s]
        mag_faint: Magnitude beyond which the background grows. [mag]
        live: Fraction of the cadence spent collecting light. [1]
        readout: What a cadence lasts beyond its exposure, from first to last light. [s]
    """

    rate_zero: Float[Array, "*batch"] = leaf()
    background: Float[Array, "*batch"] = leaf()
    mag_faint: Float[Array, "*batch"] = leaf()
    live: Float[Array, "*batch"] = leaf()
    readout: Float[Array, "*batch"] = leaf()

    def relative_sigma(self, mag: Float[Array, ""], exposure: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractWhite`. Source: Jenkins et al. (2010), ApJ 713, L120."""
        rate = self.rate_zero * 10.0 ** (-0.4 * mag)
        variance = rate + self.background * jnp.maximum(1.0, mag / self.mag_faint) ** 4
        return jnp.sqrt(variance / (self.live * (exposure * DAY_S + self.readout))) / rate


class ApertureWhite(AbstractWhite):
    """Star, sky, readout and a systematic floor in an aperture that shrinks with magnitude.

    Attributes:
        rate_zero: Electrons detected in the aperture from a star of magnitude 0, while live. [1/s]
        pixels: Pixels in the aperture at magnitude 10, before the minimum is added in quadrature. [1]
        pixels_slope: Change of log10(pixels) per magnitude. [dex/mag]
        pixels_min: Pixels in the aperture of the faintest stars. [1]
        sky: Background. [electron/s/pixel]
        read_noise: Standard deviation of one readout. [electron/pixel]
        read_time: Time between readouts. [s]
        floor_ppm: Systematic floor of one hour. [ppm]
        live: Fraction of the exposure spent collecting light. [1]
    """

    rate_zero: Float[Array, "*batch"] = leaf()
    pixels: Float[Array, "*batch"] = leaf()
    pixels_slope: Float[Array, "*batch"] = leaf()
    pixels_min: Float[Array, "*batch"] = leaf()
    sky: Float[Array, "*batch"] = leaf()
    read_noise: Float[Array, "*batch"] = leaf()
    read_time: Float[Array, "*batch"] = leaf()
    floor_ppm: Float[Array, "*batch"] = leaf()
    live: Float[Array, "*batch"] = leaf()

    def relative_sigma(self, mag: Float[Array, ""], exposure: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractWhite`. Source: Sullivan et al. (2015), ApJ 809, 77, section 6."""
        rate = self.rate_zero * 10.0 ** (-0.4 * mag)
        n_pixels = jnp.hypot(self.pixels * 10.0 ** (self.pixels_slope * (mag - 10.0)), self.pixels_min)
        variance = rate + n_pixels * (self.sky + self.read_noise**2 / self.read_time)
        counted = variance / (rate**2 * self.live) + 1e-12 * self.floor_ppm**2 * _HOUR_S
        return jnp.sqrt(counted / (exposure * DAY_S))


def kepler_white() -> EnvelopeWhite:
    """Kepler: the lower envelope of the noise of long cadences against Kp.

    Source: Jenkins et al. (2010): N = 3.46e8 10^(0.4 (12 - Kp)) electrons and V = 7e6 electron^2 in a
    long cadence, which is 270 frames of 6.01980 s live in 29.4244 minutes (keywords NUM_FRM, INT_TIME
    and FRAMETIM of its light curves). `exposure` is that of `photometer.kepler`, from first to last light.
    """
    live_s = 270 * 6.01980
    rate_zero = 3.46e8 * 10.0 ** (0.4 * 12.0) / live_s
    frame_s = 6.538751
    return EnvelopeWhite(
        rate_zero, 7e6 / live_s, mag_faint=14.0, live=6.01980 / frame_s, readout=frame_s - 6.01980
    )


def tess_white() -> ApertureWhite:
    """TESS: an effective area of 69 cm2, against the TESS magnitude.

    Source: Sullivan et al. (2015): 1.514e6 photons/s/cm2 at magnitude 0, 69 cm2, 10 electrons of
    readout noise per 2 s image, 60 ppm in an hour; zodiacal light from 47 to 135 electron/s/pixel,
    of which the middle is taken. 90 % of the light is put in the aperture. The size of the aperture is
    fitted to the total noise in an hour given as a polynomial in magnitude by Stassun et al. (2018),
    AJ 156, 102, after Ricker et al. (2015): within 3 % from magnitude 5 to 15. The 2-minute cadence of
    the first years loses a further 20 % of its time to the rejection of cosmic rays: live = 0.79.
    """
    return ApertureWhite(
        rate_zero=0.9 * 69.0 * 1.514e6,
        pixels=14.2,
        pixels_slope=-0.108,
        pixels_min=3.0,
        sky=90.0,
        read_noise=10.0,
        read_time=2.0,
        floor_ppm=60.0,
        live=0.99,
    )
