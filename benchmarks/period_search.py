"""Rotation periods and S_ph of light curves as an observer measures them: NumPy and astropy.

Autocorrelation after McQuillan, Mazeh & Aigrain (2014, ApJS 211, 24); S_ph after Mathur et al. (2014, A&A
562, A124): the mean of the standard deviations over stretches of five periods, noise taken off.
"""

import numpy as np

LONGEST, SHORTEST = 70.0, 0.8  # periods searched. [day]
HIGH_PASS = 80.0  # trends slower than this are taken off, as in the longest of Santos's light curves. [day]
# Of the peak of the autocorrelation over its neighbouring troughs, to count as a period: as Santos et al.
# (2019) take it from Ceillier et al. (2017, A&A 605, A111), as remembered; not checked against the papers.
HEIGHT = 0.3
FALSE_ALARM = 1e-3
AGREEMENT = 0.15  # of the two periods, to count as a detection
N_PERIODS = 5


def flattened(time: np.ndarray, flux: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Flux over its mean less its slow trend, 0 where there are no data; times even."""
    width = HIGH_PASS / (time[1] - time[0]) / 2.355
    reach = int(3 * width)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    weight = good.astype(float)
    value = np.where(good, flux / np.mean(flux[good]) - 1.0, 0.0)
    size = 1 << int(np.ceil(np.log2(time.size + kernel.size)))
    spread = np.fft.rfft(kernel, size)

    def smooth(x):
        return np.fft.irfft(np.fft.rfft(x, size) * spread, size)[reach : reach + time.size]

    trend = smooth(value) / np.maximum(smooth(weight), 1e-9)
    clean = np.where(good, value - trend, 0.0)
    sigma = 1.4826 * np.median(np.abs(np.diff(clean[good]))) / np.sqrt(2)
    middle = np.median(clean[good])
    wide = max(6 * sigma, 4 * np.std(clean[good]))
    return np.where(np.abs(clean - middle) < wide, clean, 0.0)


def autocorrelation(x: np.ndarray, good: np.ndarray, n_lags: int) -> np.ndarray:
    """Autocorrelation at 0 .. n_lags - 1 steps, missing data left out."""
    size = 1 << int(np.ceil(np.log2(2 * x.size)))
    pair = [np.fft.irfft(np.abs(np.fft.rfft(v, size)) ** 2, size)[:n_lags] for v in (x, good.astype(float))]
    value = pair[0] / np.maximum(pair[1], 1.0)
    return value / value[0]


def acf_period(x: np.ndarray, good: np.ndarray, step: float) -> tuple[float, float]:
    """Period [day] of the highest of the first two peaks, and its height over the troughs about it."""
    n = int(1.5 * LONGEST / step)
    acf = autocorrelation(x, good, min(n, x.size // 2))
    width = max(1.0, 0.3 / step)
    kernel = np.exp(-0.5 * (np.arange(-int(4 * width), int(4 * width) + 1) / width) ** 2)
    acf = np.convolve(np.r_[acf[::-1], acf[1:]], kernel / kernel.sum(), "same")[acf.size - 1 :]
    inner = acf[1:-1]
    peaks = 1 + np.flatnonzero((inner > acf[:-2]) & (inner >= acf[2:]))
    troughs = 1 + np.flatnonzero((inner < acf[:-2]) & (inner <= acf[2:]))
    peaks = peaks[(peaks * step >= SHORTEST) & (peaks * step <= LONGEST)]
    if not peaks.size or not troughs.size:
        return np.nan, 0.0
    # Two spots half a turn apart make the second of two peaks clearly the higher.
    second = peaks.size > 1 and acf[peaks[1]] > 1.1 * acf[peaks[0]]
    at = peaks[1] if second else peaks[0]
    return float(at * step), _height(acf, at, troughs)


def _height(acf: np.ndarray, peak: int, troughs: np.ndarray) -> float:
    before, after = troughs[troughs < peak], troughs[troughs > peak]
    low = [acf[t] for t in (before[-1:].tolist() + after[:1].tolist())]
    return float(acf[peak] - np.mean(low)) if low else 0.0


def lomb_scargle_period(time: np.ndarray, x: np.ndarray, good: np.ndarray) -> tuple[float, float]:
    """Period [day] of the highest peak of astropy's periodogram, and its false-alarm probability."""
    from astropy.timeseries import LombScargle

    search = LombScargle(time[good], x[good])
    frequency = np.arange(1 / LONGEST, 1 / SHORTEST, 0.2 / (time[-1] - time[0]))
    power = search.power(frequency, method="fast")
    top = int(np.argmax(power))
    highest = 1 / SHORTEST
    chance = search.false_alarm_probability(power[top], method="baluev", maximum_frequency=highest)
    return float(1 / frequency[top]), float(chance)


def sph_ppm(x: np.ndarray, good: np.ndarray, step: float, period: float, noise: float) -> float:
    """S_ph [ppm] of a flattened light curve, given its noise [1]."""
    length = max(8, int(N_PERIODS * period / step))
    variances = []
    for start in range(0, max(1, x.size - length + 1), length):
        part = x[start : start + length][good[start : start + length]]
        if part.size > 0.5 * length:
            variances.append(np.var(part))
    if not variances:
        return np.nan
    return 1e6 * float(np.mean(np.sqrt(np.maximum(np.array(variances) - noise**2, 0.0))))


def measured(time: np.ndarray, flux: np.ndarray, good: np.ndarray, noise: float) -> dict[str, float]:
    """Periods by both methods [day], whether they agree on a detection, and S_ph of that period [ppm].

    Args:
        time: Even. [day]
        flux: Any unit.
        good: Where there are data.
        noise: White noise of a point over the mean flux, which S_ph leaves out. [1]
    """
    step = float(time[1] - time[0])
    x = flattened(time, flux, good)
    kept = good & (x != 0.0)
    by_acf, height = acf_period(x, kept, step)
    by_ls, chance = lomb_scargle_period(time, x, kept)
    agree = any(abs(by_ls * k / by_acf - 1) < AGREEMENT for k in (1.0, 2.0)) if np.isfinite(by_acf) else False
    found = bool(agree and height > HEIGHT and chance < FALSE_ALARM)
    sph = sph_ppm(x, kept, step, by_acf if np.isfinite(by_acf) else 20.0, noise)
    return {"acf": by_acf, "height": height, "ls": by_ls, "false_alarm": chance, "found": found, "sph": sph}
