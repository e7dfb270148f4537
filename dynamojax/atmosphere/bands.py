"""Band means: how a filter weighs a spectrum, and bands that the grid does not hold."""

import numpy as np

_C_ANGSTROM_S = 2.99792458e18  # SI


def band_weights(
    ln_wavelength: np.ndarray, wavelength: np.ndarray, throughput: np.ndarray, photon_counting: bool
) -> np.ndarray:
    """Weights of a band mean: sum(weights F) = <F_lambda> for F linear in ln(wavelength) between nodes.

    Args:
        ln_wavelength: Nodes of the spectrum, evenly spaced. [ln A]
        wavelength: Of the filter curve, increasing. [A]
        throughput: Of the filter curve. [any unit]
        photon_counting: Whether the detector counts photons (weight lambda T) or energy (weight T).
    """
    ends = np.log(wavelength[[0, -1]])
    fine = np.linspace(*ends, max(4001, 8 * int(np.ptp(ends) / np.diff(ln_wavelength[:2])[0])))
    at = np.exp(fine)
    # d lambda = lambda d ln(lambda); a photon counter adds one more lambda.
    response = np.interp(at, wavelength, throughput) * at ** (2 if photon_counting else 1)
    x = (fine - ln_wavelength[0]) / (ln_wavelength[1] - ln_wavelength[0])
    i = np.clip(np.floor(x).astype(int), 0, len(ln_wavelength) - 2)
    u = np.clip(x - i, 0.0, 1.0)
    weights = np.bincount(i, response * (1 - u), len(ln_wavelength))
    weights += np.bincount(i + 1, response * u, len(ln_wavelength))
    return weights / weights.sum()


def pivot_wavelength(wavelength: np.ndarray, throughput: np.ndarray, photon_counting: bool) -> float:
    """Pivot wavelength [A]: turns a band mean of F_lambda into one of F_nu for any spectrum.

    Source: Bessell & Murphy (2012), PASP 124, 140, equations A10-A11.
    """
    energy = throughput * (wavelength if photon_counting else 1.0)
    return float(np.sqrt(np.trapezoid(energy, wavelength) / np.trapezoid(energy / wavelength**2, wavelength)))


def ab_zero_point(pivot: float) -> float:
    """Band mean of F_lambda at AB magnitude 0 [erg/s/cm2/A].

    Source: Oke & Gunn (1983), ApJ 266, 713: 48.60 mag for F_nu in erg/s/cm2/Hz.
    """
    return float(10 ** (-0.4 * 48.60) * _C_ANGSTROM_S / pivot**2)
