"""Rotation periods from light curves, for starting points: Lomb-Scargle, autocorrelation and wavelet power.

What is slower than the rotation, and what the instrument adds, can hold most of the power: high-pass
filters of several lengths are tried, as Santos et al. (2019, ApJS 244, 21) do with 20, 55 and 80 days, and
for each the composite of the autocorrelation and the global wavelet spectrum (Ceillier et al. 2017, A&A
605, A111).
"""

from dataclasses import dataclass

import numpy as np

_BINS_PER_PERIOD = 20  # of the shortest period, in the autocorrelation
_LADDER = 2**0.5  # from one filter to the next
_WITHIN = 0.8  # of a filter's cut: what is slower is the filter's own
_ALIKE = 0.2  # how far the composite's period and the autocorrelation's peak may lie apart
_HALVED = 0.4  # of what differs after a period differs after two, at most, for the latter to be the whole one
_OCTAVE = 1 / 6  # width of a wavelet of Morlet's kind in frequency, relative


@dataclass(frozen=True)
class Period:
    """What the searches found.

    Attributes:
        value: Of the composite that stands out most, at the whole period rather than half. [day]
        lomb_scargle: Highest peak of the periodogram, without a filter. [day]
        error: Half its width at half maximum, less than which nothing is known. [day]
        power: Of that peak, between 0 and 1.
        false_alarm: Probability of such a peak in white noise (Baluev 2008).
        correlation: Autocorrelation at `value`, filtered.
        cut: Longest period that the filter let through; infinite for none. [day]
    """

    value: float
    lomb_scargle: float
    error: float
    power: float
    false_alarm: float
    correlation: float
    cut: float = np.inf


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
    span = float(np.ptp(time))
    low = float(4 * np.median(np.diff(time)) if low is None else low)
    high = float(span / 2 if high is None else high)
    if not 0 < low < high <= span:
        raise ValueError(f"periods from low = {low:g} to high = {high:g} day need 0 < low < high <= {span:g}")
    search = LombScargle(time, flux, None if error is None else error / np.median(error) * np.std(flux))
    frequency = np.arange(1 / high, 1 / low, 0.1 / span)
    best = _peak(frequency, search.power(frequency))
    top = float(search.power(best))
    alarm = float(search.false_alarm_probability(top, maximum_frequency=1 / low))
    value, correlation, cut = _composite(time, flux, low, high) or (1 / best, np.nan, np.inf)
    return Period(value, 1 / best, 0.5 / best**2 / span, top, alarm, correlation, cut)


def _peak(x: np.ndarray, y: np.ndarray) -> float:
    """Vertex of the parabola through the highest point and its neighbours."""
    i = int(np.clip(np.argmax(y), 1, len(y) - 2))
    curve = y[i - 1] - 2 * y[i] + y[i + 1]
    shift = 0.5 * (y[i - 1] - y[i + 1]) / curve if curve < 0 else 0.0
    return float(x[i] + np.clip(shift, -1, 1) * (x[i + 1] - x[i]))


def _binned(time, flux, shortest: float) -> tuple[float, np.ndarray, np.ndarray]:
    """Step [day], means of even bins about the mean of all, and which bins hold data."""
    step = max(shortest / _BINS_PER_PERIOD, float(np.median(np.diff(time))))
    bins = ((time - time[0]) / step).astype(int)
    count = np.bincount(bins)
    return step, np.bincount(bins, flux - flux.mean()) / np.maximum(count, 1), (count > 0).astype(float)


def _correlated(mean: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Autocorrelation over pairs of bins that both hold data, by the sizes of both ends: at most 1."""
    n, size = len(mean), 2 * len(mean)
    data, here, square = (np.fft.rfft(x, size) for x in (mean, mask, mean**2))

    def lagged(a, b):
        return np.fft.irfft(a.conj() * b, size)[:n]

    scale = np.sqrt(np.maximum(lagged(square, here) * lagged(here, square), 0.0))
    held = (np.round(lagged(here, here)) > 0) & (scale > 1e-9 * scale[0])
    return np.where(held, np.clip(lagged(data, data) / np.where(held, scale, 1.0), -1.0, 1.0), 0.0)


def autocorrelation(time, flux, shortest: float) -> tuple[np.ndarray, np.ndarray]:
    """Lags [day] and autocorrelation, 1 at none; over pairs of bins that both hold data, gaps left out."""
    step, mean, mask = _binned(time, flux, shortest)
    return step * np.arange(len(mean)), _correlated(mean, mask)


def _smooth(x: np.ndarray, width: float) -> np.ndarray:
    """Gaussian, of a standard deviation in bins."""
    reach = int(np.ceil(4 * width))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    size = len(x) + 2 * reach
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(kernel, size), size)[reach : reach + len(x)]


def _filtered(mean: np.ndarray, mask: np.ndarray, cut: float) -> np.ndarray:
    """Without what is slower than a cut [bins], where half the amplitude passes."""
    width = cut * np.sqrt(2 * np.log(2)) / (2 * np.pi)
    slow = _smooth(mean * mask, width) / np.maximum(_smooth(mask, width), 1e-9)
    return (mean - slow) * mask


def _wavelet(mean: np.ndarray, step: float, periods: np.ndarray) -> np.ndarray:
    """Global wavelet power: the Fourier spectrum under the wavelets' widths (Torrence & Compo 1998)."""
    size = 4 * len(mean)
    frequency, power = np.fft.rfftfreq(size, step), np.abs(np.fft.rfft(mean, size)) ** 2
    total = np.concatenate([[0.0], np.cumsum(power)])
    edges = [np.searchsorted(frequency, (1 + s * _OCTAVE) / periods) for s in (-1, 1)]
    return total[edges[1]] - total[edges[0]]


def _composite(time, flux, low: float, high: float) -> tuple[float, float, float] | None:
    """Period, autocorrelation there and cut, of the filter under which the period stands out most."""
    step, mean, mask = _binned(time, flux, low)
    n_steps = max(int(np.ceil(np.log(high / low) / np.log(_LADDER))), 0)
    cuts = [2 * low * _LADDER**k for k in range(n_steps)] + [np.inf]
    found = [row for cut in cuts for row in _of_one_filter(step, mean, mask, low, high, cut)]
    if not found:
        return None
    value, correlation, cut = max(found, key=lambda row: row[1])
    return _whole(step, mean, mask, value, correlation, cut, high)


def _of_one_filter(step, mean, mask, low, high, cut) -> list[tuple[float, float, float]]:
    """The composite's period if the autocorrelation has a peak near it, else nothing."""
    top = min(high, _WITHIN * cut)
    if top <= low:
        return []
    clean = mean if np.isinf(cut) else _filtered(mean, mask, cut / step)
    correlation = _correlated(clean, mask)
    lags = step * np.arange(len(mean))
    periods = np.geomspace(low, top, 600)
    composite = _wavelet(clean, step, periods) * np.interp(periods, lags, correlation)
    i = int(np.argmax(composite))
    if i in (0, len(periods) - 1) or composite[i] <= 0:
        return []
    return _refined(lags, correlation, periods[i], cut)


def _refined(lags, correlation, near: float, cut: float) -> list[tuple[float, float, float]]:
    """A period by as many of its multiples as the autocorrelation shows, half as high as the first."""
    step, value, first = lags[1], near, None
    smooth = _smooth(correlation, max(0.04 * near / step, 0.5)) / _smooth(
        np.ones(len(lags)), max(0.04 * near / step, 0.5)
    )
    for k in range(1, 9):
        width = _ALIKE * near if k == 1 else 0.15 * value
        here = np.flatnonzero(np.abs(lags - k * value) < width)
        if len(here) < 3 or here[-1] >= len(lags) - 1:
            break
        i = here[np.argmax(smooth[here])]
        if i in (here[0], here[-1]) or (first is not None and smooth[i] < 0.5 * first):
            break
        first = float(correlation[i]) if first is None else first
        value = _peak(lags[i - 1 : i + 2], smooth[i - 1 : i + 2]) / k
    return [] if first is None else [(value, first, cut)]


def _whole(step, mean, mask, value, correlation, cut, high) -> tuple[float, float, float]:
    """Twice the period, if under a filter that lets it through the light curve is more alike after it."""
    wide = max(cut, 5 * value)
    clean = mean if np.isinf(wide) else _filtered(mean, mask, wide / step)
    lags, along = step * np.arange(len(mean)), _correlated(clean, mask)
    half, whole = (_refined(lags, along, k * value, wide) for k in (1, 2))
    if half and whole and 2 * value <= high and 1 - whole[0][1] < _HALVED * (1 - half[0][1]):
        return whole[0]
    return value, correlation, cut
