"""Checks on the host of a noise model and what it is applied to."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from dynamojax.observables.noise.model import OVERLAP, Noise
from dynamojax.observables.noise.systematics import SafeModes
from dynamojax.observables.noise.white import ConstantWhite
from dynamojax.system import Epochs

_POSITIVE = {
    "period",
    "thermal_time",
    "recovery_time",
    "timescale",
    "rate_zero",
    "read_time",
    "mag_faint",
    "live",
}
_FREE = {"start", "pixels_slope"}
_AT_MOST_ONE = {"live", "positive"}


def _bounds(part: str, name: str) -> tuple[float, float, bool]:
    """Lowest value, highest value, and whether the lowest is excluded."""
    low = -np.inf if name in _FREE else 0.0
    is_probability = name in _AT_MOST_ONE or (part, name) == ("outliers", "rate")
    return low, 1.0 if is_probability else np.inf, name in _POSITIVE


def _check_leaf(part: str, name: str, value) -> None:
    low, high, is_open = _bounds(part, name)
    value = np.asarray(value)
    bad = ~np.isfinite(value) | (value <= low if is_open else value < low) | (value > high)
    if bad.any():
        allowed = f"{'(' if is_open else '['}{low:g}, {high:g}]"
        raise ValueError(
            f"noise.{part}.{name} = {value[bad].ravel()[0]:g} is outside {allowed}; give a value inside, "
            f"or set noise.{part} to None to leave the part out"
        )


def _check_times(times: np.ndarray, exposure: float) -> None:
    if not np.isfinite(times).all():
        raise ValueError("epochs must be finite; drop the exposures without a time")
    if not (np.isfinite(exposure) and exposure >= 0):
        raise ValueError(f"exposure = {exposure:g} day must be finite and at least 0")
    steps = np.diff(times)
    if (steps < 0).any():
        at = int(np.argmax(steps < 0)) + 1
        raise ValueError(f"epochs must be in order, but epoch {at} comes before epoch {at - 1}; sort them")
    # A float32 fraction of a day is good to 1e-7 day.
    if steps.size and steps.min() < exposure * (1.0 - OVERLAP) - 1e-7:
        raise ValueError(
            f"exposure = {exposure:g} day is longer than the shortest time between epochs, "
            f"{steps.min():g} day: exposures overlap; shorten the exposure or thin the epochs"
        )


def validate_noise(noise: Noise, epochs: Epochs, exposure: float, mag: Float[Array, "*batch"]) -> None:
    """Raise ValueError unless the noise model can be applied: one model or a population of them.

    Checks that every parameter is finite and in range, that gaps leave data, that the safe modes
    expected fit their places, that epochs are ordered and exposures do not overlap.
    """
    for part in ("white", "granulation", "oscillations", "wander", "outliers", "segments", "safe_modes"):
        module = getattr(noise, part)
        if module is not None:
            for path, value in jax.tree_util.tree_leaves_with_path(eqx.filter(module, eqx.is_array)):
                _check_leaf(part, path[-1].name, value)
    if not np.isfinite(np.asarray(mag)).all():
        raise ValueError("mag must be finite; give the magnitude in the instrument's band")
    if not exposure > 0 and not isinstance(noise.white, ConstantWhite | None):
        raise ValueError(
            f"exposure = {exposure:g} day collects no photons for {type(noise.white).__name__}; give an "
            "exposure above 0, or use white_noise(ppm)"
        )
    times = np.asarray(epochs.day, dtype=float) + np.asarray(epochs.fraction, dtype=float)
    _check_times(times, float(exposure))
    if (
        noise.segments is not None
        and (np.asarray(noise.segments.gap) >= np.asarray(noise.segments.period)).any()
    ):
        raise ValueError("noise.segments.gap must be below noise.segments.period; as it is, no data are left")
    if noise.safe_modes is not None and times.size:
        _check_safe_modes(noise.safe_modes, float(np.ptp(times)))


def _check_safe_modes(safe_modes: SafeModes, span: float) -> None:
    expected = float(np.max(np.asarray(safe_modes.rate))) * span
    n_max = safe_modes.n_max
    # Three standard deviations of the Poisson number above its mean.
    if expected + 3.0 * np.sqrt(expected) > n_max:
        raise ValueError(
            f"noise.safe_modes expects {expected:.1f} events in {span:g} days but n_max = {n_max} holds "
            "too few of them; raise n_max or lower the rate"
        )
