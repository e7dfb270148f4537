"""When an instrument looks: times of mid-exposure, and the exposure around them. On the host, float64."""

import numpy as np

from dynamojax.numerics import gauss_legendre


def regular_times(
    name: str, times=None, *, epochs: int | float = 1, start: float | int = 0.0, cadence: float | int = 1.0
) -> np.ndarray:
    """Given times, or a number of epochs from a start at a cadence [day].

    Raises:
        ValueError: a number of epochs below 1, a start or cadence that is no number of days.
    """
    if times is not None:
        return np.atleast_1d(np.asarray(times, dtype=np.float64))
    if isinstance(epochs, bool) or int(epochs) != epochs or epochs < 1:
        raise ValueError(f"{name}: epochs = {epochs!r}, allowed: whole numbers from 1")
    if not (np.isfinite(start) and np.isfinite(cadence) and cadence > 0):
        raise ValueError(f"{name}: start = {start}, cadence = {cadence} day: finite, cadence above 0")
    return start + cadence * np.arange(int(epochs))


def as_times(times) -> np.ndarray:
    """Times as a read-only copy in float64 [day]."""
    times = np.array(times, dtype=np.float64)
    times.flags.writeable = False
    return times


def check_schedule(name: str, times: np.ndarray, exposure: float, **counts: int) -> None:
    """Raise ValueError unless times rise, exposures do not overlap and counts are 1 or more."""
    if times.ndim != 1 or times.size == 0 or not np.isfinite(times).all():
        raise ValueError(f"{name}: times of shape {times.shape} must be a list of finite days, not empty")
    steps = np.diff(times)
    if np.any(steps <= 0):
        row = int(np.argmax(steps <= 0)) + 1
        raise ValueError(
            f"{name}: times[{row}] = {times[row]} must exceed times[{row - 1}] = {times[row - 1]}; sort them"
        )
    if not (np.isfinite(exposure) and exposure >= 0):
        raise ValueError(f"{name}: exposure = {exposure} day, allowed: 0 or more")
    # Steps of float64 days carry a rounding error of up to 1e-9 day far from the epoch.
    if steps.size and exposure > steps.min() + 1e-8:
        raise ValueError(
            f"{name}: overlapping exposures: exposure = {exposure} day exceeds the shortest step of the "
            f"times, {steps.min()} day; shorten it or thin the times"
        )
    for field, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name}: {field} = {value!r}, allowed: whole numbers from 1")


def sub_exposures(exposure: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Offsets from mid-exposure [day] and weights (sum 1) of the mean over an exposure, n points."""
    return gauss_legendre(n, -0.5 * exposure, 0.5 * exposure)[0], gauss_legendre(n, -0.5, 0.5)[1]
