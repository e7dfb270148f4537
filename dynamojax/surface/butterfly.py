"""The activity cycle: when regions emerge, and at which latitudes at each phase.

A cycle starts every cycle_length and lives for cycle_length + cycle_overlap, so that at any time the
current one and the end of the one before are alive. The rate of each is level * rate_sun *
sin^2(pi phase) (van Ballegooijen et al. 1998, ApJ 501, 866, section 4; Schrijver & Harvey 1994).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dynamojax.numerics import safe_divide
from dynamojax.surface.activity import Activity, Emergence

_N_BISECTIONS = 50  # the width of the window times 2^-50: below rounding in either precision


def cycle_phases(
    activity: Activity, t: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, " 2"], Float[Array, " 2"]]:
    """The two cycles that may be alive at a time: the current one and the one before.

    Args:
        activity: One star.
        t: Time. [day]
    Returns:
        Number of the current cycle, the phases of the two (above 1: over), and their rates
        sin^2(pi phase), zero once over. [1]
    """
    turns = (t - activity.cycle_start) / activity.cycle_length
    number = jnp.floor(turns)
    share = activity.cycle_length / (activity.cycle_length + activity.cycle_overlap)
    phase = (turns - number + jnp.arange(2.0, dtype=t.dtype)) * share
    rate = jnp.where(phase < 1.0, jnp.sin(jnp.pi * phase) ** 2, 0.0)
    return number, phase, rate


def _risen(activity: Activity, t: Float[Array, ""]) -> Float[Array, ""]:
    """Integral of the summed rates since a fixed time, in days of a cycle's maximum."""
    number, phase, _ = cycle_phases(activity, t)
    phase = jnp.minimum(phase, 1.0)  # a cycle that is over has given all it has
    part = phase - jnp.sin(2 * jnp.pi * phase) / (2 * jnp.pi)
    return 0.5 * (activity.cycle_length + activity.cycle_overlap) * (number + jnp.sum(part))


def active_days(
    activity: Activity, config: Emergence, start: Float[Array, ""], stop: Float[Array, ""]
) -> Float[Array, ""]:
    """Length of a window in days of a cycle's maximum, so that level * rate_sun times it is a count.

    Uniform emergence has the mean rate of the cycle, (1 + overlap / length) / 2, at all times. [day]
    """
    if config.modulation == "uniform":
        return 0.5 * (1.0 + activity.cycle_overlap / activity.cycle_length) * (stop - start)
    return _risen(activity, stop) - _risen(activity, start)


def expected_regions(
    activity: Activity, config: Emergence, start: Float[Array, ""], stop: Float[Array, ""]
) -> Float[Array, ""]:
    """Expected number of regions that reach their maximum in [start, stop]. [1]"""
    return activity.level * config.rate_sun * active_days(activity, config, start, stop)


def time_after(
    activity: Activity,
    config: Emergence,
    start: Float[Array, ""],
    stop: Float[Array, ""],
    days: Float[Array, ""],
) -> Float[Array, ""]:
    """Time at which `active_days` since start reaches a value: its inverse, by bisection. [day]

    Gradients: those of the implicit function, by one Newton step from the root.
    """
    if config.modulation == "uniform":
        return start + days / active_days(activity, config, jnp.zeros_like(start), jnp.ones_like(start))

    def missing(a, t, lower, wanted):
        return active_days(a, config, lower, t) - wanted

    frozen = jax.lax.stop_gradient((activity, start, days))

    def halve(_, bounds):
        low, high = bounds
        middle = 0.5 * (low + high)
        early = missing(frozen[0], middle, frozen[1], frozen[2]) < 0
        return jnp.where(early, middle, low), jnp.where(early, high, middle)

    bounds = jax.lax.stop_gradient((start, stop))
    root = jax.lax.stop_gradient(sum(jax.lax.fori_loop(0, _N_BISECTIONS, halve, bounds)) / 2)
    rate = jnp.sum(cycle_phases(jax.lax.stop_gradient(activity), root)[2])
    residual = missing(activity, root, start, days)
    # the residual's value is rounding; its derivative is what the step is for
    return root - safe_divide(residual - jax.lax.stop_gradient(residual), rate)


def latitude_law(
    activity: Activity, config: Emergence, phase: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
    """The truncated normal of |latitude| at a phase of the cycle.

    Butterfly: the mean falls as lat_max (lat_min / lat_max)^phase, the exponential of Hathaway (2015,
    LRSP 12, 4), and exp(-((lat - mean) / w)^2) has w = lat_max / 5 - phase (lat_max - lat_min) / 7.
    Random: the mean is halfway and w = lat_max - lat_min at all phases.

    Returns:
        Mean and standard deviation w / sqrt(2), lower and upper bound. [rad]
    """
    low, high = activity.lat_min, activity.lat_max
    root_half = 0.5**0.5
    if config.latitudes == "random":
        return 0.5 * (low + high), root_half * (high - low), low, high
    mean = high * (low / high) ** phase
    width = high / 5.0 - phase * (high - low) / 7.0
    bounds = jnp.maximum(low - activity.lat_margin, 0.0), jnp.minimum(high + activity.lat_margin, jnp.pi / 2)
    return mean, root_half * width, *bounds
