"""What readers of fluxes share."""

from pathlib import Path

import numpy as np


def damaged(path: Path, why: object) -> ValueError:
    """An error that names the file and what to do."""
    return ValueError(f"{path} cannot be read ({why}); get it again, or remove it")


def samples(path: Path, wavelength: np.ndarray, flux: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges half-way between samples, and the flux, by increasing wavelength, each wavelength once.

    Raises:
        ValueError: too few samples, another number of fluxes, or values that are not finite.
    """
    if wavelength.shape != flux.shape or wavelength.size < 10:
        raise damaged(path, f"{wavelength.size} wavelengths and {flux.size} fluxes")
    if not (np.isfinite(wavelength).all() and np.isfinite(flux).all() and wavelength.min() > 0):
        raise damaged(path, "wavelengths or fluxes that are not finite and positive")
    wavelength, first = np.unique(wavelength, return_index=True)
    middle = 0.5 * (wavelength[1:] + wavelength[:-1])
    ends = 2 * wavelength[0] - middle[0], 2 * wavelength[-1] - middle[-1]
    return np.concatenate([ends[:1], middle, ends[1:]]), flux[first]
