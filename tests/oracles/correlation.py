"""Correlation functions, line fits and bisectors in plain NumPy and SciPy, float64."""

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq, least_squares

C_KM_S = 299792.458


def mask_correlation(edges, flux, lines, weights, velocities, width):
    """Mean flux density through holes of `width` [km/s], pixel by pixel, of lines that stay inside."""
    out = np.zeros(len(velocities))
    grow = np.sqrt((1 + width / C_KM_S) / (1 - width / C_KM_S))  # of the whole hole
    factors = np.sqrt((1 + velocities / C_KM_S) / (1 - velocities / C_KM_S))
    total = 0.0
    for line, weight in zip(lines, weights, strict=True):
        if line * factors[0] / np.sqrt(grow) < edges[0] or line * factors[-1] * np.sqrt(grow) > edges[-1]:
            continue
        total += weight
        for j, factor in enumerate(factors):
            low, high = line * factor / np.sqrt(grow), line * factor * np.sqrt(grow)
            seen = 0.0
            for i in range(len(flux)):
                if edges[i + 1] > low and edges[i] < high:
                    seen += flux[i] * (min(edges[i + 1], high) - max(edges[i], low))
            out[j] += weight * seen / (high - low)
    return out / total


def gaussian_fit(velocity, profile):
    """Centre, FWHM, contrast and level of the least-squares Gaussian."""

    def residual(p):
        return p[3] - p[2] * np.exp(-0.5 * ((velocity - p[0]) / p[1]) ** 2) - profile

    level = 0.5 * (profile[0] + profile[-1])
    spread = 0.15 * np.ptp(velocity)
    start = [velocity[np.argmin(profile)], spread, level - profile.min(), level]
    best = least_squares(residual, start, xtol=1e-15, ftol=1e-15, gtol=1e-15, x_scale=[1, 1, level, level])
    centre, sigma, depth, level = best.x
    return centre, abs(sigma) * np.sqrt(8 * np.log(2)), depth / level, level


def bisector(velocity, profile, level, depths):
    """Middle between the flanks of a profile with one minimum, through SciPy's monotone cubic."""
    low = int(np.argmin(profile))
    a, b, c = np.polyfit(velocity[low - 1 : low + 2] - velocity[low], profile[low - 1 : low + 2], 2)
    bottom = c - b * b / (4 * a)
    curve = PchipInterpolator(velocity, profile)
    middles = []
    for depth in depths:
        at = level - depth * (level - bottom)
        right = next(i for i in range(low, len(profile)) if profile[i] >= at)
        left = next(i for i in range(low, -1, -1) if profile[i] >= at)
        ends = [
            brentq(lambda v, at=at: curve(v) - at, velocity[i], velocity[j], xtol=1e-14)
            for i, j in ((left, left + 1), (right - 1, right))
        ]
        middles.append(np.mean(ends))
    return np.array(middles)


def bisector_span(velocity, profile, level):
    """Mean over depths 0.1-0.4 minus mean over 0.55-0.9, with 400 depths in each."""
    step = (np.arange(400) + 0.5) / 400
    top = bisector(velocity, profile, level, 0.1 + 0.3 * step)
    return top.mean() - bisector(velocity, profile, level, 0.55 + 0.35 * step).mean()
