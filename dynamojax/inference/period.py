"""Rotation periods from light curves, for starting points: Lomb-Scargle and the autocorrelation."""

from dataclasses import dataclass

import numpy as np

_BINS_PER_PERIOD = 20  # of the shortest period, in the autocorrelation
_BETTER = 0.05  # in correlation, for twice the period to be taken


@dataclass(frozen=True)
class Period:
    """What two searches found.

    Attributes:
        value: Of the autocorrelation's higher peak, at the periodogram's period or twice it. [day]
        lomb_scargle: Highest peak of the periodogram. [day]
        error: Half its width at half maximum, less than which nothing is known. [day]
        power: Of that peak, between 0 and 1.
        false_alarm: Probability of such a peak in white noise (Baluev 2008).
        correlation: Autocorrelation at `value`.
    """

    value: float
    lomb_scargle: float
    error: float
    power: float
    false_alarm: float
    correlation: float


def find_period(
    time, flux, flux_err=None, *, low: float | int | None = None, high: float | int | None = None
) -> Period:
    """Search a light curve for the period of its star.

    Two groups of spots on opposite sides make the periodogram peak at half the period: the autocorrelation
    is higher at the whole one, and decides.

    Args:
        time: [day]
        flux: Any unit; NaN are left out.
        flux_err: Weights of the periodogram.
        low: Shortest period, four median steps if left out. [day]
        high: Longest, half the span if left out. [day]

    Raises:
        ValueError: fewer than 10 points, a constant light curve, or a range that the data do not hold.
    """
    from astropy.timeseries import LombScargle

    time, flux = np.asarray(time, np.float64), np.asarray(flux, np.float64)
    good = np.isfinite(time) & np.isfinite(flux)
    if good.sum() < 10 or np.ptp(flux[good]) == 0:
        raise ValueError(f"{good.sum()} good points, constant or fewer than 10: no period can be found")
    error = None if flux_err is None else np.broadcast_to(flux_err, flux.shape)[good]
    time, flux = time[good], flux[good] / np.median(flux[good])
    span = np.ptp(time)
    low = 4 * float(np.median(np.diff(time))) if low is None else low
    high = span / 2 if high is None else high
    if not 0 < low < high <= span:
        raise ValueError(f"periods from low = {low:g} to high = {high:g} day need 0 < low < high <= {span:g}")
    search = LombScargle(time, flux, None if error is None else error / np.median(error) * np.std(flux))
    frequency = np.arange(1 / high, 1 / low, 0.1 / span)
    power = search.power(frequency)
    best = _peak(frequency, power)
    top = float(search.power(best))
    alarm = float(search.false_alarm_probability(top, maximum_frequency=1 / low))
    period = 1 / best
    lags, correlation = autocorrelation(time, flux, low)
    chosen, at = _between(period, lags, correlation, high)
    return Period(chosen, period, 0.5 * period**2 / span, top, alarm, at)


def _peak(x: np.ndarray, y: np.ndarray) -> float:
    """Vertex of the parabola through the highest point and its neighbours."""
    i = int(np.clip(np.argmax(y), 1, len(y) - 2))
    curve = y[i - 1] - 2 * y[i] + y[i + 1]
    shift = 0.5 * (y[i - 1] - y[i + 1]) / curve if curve < 0 else 0.0
    return float(x[i] + np.clip(shift, -1, 1) * (x[i + 1] - x[i]))


def autocorrelation(time, flux, shortest: float) -> tuple[np.ndarray, np.ndarray]:
    """Lags [day] and autocorrelation, 1 at none; over pairs of bins that both hold data, gaps left out."""
    step = shortest / _BINS_PER_PERIOD if shortest > 0 else np.median(np.diff(time))
    step = max(step, float(np.median(np.diff(time))))
    bins = ((time - time[0]) / step).astype(int)
    count = np.bincount(bins)
    mean = np.bincount(bins, flux - flux.mean()) / np.maximum(count, 1)
    size = 2 * len(count)
    data, mask = np.fft.rfft(mean, size), np.fft.rfft((count > 0).astype(float), size)
    pairs = np.round(np.fft.irfft(np.abs(mask) ** 2, size)[: len(count)])
    product = np.fft.irfft(np.abs(data) ** 2, size)[: len(count)]
    value = np.where(pairs > 0, product / np.maximum(pairs, 1), 0.0)
    return step * np.arange(len(count)), value / value[0]


def _between(period, lags, correlation, high) -> tuple[float, float]:
    """The period, or twice it if that is clearly better correlated, and how well."""
    found = []
    for candidate in (period, 2 * period):
        near = np.abs(lags - candidate) < 0.1 * candidate
        found.append(float(correlation[near].max()) if near.any() and candidate <= high else -np.inf)
    # A star that repeats itself after one turn does so after two: chance decides which looks better.
    i = int(found[1] > found[0] + _BETTER)
    return (1 + i) * period, found[i]
