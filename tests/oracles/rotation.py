"""Broadening by rotation in float64, straight from the disc."""

import numpy as np

C = 299792.458


def gray_profile(x, epsilon):
    """Gray (2008), eq. 18.14, at x = velocity over vsini; its integral over x is 1."""
    inside = np.maximum(1 - x**2, 0.0)
    return (2 * (1 - epsilon) * np.sqrt(inside) + 0.5 * np.pi * epsilon * inside) / (
        np.pi * (1 - epsilon / 3)
    )


def by_gray(spectrum, samples, ln_step, vsini, epsilon, n=4001):
    """Convolution of a function of the sample with Gray's profile, midpoint rule in arcsin x."""
    angle = (np.arange(n) + 0.5) / n * np.pi - np.pi / 2
    x, weight = np.sin(angle), np.cos(angle) * np.pi / n
    shift = np.arctanh(x * vsini / C) / ln_step
    return np.sum(weight * gray_profile(x, epsilon) * spectrum(samples[:, None] - shift), axis=1)


def by_disc(spectrum, samples, ln_step, vsini, law, n_mu=80, n_angle=300):
    """Every element of a disc shifted and added; `law` is the intensity at mu. Returns flux over pi."""
    mu, weight = np.polynomial.legendre.leggauss(n_mu)
    mu, weight = 0.5 * (mu + 1), 0.5 * weight
    angle = 2 * np.pi * (np.arange(n_angle) + 0.5) / n_angle
    x = np.sqrt(1 - mu**2)[:, None] * np.cos(angle)
    w = (2 * weight * mu * law(mu))[:, None] * np.full(n_angle, 1 / n_angle)
    shift = np.arctanh(x.ravel() * vsini / C) / ln_step
    return np.array([np.sum(w.ravel() * spectrum(k - shift)) for k in samples])
