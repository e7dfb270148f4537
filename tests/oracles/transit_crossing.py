"""What a planet hides of a union of caps, by counting points of its disc: float64, brute force."""

import numpy as np


def brute_moments(x, y, p, centres, radii, n, n_rings=1500):
    """Integrals of mu^k, k = 1 .. n, from n_rings^2 points that share the planet's disc equally."""
    r = p * np.sqrt((np.arange(n_rings) + 0.5) / n_rings)[:, None]
    golden = 0.5 * (np.sqrt(5.0) - 1.0)
    angle = 2 * np.pi * ((np.arange(n_rings) + 0.5) / n_rings + golden * np.arange(n_rings)[:, None])
    sky_x, sky_y = x + r * np.cos(angle), y + r * np.sin(angle)
    depth = 1 - sky_x**2 - sky_y**2
    mu = np.sqrt(np.where(depth > 0, depth, 0.0))
    covered = np.zeros(mu.shape, bool)
    for (cx, cy, cz), radius in zip(centres, radii, strict=True):
        covered |= cx * sky_x + cy * sky_y + cz * mu > np.cos(radius)
    mu = mu[covered & (depth > 0)]
    area = np.pi * p * p / n_rings**2
    return np.array([np.sum(mu ** (k - 1)) * area for k in range(1, n + 1)])


def random_scene(rng, n_caps, p=0.1, low_deg=2.0, high_deg=15.0):
    """A planet on the disc or across its limb, and caps around it, some beyond the limb."""
    d = rng.choice([rng.uniform(0, 0.9), rng.uniform(0.85, 0.98 + p), rng.uniform(0, p)])
    azimuth = rng.uniform(0, 2 * np.pi)
    sky = np.array([d * np.cos(azimuth), d * np.sin(azimuth)])
    radii = np.deg2rad(rng.uniform(low_deg, high_deg, n_caps))
    centres = []
    for _ in range(n_caps):
        c = sky + rng.normal(0, p, 2)
        c = c / max(1.0, np.hypot(*c) * 1.0001)
        z = np.sqrt(max(0.0, 1 - c @ c))
        centres.append([*c, -z if rng.random() < 0.1 else z])
    return sky[0], sky[1], np.array(centres), radii


def crowded_scene(rng, n_caps, p=0.1, low_deg=0.5, high_deg=2.5):
    """A planet on the disc and caps that crowd behind it."""
    d, azimuth = rng.uniform(0, 1), rng.uniform(0, 2 * np.pi)
    sky = np.array([d * np.cos(azimuth), d * np.sin(azimuth)])
    c = sky[:, None] + p * rng.uniform(-1, 1, (2, n_caps))
    c = c / np.maximum(1, 1.001 * np.hypot(*c))
    centres = np.stack([*c, np.sqrt(1 - c[0] ** 2 - c[1] ** 2)], axis=1)
    return sky[0], sky[1], centres, np.deg2rad(rng.uniform(low_deg, high_deg, n_caps))
