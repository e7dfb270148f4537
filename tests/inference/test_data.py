"""Data sets: units, masks, faults, columns."""

import numpy as np
import pytest
from astropy import units as u

from dynamojax.inference.data import DataSet

TIME, FLUX = np.arange(20.0), np.full(20, 1.01)


def curve(**changes):
    given = {"time": TIME, "flux": FLUX, "flux_err": 1e-3} | changes
    return DataSet.light_curve("kepler", **given)


def test_linear_units_and_magnitudes_agree(x64):
    ripple = 1 + 0.01 * np.sin(TIME)
    counts = curve(flux=7e4 * ripple, flux_err=70.0, flux_unit="counts")
    quantity = curve(time=TIME * 24 * u.h, flux=7e4 * ripple * u.electron / u.s, flux_err=70.0)
    mag = curve(flux=12 - 2.5 * np.log10(ripple), flux_err=2.5 / np.log(10) * 1e-3 / ripple, flux_unit="mag")
    ppm = curve(flux=1e6 * (ripple - 1), flux_err=1e3, flux_unit="ppm")
    for other in (quantity, mag, ppm):
        np.testing.assert_allclose(other.values, counts.values, rtol=1e-12)
        np.testing.assert_allclose(other.errors, counts.errors, rtol=1e-9)


def test_errors_are_taken_to_the_unit_of_the_flux(x64):
    plain = curve(flux_err=3e-4)
    for flux, error in ((FLUX, 300e-6 * u.one), (FLUX, 300 * u.Unit(1e-6)), (FLUX * u.one, 0.03 * u.percent)):
        np.testing.assert_allclose(curve(flux=flux, flux_err=error).errors, plain.errors, rtol=1e-12)
    deviation = curve(flux=1e-3 * np.sin(TIME) * u.one, flux_err=300 * u.Unit(1e-6), flux_unit="ppm")
    np.testing.assert_allclose(deviation.values, curve(flux=1 + 1e-3 * np.sin(TIME)).values, rtol=1e-6)
    np.testing.assert_allclose(deviation.errors, 3e-4, rtol=1e-3)
    wavelength = np.linspace(5100, 5200, 20)
    one = DataSet.spectrum("x", wavelength, FLUX * u.Jy, 10.1 * u.mJy, resolution=2e3)
    np.testing.assert_allclose(one.errors, 0.01, rtol=1e-12)


def test_bands_of_different_brightness_are_judged_each_by_itself():
    flux = np.stack([FLUX, 1e4 * FLUX])
    bands = {"bands": ("kepler", "tess"), "flux_unit": "counts"}
    assert curve(flux=flux, flux_err=0.01 * flux, **bands).n_good == 40
    with pytest.raises(ValueError, match=r"flux_err is 3e\+06 \(median\) beside a flux of 10100"):
        curve(flux=flux, flux_err=np.stack([0.01 * FLUX, np.full(20, 3e6)]), **bands)


def test_breaks_may_come_in_any_order():
    a, b = (curve(breaks=breaks, trend_degree=1).factors for breaks in ([4.5, 12.5], [12.5, 4.5]))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"flux": np.full(20, np.nan)}, "all 20 fluxes are NaN"),
        ({"time": np.zeros(0), "flux": np.zeros(0)}, "one or more finite numbers"),
        ({"good": np.zeros(20, bool)}, "no good point among 20"),
        ({"flux_err": 0.0}, r"flux_err = 0 at \[0, 0\] must be positive"),
        ({"flux": 5e4 * FLUX}, "give flux_unit = 'counts'"),
        ({"flux_unit": "furlong"}, "allowed: relative, counts, ppm, mag"),
        ({"time": TIME * u.m}, "a unit of day is expected"),
        ({"flux": FLUX * u.K}, "a unit of flux is expected"),
        ({"flux": FLUX - 1.01}, "the median is 0"),
        ({"time": TIME[::-1]}, "must rise strictly"),
        ({"noise": "pink"}, "allowed: gaussian, student, correlated"),
        ({"flux": FLUX[:-1]}, "20 points, but flux"),
        ({"flux_err": np.full(3, 1e-3)}, "flux has 20 points, flux_err 3"),
        ({"good": np.arange(5)}, "must be a mask, 20 times True or False"),
        ({"flux_unit": "ppm"}, "expects deviations from the mean"),
        (
            {"flux": 5e4 * FLUX + TIME, "flux_err": 50.0, "flux_unit": "ppm"},
            "expects deviations from the mean",
        ),
        ({"flux": 5e4 * FLUX, "flux_err": 50.0, "flux_unit": "mag"}, "allowed: -30 to 40"),
        ({"flux": 50 + 1e3 * np.sin(TIME), "flux_unit": "counts"}, "below 0 by more than their errors"),
        ({"flux_err": 300.0}, r"flux_err is 300 \(median\) beside a flux of 1.01"),
        ({"flux_err": 1e-3 * u.Jy}, "flux_err is in Jy beside a flux without unit"),
        ({"flux": FLUX * u.Jy, "flux_err": 1 * u.s}, "flux_err is in s beside a flux in Jy"),
    ],
)
def test_faults_of_light_curves(changes, message):
    with pytest.raises(ValueError, match=message):
        curve(**changes)


@pytest.mark.parametrize(
    "wavelength, settings, message",
    [
        (np.linspace(510, 520, 50), {}, "1 nm = 10 A"),
        (np.linspace(5100, 5200, 50) * u.Hz, {}, "a unit of Angstrom is expected"),
        (np.linspace(5100, 5200, 50), {"resolution": None}, "give the resolving power"),
        (np.linspace(5100, 5200, 50), {"low": 6000.0}, "no good point"),
    ],
)
def test_faults_of_spectra(wavelength, settings, message):
    settings = {"resolution": 1800.0} | settings
    with pytest.raises(ValueError, match=message):
        DataSet.spectrum("lamost", wavelength, np.ones(50), 0.01, **settings)


def test_masked_points_are_left_out():
    flux = FLUX.copy()
    flux[3] = np.nan
    data = curve(flux=flux, flux_err=np.where(TIME == 5, 0.0, 1e-3), good=TIME != 5)
    assert data.n_good == 18 and not np.asarray(data.good)[0, [3, 5]].any()
    assert np.isfinite(np.asarray(data.values)).all() and (np.asarray(data.errors) > 0).all()


def test_quarters_have_their_own_columns():
    data = curve(breaks=[9.5], trend_degree=1, good=TIME != 19)
    factors = np.asarray(data.factors)
    assert factors.shape == (20, 4)
    np.testing.assert_array_equal(factors[:10, 2:], 0)
    # One point left in the second part holds a level, no slope.
    assert curve(breaks=[9.5], trend_degree=1, good=TIME < 11).factors.shape == (20, 3)
