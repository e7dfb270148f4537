"""Keplerian orbits in float64 NumPy: bisection for Kepler's equation, true anomaly throughout."""

import numpy as np

GM_SUN = 1.3271244e20  # m3/s2, IAU 2015 B3
R_SUN = 6.957e8  # m, IAU 2015 B3
DAY = 86400.0


def true_anomaly(t, period, t_transit, ecc, omega):
    """True anomaly [rad] at times t, from conjunction at f = pi/2 - omega."""
    half = 0.5 * (np.pi / 2 - omega)
    start = 2 * np.arctan2(np.sqrt(1 - ecc) * np.sin(half), np.sqrt(1 + ecc) * np.cos(half))
    mean = np.mod(start - ecc * np.sin(start) + 2 * np.pi * (t - t_transit) / period, 2 * np.pi)
    low, high = np.zeros_like(mean), np.full_like(mean, 2 * np.pi)
    for _ in range(60):
        e = 0.5 * (low + high)
        below = e - ecc * np.sin(e) < mean
        low, high = np.where(below, e, low), np.where(below, high, e)
    return 2 * np.arctan2(np.sqrt(1 + ecc) * np.sin(0.5 * e), np.sqrt(1 - ecc) * np.cos(0.5 * e))


def semi_major_axis(mass, period):
    """Semi-major axis [m] for a total mass [M_sun] and a period [day]."""
    return np.cbrt(GM_SUN * mass * (period * DAY) ** 2 / (4 * np.pi**2))


def orbit(t, star_mass, star_radius, mass, period, t_transit, inc, ecc, omega, obliquity):
    """Position [stellar radius] of one planet and reflex velocity [km/s] of its star."""
    f = true_anomaly(t, period, t_transit, ecc, omega)
    axis = semi_major_axis(star_mass + mass, period)
    r = axis / (star_radius * R_SUN) * (1 - ecc**2) / (1 + ecc * np.cos(f))
    normal = np.array([-np.sin(inc) * np.sin(obliquity), np.sin(inc) * np.cos(obliquity), np.cos(inc)])
    ahead = np.array([np.cos(obliquity), np.sin(obliquity), 0.0])  # direction of motion at conjunction
    front = np.cross(ahead, normal)  # direction at conjunction, towards the observer
    angle = f + omega - np.pi / 2
    place = r * (np.outer(front, np.cos(angle)) + np.outer(ahead, np.sin(angle)))
    swing = 2 * np.pi * axis / (period * DAY) / np.sqrt(1 - ecc**2)
    speed = swing * mass / (star_mass + mass) * np.sin(inc)
    return place, 1e-3 * speed * (np.cos(omega + f) + ecc * np.cos(omega))
