"""Granulation and oscillations of a star: scaling relations with nu_max, as oscillators to sample.

Frequencies of the literature are in microhertz, amplitudes in parts per million; both stay so inside
this module, as the suffixes say.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.constants import LOGG_SUN_DEX, TEFF_SUN_K
from dynamojax.numerics import as_float
from dynamojax.observables.noise.oscillators import Oscillators
from dynamojax.system import Star

NU_MAX_SUN_UHZ = 3090.0  # Huber et al. (2011), ApJ 743, 143
DELTA_NU_SUN_UHZ = 135.1  # Huber et al. (2011)
_RAD_PER_DAY = 2.0 * np.pi * 0.0864  # per microhertz


class Granulation(eqx.Module):
    """Two-component granulation of Kallinger et al. (2014).

    Attributes:
        scale: Amplitude relative to the Kepler band; 1 for Kepler, 0.85 for TESS (Campante et al.
            2016, ApJ 830, 138), 0 for none. [1]
    """

    scale: Float[Array, "*batch"] = eqx.field(converter=as_float)


class Oscillations(eqx.Module):
    """Solar-like oscillations: modes half a large separation apart under a Gaussian envelope.

    Degrees 0 and 2 share one peak, degree 1 is the other; rotation does not split them.

    Attributes:
        scale: Amplitude relative to the Kepler band, as in `Granulation`. [1]
        n_modes: Number of modes around nu_max; 25 hold 98 % of the power of a Sun, more of a giant.
    """

    scale: Float[Array, "*batch"] = eqx.field(converter=as_float)
    n_modes: int = eqx.field(static=True, default=25)

    def __check_init__(self):
        if self.n_modes < 1:
            raise ValueError(f"n_modes = {self.n_modes} must be at least 1; for no oscillations pass None")


def nu_max_uhz(teff: Float[Array, ""], logg: Float[Array, ""]) -> Float[Array, ""]:
    """Frequency of maximum oscillation power [uHz].

    Source: Brown et al. (1991), ApJ 368, 599: g / sqrt(teff), in units of the Sun's.
    """
    return NU_MAX_SUN_UHZ * 10.0 ** (logg - LOGG_SUN_DEX) * jnp.sqrt(TEFF_SUN_K / teff)


def delta_nu_uhz(mass: Float[Array, ""], radius: Float[Array, ""]) -> Float[Array, ""]:
    """Large separation, from the mean density [uHz].

    Source: Kjeldsen & Bedding (1995), A&A 293, 87.
    """
    return DELTA_NU_SUN_UHZ * jnp.sqrt(mass / radius**3)


def granulation_parameters(nu_max: Float[Array, ""]) -> tuple[Array, Array]:
    """Amplitudes [ppm, Kepler band] and characteristic frequencies [uHz] of the two components.

    The power density of each is (2 sqrt(2) / pi) (a^2 / b) / (1 + (nu / b)^4), so a^2 is its variance.

    Args:
        nu_max: Frequency of maximum power; calibrated on giants and dwarfs, about 3 to 4000. [uHz]
    Source: Kallinger et al. (2014), A&A 570, A41, Table 2, model F.
    """
    amplitude = 3382.0 * nu_max**-0.609
    return jnp.stack([amplitude, amplitude]), jnp.stack([0.317 * nu_max**0.970, 0.948 * nu_max**0.992])


def granulation_terms(granulation: Granulation, star: Star) -> Oscillators:
    """The two components as critically damped oscillators, rms in ppm."""
    amplitude, frequency = granulation_parameters(nu_max_uhz(star.teff, star.logg))
    quality = jnp.full_like(frequency, np.sqrt(0.5))
    return Oscillators(granulation.scale * amplitude, _RAD_PER_DAY * frequency, quality)


def radial_amplitude_ppm(star: Star) -> Float[Array, ""]:
    """Root-mean-square amplitude of a radial mode at nu_max in the Kepler band [ppm].

    Zero for stars beyond the red edge of the instability strip.

    Source: Huber et al. (2011), ApJ 743, 143 (L^0.838 / M^1.32 / teff, 2.5 ppm for the Sun,
        Kepler's bandpass factor (teff / 5934 K)^0.8 of Ballot et al. 2011); the decline towards the
        red edge is that of Chaplin et al. (2011), ApJ 732, 54, Eq. 8-9.
    """
    hot = star.teff / TEFF_SUN_K
    luminosity = star.radius**2 * hot**4
    margin = jnp.maximum(8907.0 * luminosity**-0.093 - star.teff, 0.0)
    bolometric = 2.5 * luminosity**0.838 / star.mass**1.32 / hot
    return -jnp.expm1(-margin / 1550.0) * bolometric * (star.teff / 5934.0) ** -0.8


def linewidth_uhz(teff: Float[Array, ""]) -> Float[Array, ""]:
    """Full width at half maximum of a mode near nu_max [uHz].

    Source: Corsaro et al. (2012), ApJ 757, 190: 1.39 uHz exp((teff - 5777 K) / 601 K), 4000-6900 K.
    """
    return 1.39 * jnp.exp((teff - 5777.0) / 601.0)


def mode_frequencies_uhz(n_modes: int, nu_max, delta_nu) -> Float[Array, " n_modes"]:
    """The modes nearest nu_max of the comb (n + l/2 + epsilon) delta_nu with epsilon = 1.4 [uHz].

    epsilon is the Sun's (White et al. 2011, ApJ 742, L3). The comb stays in place when nu_max moves
    past a mode: one mode then leaves at one end and another enters, both at the envelope's edge.
    """
    nearest = jnp.round(2.0 * (nu_max / delta_nu - 1.4))
    return (0.5 * (nearest + jnp.arange(n_modes) - n_modes // 2) + 1.4) * delta_nu


def oscillation_terms(oscillations: Oscillations, star: Star) -> Oscillators:
    """The modes as lightly damped oscillators, rms in ppm.

    The envelope is Gaussian in power, of full width 0.66 uHz (nu_max / uHz)^0.88 at half maximum
    (Mosser et al. 2012, A&A 537, A30). The modes of one order hold 3.1 times the power of its radial
    mode (Chaplin et al. 2011), half of it on either of its two peaks. All modes share one quality,
    so that widths grow in proportion to frequency across the envelope.
    """
    nu_max, delta_nu = nu_max_uhz(star.teff, star.logg), delta_nu_uhz(star.mass, star.radius)
    # The comb of a giant reaches below zero, far outside its envelope: any positive frequency serves.
    frequency = jnp.abs(mode_frequencies_uhz(oscillations.n_modes, nu_max, delta_nu))
    sigma = 0.66 * nu_max**0.88 / np.sqrt(8.0 * np.log(2.0))
    envelope = jnp.exp(-0.25 * ((frequency - nu_max) / sigma) ** 2)
    rms = oscillations.scale * np.sqrt(0.5 * 3.1) * radial_amplitude_ppm(star) * envelope
    # The 1 keeps hot stars, whose modes are wider than their frequency and of no amplitude, in range.
    quality = 1.0 + nu_max / linewidth_uhz(star.teff)
    return Oscillators(rms, _RAD_PER_DAY * frequency, jnp.full_like(frequency, quality))
