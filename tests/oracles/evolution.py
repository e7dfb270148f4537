"""Tracks interpolated in float64 NumPy and SciPy, sharing no code with the package."""

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from tests.oracles.interpolation import interpolate


def track(grid, mass, feh, phases):
    """Log age and columns at a mass, a metallicity and phases (indices): axis after axis."""
    age, values = (np.asarray(x)[:, :, 0, phases] for x in (grid.log_age, grid.values))
    table = np.concatenate([age[..., None], values], axis=-1)
    ln_mass, nodes_feh = np.log(np.asarray(grid.mass)), np.log10(10 ** np.asarray(grid.feh) + 0.5)
    feh = np.log10(10**feh + 0.5)  # the metals' part of the opacity
    i = min(max(np.searchsorted(ln_mass, np.log(mass)) - 1, 0), len(ln_mass) - 2)
    rows = slice(max(i - 2, 0), i + 4)  # more than the stencil needs
    j = min(max(np.searchsorted(nodes_feh, feh) - 1, 0), len(nodes_feh) - 2)
    columns = slice(max(j - 2, 0), j + 4)
    at_feh = _along(nodes_feh[columns], np.moveaxis(table[rows, columns], 1, 0), feh)
    return _along(ln_mass[rows], at_feh, np.log(mass))


def _along(x, table, at):
    flat = table.reshape(len(x), -1)
    return np.array([interpolate(x, flat[:, k], at) for k in range(flat.shape[1])]).reshape(table.shape[1:])


def state(grid, mass, feh, age_gyr):
    """Teff, luminosity and phase at an age, by a root of SciPy's pchip and the parabola rule in phase."""
    low, high = 0, len(grid.eep) - 1
    while high - low > 1:
        middle = (low + high) // 2
        older = track(grid, mass, feh, [middle])[0, 0] <= np.log10(age_gyr)
        low, high = (middle, high) if older else (low, middle)
    phase = np.arange(max(low - 3, 0), min(low + 5, len(grid.eep)))
    curve = track(grid, mass, feh, phase)
    ages = PchipInterpolator(phase, curve[:, 0])
    at = brentq(lambda s: ages(s) - np.log10(age_gyr), low, high, xtol=1e-13)
    teff, luminosity = (interpolate(phase.astype(float), curve[:, k], at) for k in (1, 2))
    return 10**teff, 10**luminosity, at + float(grid.eep[0])
