"""Smooth spectra that reproduce a model's band fluxes, to give fluxes in bands that were not tabulated.

ln F(ln wavelength) is a Gaussian process about a black body; the band means of F are its data. The band
means are not linear in ln F, so the maximum of the posterior is found by damped Gauss-Newton steps.
"""

import numpy as np

from dynamojax.atmosphere.bands import log_band_mean

# 1170-53300 A; what is published starts at 2600 A, the ultraviolet only serves the bolometric flux.
LN_WAVELENGTH = np.log(2600.0) + 0.02 * np.arange(-40, 152)
PUBLISHED = slice(40, None)
_H_C_OVER_K = 1.438776877e8  # [A K], CODATA 2018
_TWO_H_C2 = 1.191042972e27  # [erg/s/cm2/A/sr A^5], CODATA 2018
_SIGMA = 5.670374419e-5  # [erg/s/cm2/K4], CODATA 2018
_NOISE = 0.003  # tolerance on ln of a band flux: room for structure finer than the spectrum resolves


def kernel(ln_wavelength: np.ndarray) -> np.ndarray:
    """Prior covariance of ln F: lines and bands (6 %), broad opacity (60 %), overall level."""
    r = ln_wavelength[:, None] - ln_wavelength
    return 0.25**2 * np.exp(-0.5 * (r / 0.06) ** 2) + 0.5**2 * np.exp(-0.5 * (r / 0.6) ** 2) + 1.0


def black_body(ln_wavelength: np.ndarray, teff: np.ndarray) -> np.ndarray:
    """Ln of the surface flux pi B_lambda, shape (n, n_wavelengths)."""
    wavelength = np.exp(ln_wavelength)
    x = _H_C_OVER_K / (wavelength * teff[:, None])
    return np.log(np.pi * _TWO_H_C2 / wavelength**5) - x - np.log(-np.expm1(-x))


def fit(weights: np.ndarray, ln_bands: np.ndarray, teff: np.ndarray, steps: int = 12) -> np.ndarray:
    """Ln F at LN_WAVELENGTH for models with the given ln of band fluxes, shape (n, n_wavelengths)."""
    return np.concatenate(
        [
            _fit_some(weights, ln_bands[i : i + 250], teff[i : i + 250], steps)
            for i in range(0, len(teff), 250)
        ]
    )


def _fit_some(weights, ln_bands, teff, steps):
    prior = kernel(LN_WAVELENGTH)
    mean = black_body(LN_WAVELENGTH, teff)
    x = mean.copy()
    for _ in range(steps):
        model = log_band_mean(weights, x)
        share = weights[None] * np.exp(x[:, None, :] - model[:, :, None])
        gain = share @ prior
        system = gain @ share.transpose(0, 2, 1) + _NOISE**2 * np.eye(len(weights))
        residual = ln_bands - model + np.einsum("nbl,nl->nb", share, x - mean)
        target = mean + np.einsum("nbl,nb->nl", gain, np.linalg.solve(system, residual[..., None])[..., 0])
        x = x + np.clip(target - x, -0.7, 0.7)  # damped: the step diverges far from the band fluxes
    return x


def bolometric_deficit(ln_flux: np.ndarray, teff: np.ndarray) -> np.ndarray:
    """Ln of the integrated flux over sigma teff^4; a Rayleigh-Jeans tail beyond the last wavelength."""
    wavelength = np.exp(LN_WAVELENGTH)
    flux = np.exp(ln_flux)
    total = np.trapezoid(flux * wavelength, LN_WAVELENGTH, axis=1) + flux[:, -1] * wavelength[-1] / 3
    return np.log(total / (_SIGMA * teff**4))


def extension(ln_flux: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Ln of the flux at the outermost layer over that at the radius where teff is defined, per node.

    The PHOENIX fluxes are those through the outermost layer of spherical models: at logg 0 they fall 0.35
    short of sigma teff^4 (median of ln), at logg 5 by nothing. The deficit of the integrated flux relative
    to logg 5 at the same teff and feh measures it, free of the flux that the spectra miss.
    """
    deficit = bolometric_deficit(ln_flux, nodes[:, 0])
    compact = {(t, z): q for (t, g, z), q in zip(nodes, deficit, strict=True) if g == 5.0}
    reference = np.array([compact[t, z] for t, _, z in nodes])
    return np.where(nodes[:, 1] < 5.0, deficit - reference, 0.0)
