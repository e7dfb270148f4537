"""All noise of one light curve, put together: parameters, presets, the sum, and checks on the host."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from dynamojax.numerics import stream
from dynamojax.observables.noise.oscillators import Oscillators, sample_oscillators
from dynamojax.observables.noise.seismology import (
    Granulation,
    Oscillations,
    granulation_terms,
    oscillation_terms,
)
from dynamojax.observables.noise.systematics import (
    Outliers,
    SafeModes,
    Segments,
    Wander,
    outlier_deviations,
    safe_mode_effects,
    segment_effects,
    wander_terms,
)
from dynamojax.observables.noise.white import AbstractWhite, ConstantWhite, kepler_white, tess_white
from dynamojax.system import Epochs, Star

# Exposures that overlap by more than this fraction of their length are an error, by less a rounding.
OVERLAP = 1e-3


class Noise(eqx.Module):
    """The noise of one instrument. A part that is None does not exist: leaving it out retraces."""

    white: AbstractWhite
    granulation: Granulation | None = None
    oscillations: Oscillations | None = None
    wander: Wander | None = None
    outliers: Outliers | None = None
    segments: Segments | None = None
    safe_modes: SafeModes | None = None


class NoisyLightCurve(NamedTuple):
    """A light curve as an instrument delivers it.

    Attributes:
        flux: Relative flux with noise; also where `good` is False, where no one would see it. [1]
        flux_err: Standard deviation of the white noise, which is what pipelines state. [1]
        good: True where data exist: outside gaps and safe modes, at finite flux.
    """

    flux: Float[Array, " n_times"]
    flux_err: Float[Array, " n_times"]
    good: Bool[Array, " n_times"]


def white_noise(ppm: float) -> Noise:
    """Nothing but white noise, the same in each exposure [ppm]."""
    return Noise(white=ConstantWhite(ppm))


def _segments(corrected: bool, **times: float | int) -> Segments:
    left = 0.0 if corrected else 1.0
    return Segments(offset_ppm=left * 5000.0, drift_ppm=left * 2000.0, thermal_ppm=left * 500.0, **times)


def _safe_modes(corrected: bool, **times: float | int) -> SafeModes:
    return SafeModes(rate=0.004, recovery_ppm=0.0 if corrected else 1500.0, **times)


def kepler_noise(*, corrected: bool = True) -> Noise:
    """Kepler: `mag` is Kp, `exposure` the whole cadence.

    Gaps of 0.9 day every 31 days, a quarter every third; safe modes every 250 days, 3 days long on
    average: round numbers for the mission. A quarter's data begin at time 0. If not `corrected`,
    offsets, drifts and thermal recoveries have the size of the difference between the simple aperture
    photometry of three quarters of KIC 1430163 and 9726699 and the pipeline's own correction of them;
    stars differ by a factor of ten.

    The wander is the noise of detectors (10.8 ppm) and of quarters (7.8 ppm) that Gilliland et al.
    (2011), ApJS 197, 6, find in 6.5 h beyond shot and readout noise; half a day is an assumption.
    """
    return Noise(
        white=kepler_white(),
        granulation=Granulation(1.0),
        oscillations=Oscillations(1.0),
        wander=Wander(rms_ppm=13.0, timescale=0.5),
        outliers=Outliers(rate=1e-3, amplitude=5.0, positive=0.7),
        segments=_segments(corrected, start=-0.9, period=31.0, gap=0.9, thermal_time=1.5, gaps_per_segment=3),
        safe_modes=_safe_modes(corrected, duration=3.0, recovery_time=1.5),
    )


def tess_noise(*, corrected: bool = True) -> Noise:
    """TESS: `mag` is the TESS magnitude. A gap of a day each orbit of 13.7 days, a sector every second.

    If not `corrected`, offsets and drifts are those of `kepler_noise`, for want of a measurement.
    """
    return Noise(
        white=tess_white(),
        granulation=Granulation(0.85),
        oscillations=Oscillations(0.85),
        outliers=Outliers(rate=1e-3, amplitude=5.0, positive=0.7),
        segments=_segments(corrected, start=-1.0, period=13.7, gap=1.0, thermal_time=1.0, gaps_per_segment=2),
        safe_modes=_safe_modes(corrected, duration=2.0, recovery_time=1.0),
    )


def exposure_gaps(epochs: Epochs, exposure: Float[Array, ""]) -> Float[Array, " n_times"]:
    """Unobserved time before each exposure [day]; 0 for the first, NaN where exposures overlap."""
    gaps = jnp.diff(epochs.day) + jnp.diff(epochs.fraction) - exposure
    gaps = jnp.where(gaps < -OVERLAP * exposure, jnp.nan, jnp.maximum(gaps, 0.0))
    return jnp.concatenate([jnp.zeros_like(gaps, shape=(1,)), gaps])


def correlated_terms(noise: Noise, star: Star) -> Oscillators | None:
    """Granulation, oscillations and wander in one chain, rms in ppm; None if there are none.

    One chain takes half the compile time and steps of one for each.
    """
    parts = []
    if noise.granulation is not None:
        parts.append(granulation_terms(noise.granulation, star))
    if noise.oscillations is not None:
        parts.append(oscillation_terms(noise.oscillations, star))
    if noise.wander is not None:
        parts.append(wander_terms(noise.wander))
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts) if parts else None


def correlated_noise(
    noise: Noise, epochs: Epochs, exposure: Float[Array, ""], star: Star, *, key: Key[Array, ""]
) -> Float[Array, " n_times"]:
    """Sum of granulation, oscillations and wander, averaged over each exposure [ppm]."""
    terms = correlated_terms(noise, star)
    if terms is None:
        return jnp.zeros_like(epochs.fraction)
    return sample_oscillators(terms, exposure_gaps(epochs, exposure), exposure, key=key)


def instrument_factor(
    noise: Noise, epochs: Epochs, *, key: Key[Array, ""]
) -> tuple[Float[Array, " n_times"], Bool[Array, " n_times"]]:
    """Factor on the flux and mask of existing data, from schedule and safe modes together."""
    factor = jnp.ones_like(epochs.fraction)
    exists = jnp.ones_like(epochs.fraction, dtype=bool)
    if noise.segments is not None:
        change, kept = segment_effects(noise.segments, epochs, key=stream(key, "segments"))
        factor, exists = factor * change, exists & kept
    if noise.safe_modes is not None:
        change, kept = safe_mode_effects(noise.safe_modes, epochs, key=stream(key, "safe modes"))
        factor, exists = factor * change, exists & kept
    return factor, exists


def add_noise(
    flux: Float[Array, " n_times"],
    epochs: Epochs,
    exposure: Float[Array, ""],
    star: Star,
    mag: Float[Array, ""],
    noise: Noise,
    *,
    key: Key[Array, ""],
) -> NoisyLightCurve:
    """One band's light curve of one star as the instrument delivers it.

    Correlated noise and the instrument's changes multiply the flux; white noise and outliers are added.
    For a population, `jax.vmap` with the keys fold_in(root, star_id): every part draws from its own
    stream of the key, so the noise of a star depends on nothing but its key.

    Args:
        flux: Relative flux, averaged over exposures. [1]
        epochs: Centres of the exposures, in order.
        exposure: Length of each exposure, no longer than the time between them. [day]
        star: Its teff, logg, mass and radius set granulation and oscillations.
        mag: Magnitude in the noise model's band, at flux 1. [mag]
        noise: The noise model.
        key: Randomness.

    Returns:
        Flux, its stated error, and the mask of existing data. Where exposures overlap, and everywhere
        after, the flux of a model with correlated noise is NaN and `good` False.
    """
    sigma = noise.white.relative_sigma(mag, exposure)
    factor, exists = instrument_factor(noise, epochs, key=stream(key, "instrument"))
    variation = correlated_noise(noise, epochs, exposure, star, key=stream(key, "correlated"))
    noisy = flux * factor * (1.0 + 1e-6 * variation)
    noisy += sigma * jax.random.normal(stream(key, "white"), flux.shape, flux.dtype)
    if noise.outliers is not None:
        noisy += outlier_deviations(noise.outliers, sigma, flux.size, key=stream(key, "outliers"))
    return NoisyLightCurve(noisy, jnp.full_like(flux, sigma), exists & jnp.isfinite(noisy))
