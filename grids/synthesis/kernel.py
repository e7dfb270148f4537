"""Numba kernels: Voigt line opacity on a grid uniform in ln(wavelength), and emergent intensities.

Line opacities are summed per gram of gas at every point that a line reaches: as far as its opacity exceeds
`THRESHOLD` of the continuum's in some layer above optical depth 30. The intensity is the integral of
S exp(-tau/mu) with S the Planck function, quadratic between the layers.
"""

import numpy as np
from numba import njit
from scipy.special import wofz

THRESHOLD = 2e-4
LINE_STRENGTH = 0.014973616  # sqrt(pi) e^2 / (m_e c) [cm2 Hz]
BOLTZMANN_EV = 8.617333262e-5  # [eV/K], CODATA 2018
_SPEED_OF_LIGHT = 2.99792458e10  # [cm/s]
_STEP = 0.01
_REACH = 5.0  # beyond |v| + a = 5 the two-term asymptote is good to 1.2e-3
_LARGEST_A = 0.4


def _series(order: int = 4) -> np.ndarray:
    """Coefficients of H(a, v) in powers of a at v = 0, step, ...: shape (n, order + 1).

    H is the real part of w(v + i a); w'' and higher follow from w' = -2 z w + 2 i / sqrt(pi).
    """
    v = np.arange(0.0, _REACH + 2 * _STEP, _STEP)
    derivative = [wofz(v + 0j), -2 * v * wofz(v + 0j) + 2j / np.sqrt(np.pi)]
    for n in range(order - 1):
        derivative.append(-2 * v * derivative[-1] - 2 * (n + 1) * derivative[-2])
    factorial = np.cumprod([1, *range(1, order + 1)])
    return np.stack([(1j**n * d).real / factorial[n] for n, d in enumerate(derivative)], axis=1)


SERIES = _series()


@njit(fastmath=True, cache=True)
def voigt(a, v, series):
    """Voigt function H(a, v) for v >= 0.

    Source: the series of Harris (1948), ApJ 108, 112 below a = 0.4; region III of Humlicek (1982),
    JQSRT 27, 437 above; the asymptote of the same paper in the wings.
    """
    if v + a > _REACH:
        return _wing(a, v)
    if a < _LARGEST_A:
        x = v / _STEP
        i = int(x)
        f = x - i
        total = 0.0
        for n in range(4, -1, -1):
            total = total * a + series[i, n] + f * (series[i + 1, n] - series[i, n])
        return total
    t = complex(a, -v)
    above = 16.4955 + t * (20.20933 + t * (11.96482 + t * (3.778987 + t * 0.5642236)))
    below = 16.4955 + t * (38.82363 + t * (39.27121 + t * (21.69274 + t * (6.699398 + t))))
    return (above / below).real


@njit(fastmath=True, inline="always", cache=True)
def _wing(a, v):
    v2, a2 = v * v, a * a
    d = v2 - a2 - 0.5
    return a * (v2 + a2 + 0.5) / (1.7724538509055159 * (d * d + 4.0 * v2 * a2))


@njit(fastmath=True, cache=True)
def add_lines(opacity, continuum, ln_start, ln_step, lines, species, gas, series, deepest):
    """Add every line's opacity to `opacity` [n_wavelength, n_layer]. [cm2/g].

    Args:
        opacity: Changed in place.
        continuum: Continuous opacity on the same grid. [cm2/g]
        ln_start: Ln of the first wavelength. [ln A]
        ln_step: Step of ln wavelength.
        lines: (n, 8): wavelength [A], lower energy [eV], log gf, gamma_rad [1/s], log gamma_Stark,
            log gamma_vdW (at 10,000 K, per particle) or 0, ABO cross section [a0^2] or 0, ABO alpha.
        species: Index of each line's species, into the rows of the next.
        gas: Tuple of N/Q per gram [n_species, n_layer], Doppler b [cm/s] [n_species, n_layer], mass
            [n_species], temperature, electrons [1/cm3], effective neutral perturbers [1/cm3].
        series: `SERIES`.
        deepest: Layers from this one on do not decide how far a line reaches.
    Returns:
        Number of lines used and of points touched.
    """
    population, doppler, mass, temperature, electrons, neutrals = gas
    n_wavelength, n_layer = opacity.shape
    inverse, damping, centre = np.empty(n_layer), np.empty(n_layer), np.empty(n_layer)
    used, touched = 0, 0
    beta = 1.0 / (BOLTZMANN_EV * temperature)
    warmth = np.log(temperature / 1e4)
    for line in range(len(lines)):
        wavelength, energy, loggf, radiative, stark, waals, sigma, alpha = lines[line]
        s = species[line]
        position = (np.log(wavelength) - ln_start) / ln_step
        nearest = min(max(int(position + 0.5), 0), n_wavelength - 1)
        photon = 12398.419843 / wavelength
        strength = LINE_STRENGTH * 10.0**loggf * wavelength * 1e-8
        strongest = 0.0
        for k in range(0, deepest):
            level = np.exp(-energy * beta[k])
            centre[k] = strength * population[s, k] * level / doppler[s, k]
            centre[k] *= 1.0 - np.exp(-photon * beta[k])
            strongest = max(strongest, centre[k] / continuum[nearest, k])
        if strongest < THRESHOLD:
            continue
        reach = 0.0
        abo = 0.0
        if sigma > 0.0:
            # Barklem, Anstee & O'Mara (1998), PASA 15, 336: full width for hydrogen at 10,000 K
            speed = np.sqrt(8.0 * 1.380649e-16 * 1e4 / np.pi * (1.0 / mass[s] + 1.0 / 1.6735e-24))
            abo = 2.0 * (4.0 / np.pi) ** (alpha / 2.0) * np.exp(_ln_gamma(2.0 - 0.5 * alpha))
            abo *= 1e6 * sigma * 2.8002852e-17 * (speed / 1e6) ** (1.0 - alpha)
        for k in range(n_layer):
            if k >= deepest:
                level = np.exp(-energy * beta[k])
                centre[k] = strength * population[s, k] * level / doppler[s, k]
                centre[k] *= 1.0 - np.exp(-photon * beta[k])
            gamma = radiative
            if stark != 0.0:
                gamma += 10.0**stark * electrons[k] * np.exp(warmth[k] / 6.0)
            if sigma > 0.0:
                gamma += abo * neutrals[k] * np.exp(warmth[k] * 0.5 * (1.0 - alpha))
            else:
                gamma += 10.0**waals * neutrals[k] * np.exp(warmth[k] * 0.3)
            width = doppler[s, k] / _SPEED_OF_LIGHT
            inverse[k] = ln_step / width
            damping[k] = gamma * wavelength * 1e-8 / (4.0 * np.pi * doppler[s, k])
            if k < deepest:
                ratio = centre[k] / (THRESHOLD * continuum[nearest, k])
                if ratio > 1.0:
                    v = max(np.sqrt(np.log(ratio)), np.sqrt(ratio * damping[k] / 1.7724538509))
                    reach = max(reach, v / inverse[k])
        first = max(int(np.ceil(position - reach)), 0)
        last = min(int(np.floor(position + reach)), n_wavelength - 1)
        if first > last:
            continue
        used += 1
        touched += last - first + 1
        narrowest = inverse.min()
        for i in range(first, last + 1):
            offset = abs(i - position)
            row = opacity[i]
            if offset * narrowest > _REACH:
                for k in range(n_layer):
                    row[k] += centre[k] * _wing(damping[k], offset * inverse[k])
            else:
                for k in range(n_layer):
                    row[k] += centre[k] * voigt(damping[k], offset * inverse[k], series)
    return used, touched


@njit(cache=True)
def _ln_gamma(x):
    """Ln of the gamma function (Lanczos, g = 7 is more than the 1 to 2 needed here)."""
    total = 0.99999999999980993
    c = (676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059)
    e = (12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7)
    x -= 1.0
    for i in range(4):
        total += c[i] / (x + i + 1)
    for i in range(4):
        total += e[i] / (x + i + 5)
    t = x + 7.5
    return 0.5 * np.log(2 * np.pi) + (x + 0.5) * np.log(t) - t + np.log(total)


@njit(fastmath=True, cache=True)
def emergent(opacity, column, temperature, ln_start, ln_step, mu, bins, out):
    """Emergent intensities, averaged over bins of `bins` points, into `out` [n_mu, n_bin].

    Args:
        opacity: Total opacity [n_wavelength, n_layer]. [cm2/g]
        column: Mass column of the layers. [g/cm2]
        temperature: Of the layers. [K]
        ln_start: Ln of the first wavelength. [ln A]
        ln_step: Step of ln wavelength.
        mu: Cosines.
        bins: Points averaged into one.
        out: Mean intensity of each bin. [erg/s/cm2/A/sr]
    """
    n_wavelength, n_layer = opacity.shape
    source, tau, curve = np.empty(n_layer), np.empty(n_layer), np.zeros(n_layer)
    out[:] = 0.0
    for i in range(n_wavelength // bins * bins):
        wavelength = np.exp(ln_start + i * ln_step)
        x = 1.438776877e8 / wavelength
        front = 1.191042972e27 / wavelength**5
        row = opacity[i]
        tau[0] = row[0] * column[0]
        n = n_layer
        for k in range(n_layer):
            source[k] = front / (np.exp(x / temperature[k]) - 1.0)
            if k > 0:
                tau[k] = tau[k - 1] + 0.5 * (row[k] + row[k - 1]) * (column[k] - column[k - 1])
                if tau[k] > 25.0:
                    n = k + 1
                    break
        slope = (source[1] - source[0]) / (tau[1] - tau[0])
        for k in range(1, n - 1):
            after = (source[k + 1] - source[k]) / (tau[k + 1] - tau[k])
            curve[k] = (after - slope) / (tau[k + 1] - tau[k - 1])
            slope = after
        curve[0], curve[n - 1] = 0.0, curve[n - 2]
        for m in range(len(mu)):
            total = source[0] * (1.0 - np.exp(-tau[0] / mu[m]))
            transmitted = np.exp(-tau[0] / mu[m])
            for k in range(n - 1):
                h = (tau[k + 1] - tau[k]) / mu[m]
                rise = source[k + 1] - source[k]
                second = 0.5 * (curve[k] + curve[k + 1]) * (tau[k + 1] - tau[k]) ** 2
                second = min(max(second, -abs(rise)), abs(rise))  # monotonic between layers
                if h > 0.03:
                    e = np.exp(-h)
                    far = (1.0 - e) / h - e
                    near = 1.0 - e - far
                    bend = (2.0 * (1.0 - e) - h * (1.0 + e)) / (h * h)
                else:
                    e = 1.0 - h * (1.0 - 0.5 * h * (1.0 - h / 3.0))
                    far = h * (0.5 - h / 3.0)
                    near = h * (0.5 - h / 6.0)
                    bend = -h / 6.0 * (1.0 - 0.5 * h)
                total += transmitted * (near * source[k] + far * source[k + 1] + bend * second)
                transmitted *= e
                if transmitted < 1e-8:
                    break
            # Below the last layer: the source function goes on as a straight line.
            end = max(slope, 0.0) * mu[m] + source[n - 1]
            out[m, i // bins] += (total + transmitted * end) / bins
