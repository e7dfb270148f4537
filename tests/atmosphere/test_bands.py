from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.atmosphere.bands import (
    ab_zero_point,
    band_from_filter,
    band_weights,
    log_band_mean,
    pivot_wavelength,
)
from dynamojax.atmosphere.grid import load_grid
from dynamojax.atmosphere.interpolation import band_intensity
from dynamojax.atmosphere.limb_darkening import quadrature_nodes

LN = np.log(3000.0) + 0.02 * np.arange(100)


@dataclass
class Curve:
    name: str
    wavelength: np.ndarray
    throughput: np.ndarray
    photon_counting: bool = True


def box(name, low, high, photon_counting=True):
    at = np.linspace(low, high, 300)
    return Curve(name, at, np.minimum(1.0, np.minimum(at - low, high - at) / 50.0), photon_counting)


@pytest.fixture(scope="module")
def grid():
    with jax.enable_x64(True):
        return load_grid()


def _flux(grid, band):
    _, weight = quadrature_nodes(len(grid.mu))
    return 2 * np.pi * np.exp(np.asarray(grid.log_intensity[..., grid.bands.index(band), :])) @ weight


@pytest.mark.parametrize("photon_counting", [True, False])
def test_weights_are_the_band_mean(photon_counting):
    curve = box("b", 5000.0, 6000.0)
    weights = band_weights(LN, curve.wavelength, curve.throughput, photon_counting)
    fine = np.linspace(5000.0, 6000.0, 200001)
    spectrum = np.interp(np.log(fine), LN, np.sin(40 * LN) + 2)
    response = np.interp(fine, curve.wavelength, curve.throughput) * (fine if photon_counting else 1)
    expected = np.trapezoid(spectrum * response, fine) / np.trapezoid(response, fine)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    # 4001 points over the filter leave 1e-6.
    assert weights @ (np.sin(40 * LN) + 2) == pytest.approx(expected, rel=3e-6)
    ln_mean = log_band_mean(weights[None], np.log(np.sin(40 * LN) + 2)[None])
    assert float(ln_mean[0, 0]) == pytest.approx(np.log(expected), abs=3e-6)


@pytest.mark.parametrize("photon_counting", [True, False])
def test_a_flat_f_nu_has_ab_magnitude_of_its_level(photon_counting):
    curve = box("b", 5000.0, 6000.0)
    energy = curve.throughput * (curve.wavelength if photon_counting else 1)
    f_lambda = 3.631e-20 * 2.99792458e18 / curve.wavelength**2  # 3631 Jy
    mean = np.trapezoid(energy * f_lambda, curve.wavelength) / np.trapezoid(energy, curve.wavelength)
    pivot = pivot_wavelength(curve.wavelength, curve.throughput, photon_counting)
    # 48.60 is 3631 Jy rounded: 0.0003 mag.
    assert ab_zero_point(pivot) == pytest.approx(mean, rel=5e-4)


def test_new_band_in_place_of_a_tabulated_one(x64, grid):
    curve = box("mine", 6700.0, 8380.0)
    extended = band_from_filter(grid.select(("sdss_i", "tess")), curve)
    assert extended.bands == ("sdss_i", "tess", "mine")
    exists = np.asarray(grid.exists)
    assert np.isfinite(extended.log_intensity).all()
    hot = exists & (np.asarray(grid.teff) > 6000)[:, None, None]
    ratio = (_flux(extended, "mine") / _flux(extended, "sdss_i"))[hot]
    # The box imitates SDSS i, 40 A redder: hot spectra differ by a few per cent.
    assert 0.93 < ratio.min() and ratio.max() < 1.07
    pivot = float(extended.wavelength_eff[-1])
    assert 7400 < pivot < 7600
    assert float(extended.vega_zero_point[-1]) == pytest.approx(float(grid.vega_zero_point[10]), rel=0.05)
    intensity, valid = band_intensity(extended, *map(jnp.asarray, (5772.0, 4.438, 0.0)))
    assert bool(valid) and np.all(np.diff(intensity[-1]) > 0)


def test_new_band_has_the_flux_of_a_black_body_where_spectra_are_smooth(x64, grid):
    # The Rayleigh-Jeans side of hot dwarfs is nearly a black body.
    extended = band_from_filter(grid.select(("2mass_ks",)), box("near", 20000.0, 23000.0))
    index = tuple(
        int(np.argmin(np.abs(np.asarray(a) - v)))
        for a, v in zip((grid.teff, grid.logg, grid.feh), (10000.0, 4.5, 0.0), strict=True)
    )
    wavelengths = [float(w) for w in extended.wavelength_eff]
    planck = [w**-5 / np.expm1(1.438777e8 / (w * 10000.0)) for w in wavelengths]
    got = _flux(extended, "near")[index] / _flux(extended, "2mass_ks")[index]
    assert got == pytest.approx(planck[1] / planck[0], rel=0.03)


@pytest.mark.parametrize(
    "curve,message",
    [
        (box("tess", 6000.0, 10000.0), "already a band"),
        (box("uv", 2000.0, 3000.0), "of the throughput lies beyond"),
        (box("far", 50000.0, 60000.0), "of the throughput lies beyond"),
        (box("halpha", 6540.0, 6590.0), "hold no lines"),
    ],
)
def test_filters_that_cannot_be_served_are_refused(grid, curve, message):
    with pytest.raises(ValueError, match=message):
        band_from_filter(grid, curve)
