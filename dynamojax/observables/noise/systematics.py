"""What the spacecraft does to a light curve: wander, gaps, offsets, drifts, safe modes, outliers.

Each part is a pure function of the times and a key: what happens in the n-th segment depends on the
key and n alone, not on how many exposures fall there. Factors multiply the flux; masks are True where
data exist.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from dynamojax.numerics import safe_divide, stream
from dynamojax.observables.noise.oscillators import Oscillators
from dynamojax.system import Epochs, leaf


class Segments(eqx.Module):
    """The rhythm of the mission: a gap every `period`, and after some of them a new segment.

    A segment is a Kepler quarter or a TESS sector: the star falls on other pixels, so that its level
    and its slow drift change. Within it data are sent down at every gap, after which the focus relaxes
    with the temperature of the telescope.

    Attributes:
        start: Time of the first gap of a segment; the pattern extends both ways. [day]
        period: Time from gap to gap. [day]
        gap: Length of each gap, at the start of each period. [day]
        offset_ppm: Standard deviation of the level of a segment. [ppm]
        drift_ppm: Standard deviation of each coefficient of the drift, in Legendre polynomials of
            degrees 1 to `degree` over a segment. [ppm]
        thermal_ppm: Standard deviation of the flux change just after each gap. [ppm]
        thermal_time: Time in which that change falls by e. [day]
        gaps_per_segment: Number of periods in a segment.
        degree: Degree of the drift, 1 to 3.
    """

    start: Float[Array, "*batch"] = leaf()
    period: Float[Array, "*batch"] = leaf()
    gap: Float[Array, "*batch"] = leaf()
    offset_ppm: Float[Array, "*batch"] = leaf()
    drift_ppm: Float[Array, "*batch"] = leaf()
    thermal_ppm: Float[Array, "*batch"] = leaf()
    thermal_time: Float[Array, "*batch"] = leaf()
    gaps_per_segment: int = eqx.field(static=True, default=1)
    degree: int = eqx.field(static=True, default=3)

    def __check_init__(self):
        if self.gaps_per_segment < 1:
            raise ValueError(f"gaps_per_segment = {self.gaps_per_segment} must be at least 1")
        if not 1 <= self.degree <= 3:
            raise ValueError(f"degree = {self.degree} must be 1, 2 or 3; for no drift set drift_ppm = 0")


class SafeModes(eqx.Module):
    """Unforeseen interruptions, at random: no data, then a recovery of the flux.

    Attributes:
        rate: Mean number of events in a day. [1/day]
        duration: Mean length, of exponential distribution. [day]
        recovery_ppm: Standard deviation of the flux change when data return. [ppm]
        recovery_time: Time in which that change falls by e. [day]
        n_max: Largest number of events in a light curve; later ones are left out.
    """

    rate: Float[Array, "*batch"] = leaf()
    duration: Float[Array, "*batch"] = leaf()
    recovery_ppm: Float[Array, "*batch"] = leaf()
    recovery_time: Float[Array, "*batch"] = leaf()
    n_max: int = eqx.field(static=True, default=16)

    def __check_init__(self):
        if self.n_max < 1:
            raise ValueError(f"n_max = {self.n_max} must be at least 1; for no safe modes pass None")


class Wander(eqx.Module):
    """Correlated noise of the instrument: pointing, focus, electronics.

    Its power density is flat below 1 / (2 pi timescale) and falls as frequency^-4 above.

    Attributes:
        rms_ppm: Standard deviation. [ppm]
        timescale: [day]
    """

    rms_ppm: Float[Array, "*batch"] = leaf()
    timescale: Float[Array, "*batch"] = leaf()


class Outliers(eqx.Module):
    """Single exposures far off: cosmic rays, glitches; not flares.

    Attributes:
        rate: Probability that an exposure is one. [1]
        amplitude: Mean size of the deviation, of exponential distribution, in units of the white
            noise of an exposure. [1]
        positive: Fraction of them that lie above. [1]
    """

    rate: Float[Array, "*batch"] = leaf()
    amplitude: Float[Array, "*batch"] = leaf()
    positive: Float[Array, "*batch"] = leaf()


def wander_terms(wander: Wander) -> Oscillators:
    """The wander as one critically damped oscillator, rms in ppm."""
    rms = wander.rms_ppm[None]
    return Oscillators(rms, 1.0 / wander.timescale[None], jnp.full_like(rms, np.sqrt(0.5)))


def _normal_by_index(key: Key[Array, ""], index: Int[Array, " n"], n: int, dtype) -> Float[Array, "n k"]:
    """Normal deviates, n for each index: the same for the same index."""
    return jax.vmap(lambda i: jax.random.normal(jax.random.fold_in(key, i), (n,), dtype))(index)


def segment_effects(
    segments: Segments, epochs: Epochs, *, key: Key[Array, ""]
) -> tuple[Float[Array, " n_times"], Bool[Array, " n_times"]]:
    """Factor on the flux and mask of existing data, from the schedule.

    Gradients: exact in amplitudes and thermal_time; those in period, gap and start leave out the
        exposures that change sides.
    """
    elapsed = epochs.day - segments.start + epochs.fraction
    n_gap = jnp.floor(elapsed / segments.period)
    since_gap = elapsed - n_gap * segments.period
    n_segment = jnp.floor(n_gap / segments.gaps_per_segment)
    length = segments.period * segments.gaps_per_segment
    u = 2.0 * (elapsed - n_segment * length) / length - 1.0

    dtype = u.dtype
    drifts = jnp.stack([u, 1.5 * u**2 - 0.5, 2.5 * u**3 - 1.5 * u])[: segments.degree]
    level = _normal_by_index(stream(key, "segment"), n_segment.astype(int), 1 + segments.degree, dtype)
    shock = _normal_by_index(stream(key, "gap"), n_gap.astype(int), 1, dtype)[:, 0]
    ppm = segments.offset_ppm * level[:, 0] + segments.drift_ppm * jnp.sum(level[:, 1:] * drifts.T, axis=1)
    ppm += segments.thermal_ppm * shock * _recovery(since_gap - segments.gap, segments.thermal_time)
    return 1.0 + 1e-6 * ppm, since_gap >= segments.gap


def _recovery(since: Float[Array, "..."], time: Float[Array, ""]) -> Float[Array, "..."]:
    """exp(-since / time) after the data return, 1 before, where there are none."""
    return jnp.exp(-jnp.maximum(since, 0.0) / time)


def safe_mode_effects(
    safe_modes: SafeModes, epochs: Epochs, *, key: Key[Array, ""]
) -> tuple[Float[Array, " n_times"], Bool[Array, " n_times"]]:
    """Factor on the flux and mask of existing data, from a Poisson process begun at the first epoch."""
    elapsed = (epochs.day - epochs.day[0]) + (epochs.fraction - epochs.fraction[0])
    n, dtype = (safe_modes.n_max,), elapsed.dtype
    waits = jnp.cumsum(jax.random.exponential(stream(key, "arrival"), n, dtype))
    lengths = safe_modes.duration * jax.random.exponential(stream(key, "length"), n, dtype)
    shocks = safe_modes.recovery_ppm * jax.random.normal(stream(key, "shock"), n, dtype)

    def one_event(wait, length, shock):
        since = elapsed - safe_divide(wait, safe_modes.rate)
        # In units of the mean wait, so that a rate of 0 has no event rather than one at the start.
        happened = safe_modes.rate * elapsed >= wait
        ppm = jnp.where(happened, shock * _recovery(since - length, safe_modes.recovery_time), 0.0)
        return ppm, happened & (since < length)

    ppm, lost = jax.vmap(one_event)(waits, lengths, shocks)
    return 1.0 + 1e-6 * jnp.sum(ppm, axis=0), ~jnp.any(lost, axis=0)


def outlier_deviations(
    outliers: Outliers, sigma: Float[Array, ""], n_times: int, *, key: Key[Array, ""]
) -> Float[Array, " n_times"]:
    """Deviation of the relative flux of each exposure; zero for all but the outliers [1].

    Gradients: exact in amplitude and sigma; zero in rate and positive, which only choose.
    """
    shape, dtype = (n_times,), sigma.dtype
    is_one = jax.random.uniform(stream(key, "which"), shape, dtype) < outliers.rate
    above = jax.random.uniform(stream(key, "sign"), shape, dtype) < outliers.positive
    size = outliers.amplitude * sigma * jax.random.exponential(stream(key, "size"), shape, dtype)
    return jnp.where(is_one, jnp.where(above, size, -size), 0.0)
