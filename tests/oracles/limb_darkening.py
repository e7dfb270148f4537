"""Disc flux of every law in closed form: 2 * integral of I(mu)/I(1) mu dmu, in float64 NumPy."""

import numpy as np


def linear(u):
    return 1 - u[0] / 3


def quadratic(u):
    return 1 - u[0] / 3 - u[1] / 6


def square_root(u):
    return 1 - u[0] / 3 - u[1] / 5


def logarithmic(u):
    return 1 - u[0] / 3 + 2 * u[1] / 9


def power2(u):
    return 1 - u[0] * u[1] / (u[1] + 2)


def four_parameter(u):
    return 1 - sum(k * a / (k + 4) for k, a in enumerate(u, start=1))


def projection(law, mu_fine, degree):
    """Area-weighted least squares on a dense midpoint grid: coefficients of I in powers of mu."""
    weight = np.sqrt(mu_fine)
    design = mu_fine[:, None] ** np.arange(degree + 1)
    return np.linalg.lstsq(design * weight[:, None], law(mu_fine) * weight, rcond=None)[0]
