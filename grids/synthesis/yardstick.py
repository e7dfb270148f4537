"""The yardstick: PHOENIX band fluxes and published limb darkening, as the package's band grid holds them."""

from dataclasses import dataclass
from functools import lru_cache

import h5py
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import CubicSpline, RegularGridInterpolator

from dynamojax.atmosphere.bands import band_weights
from dynamojax.atmosphere.grid import EMBEDDED, load_grid
from dynamojax.atmosphere.interpolation import band_intensity
from grids.synthesis.anchor import Bands

# Fluxes of the table are tight; Johnson and Cousins bands were interpolated and bind less.
TABLE = (
    *("sdss_u", "gaia_bp", "sdss_g", "kepler", "gaia_g", "sdss_r", "sdss_i", "tess", "gaia_rp", "sdss_z"),
    "2mass_h",
)
DERIVED = ("johnson_u", "johnson_b", "johnson_v", "cousins_r", "cousins_i")
PUBLISHED_LIMB = ("kepler", "tess")  # Kostogryz et al. 2022
OUTSIDE = 0.12  # of a band's throughput at most, filled in from the smooth spectrum


@lru_cache(maxsize=1)
def _grid():
    return load_grid()


@lru_cache(maxsize=1)
def _smooth():
    """Interpolator of ln of the smooth PHOENIX spectra, and their ln(wavelength)."""
    with h5py.File(EMBEDDED) as file:
        axes = [file[name][:] for name in ("teff", "logg", "feh")]
        node = file["node"][:]
        values = file["spectrum"][:] * file["spectrum"].attrs["step"]
        ln_wavelength = file["ln_wavelength"][:]
    cube = np.full((*map(len, axes), values.shape[1]), np.nan)
    cube[tuple(node.T)] = values
    return RegularGridInterpolator(axes, cube), ln_wavelength


def smooth_flux(label: tuple[float, float, float], ln_wavelength: np.ndarray) -> np.ndarray:
    """Surface flux of the smooth PHOENIX spectrum. [erg/s/cm2/A]"""
    interpolate, known = _smooth()
    return np.exp(np.interp(ln_wavelength, known, np.squeeze(interpolate([label]))))


@dataclass(frozen=True)
class Yardstick:
    """The bands of one segment: `bands`, and what lies beyond the segment."""

    bands: Bands
    beyond: np.ndarray
    ln_beyond: np.ndarray
    mu: np.ndarray

    def targets(self, label: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
        """Fluxes that the segment has to give in each band, and I(mu) over the disc's mean [n_band, n_mu]."""
        full, limb = band_targets(label, self.bands.names, self.mu)
        outside = self.beyond @ smooth_flux(label, self.ln_beyond)
        return full - outside, limb


def band_targets(label, names, mu) -> tuple[np.ndarray, np.ndarray]:
    """Surface fluxes [erg/s/cm2/A] of the bands and their I(mu) over the disc's mean, [n_band, n_mu]."""
    grid = _grid().select(tuple(names))
    values, valid = band_intensity(grid, *(jnp.asarray(x) for x in label))
    if not bool(valid):
        raise ValueError(f"teff, logg, feh = {label}: the band grid has no model there")
    values = np.asarray(values, float)
    fine, weight = gauss(64)
    # A spline in sqrt(mu), in which every law of the literature is smooth.
    law = CubicSpline(np.sqrt(grid.mu), values, axis=1)
    mean = 2 * law(np.sqrt(fine)) @ weight
    return np.pi * mean, law(np.sqrt(mu)) / mean[:, None]


def gauss(n: int):
    """The package's rule."""
    from dynamojax.atmosphere.limb_darkening import quadrature_nodes

    return quadrature_nodes(n)


def curves(names) -> dict:
    """Wavelength, throughput and photon counting of bands of the package."""
    with h5py.File(EMBEDDED) as file:
        return {
            name: (
                file[f"filters/{name}/wavelength"][:].astype(float),
                file[f"filters/{name}/throughput"][:].astype(float),
                bool(file[f"filters/{name}"].attrs["photon_counting"]),
            )
            for name in names
        }


def yardstick(ln_start: float, ln_step: float, n: int, mu: np.ndarray) -> Yardstick:
    """The bands that a segment covers to all but OUTSIDE of their throughput."""
    before, after = int(0.25 / ln_step), int(0.1 / ln_step)
    wide = ln_start + ln_step * np.arange(-before, n + after)
    names, rows = [], []
    for name, curve in curves((*TABLE, *DERIVED)).items():
        if np.log(curve[0][0]) < wide[0] or np.log(curve[0][-1]) > wide[-1]:
            continue
        weights = band_weights(wide, *curve)
        if weights[:before].sum() + weights[before + n :].sum() < OUTSIDE:
            names.append(name)
            rows.append(weights)
    weights = np.array(rows)
    is_derived = np.array([name in DERIVED for name in names])
    is_limb = np.array([name in PUBLISHED_LIMB for name in names])
    bands = Bands(
        names=tuple(names),
        inside=np.ascontiguousarray(weights[:, before : before + n]),
        noise=np.where(is_derived, 0.02, 0.002),
        limb_noise=np.where(is_limb, 0.002, 0.02),
    )
    keep = np.r_[0:before, before + n : len(wide)]
    return Yardstick(bands, weights[:, keep], wide[keep], mu)
