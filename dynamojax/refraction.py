"""Wavelengths in air beside those in vacuum, on the host, float64."""

import numpy as np


def _refractivity(vacuum: np.ndarray) -> np.ndarray:
    square = (1e4 / vacuum) ** 2  # wavenumber in 1/um
    return 1e-8 * (5792105.0 / (238.0185 - square) + 167917.0 / (57.362 - square))


def air_from_vacuum(vacuum) -> np.ndarray:
    """Wavelength in standard air, dry, 15 C, 101325 Pa, 450 ppm of CO2.

    Args:
        vacuum: Wavelength in vacuum, 2300 to 16900 A in the source; beyond 16900 A it is used all the same,
            as spectroscopic archives do. [A]

    Returns:
        Wavelength in air. [A]

    Raises:
        ValueError: below 2000 A, where wavelengths are always given in vacuum.
    Source: Ciddor (1996), Applied Optics 35, 1566, equation 1.
    """
    vacuum = _checked(vacuum)
    return vacuum / (1.0 + _refractivity(vacuum))


def vacuum_from_air(air) -> np.ndarray:
    """The inverse of `air_from_vacuum`, to rounding. Both in [A]."""
    air = _checked(air)
    vacuum = air
    for _ in range(4):  # the refractivity changes by 1e-5 of a relative change: converged after three
        vacuum = air * (1.0 + _refractivity(vacuum))
    return vacuum


def _checked(wavelength) -> np.ndarray:
    wavelength = np.asarray(wavelength, dtype=np.float64)
    if not np.all(wavelength >= 2000.0):
        raise ValueError(
            f"wavelength = {np.min(wavelength)} A, allowed: 2000 A and more; below, air is not in use"
        )
    return wavelength
