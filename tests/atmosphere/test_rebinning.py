import numpy as np
import pytest

from dynamojax.atmosphere.rebinning import rebinning
from dynamojax.atmosphere.wavelengths import LogAxis

AXIS = LogAxis.from_range(5000.0, 5200.0, 60000.0)
C = np.sqrt(8 * np.log(2.0))


def line(axis, centre, resolution):
    """A Gaussian line of unit energy, as wide as this resolving power."""
    sigma = 1.0 / (C * resolution)
    x = axis.ln_wavelength - np.log(centre)
    return np.exp(-0.5 * (x / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi)) / axis.wavelength


def energy(flux, axis):
    return np.sum(flux * axis.wavelength) * axis.ln_step


@pytest.mark.parametrize("given,wanted", [(np.inf, 500.0), (20000.0, 3000.0), (20000.0, 12000.0)])
@pytest.mark.parametrize("centre", [5100.0, 5100.17])
def test_a_line_keeps_its_energy_place_and_gets_the_wanted_width(given, wanted, centre):
    rebin = rebinning(AXIS, given, wanted)
    flux = line(AXIS, centre, min(given, 20000.0))
    got = rebin(flux, AXIS)
    x = rebin.axis.ln_wavelength
    weight = got * rebin.axis.wavelength
    place = np.sum(weight * x) / np.sum(weight)
    variance = np.sum(weight * (x - place) ** 2) / np.sum(weight)
    # Bins that a line of three samples falls on by chance leave 1e-4; the cut Gaussian 1e-5 of its variance.
    assert energy(got, rebin.axis) == pytest.approx(1.0, rel=2e-4)
    assert place == pytest.approx(np.log(centre), abs=1e-3 / wanted)
    expected = wanted**-2 + (20000.0**-2 if given == np.inf else 0.0)
    assert C**2 * variance == pytest.approx(expected, rel=5e-3)
    assert rebin.resolution == wanted
    assert 1 / (rebin.axis.ln_step * wanted) >= 3.0 - 1e-9


def test_a_smooth_spectrum_is_kept():
    rebin = rebinning(AXIS, np.inf, 2000.0)
    got = rebin(AXIS.wavelength**-3.0, AXIS)
    # Half the second derivative times the variance of the kernel, (1/2000)^2.
    np.testing.assert_allclose(got, rebin.axis.wavelength**-3.0, rtol=2e-6)


def test_fast_changes_do_not_fold_into_slow_ones():
    rebin = rebinning(AXIS, np.inf, 2000.0)
    phases = np.exp(2j * np.pi * np.arange(AXIS.n) * (1 / rebin.factor + 1e-3))
    got = rebin(phases.real / AXIS.wavelength, AXIS) * rebin.axis.wavelength
    assert np.abs(got).max() < 1e-4  # sampled alone it would be a wave of amplitude 1


def test_the_faint_end_stays_positive():
    rebin = rebinning(LogAxis.from_range(3000.0, 25000.0, 5000.0), np.inf, 500.0)
    axis = LogAxis.from_range(3000.0, 25000.0, 5000.0)
    flux = np.exp(-6e5 / axis.wavelength)  # 76 decades
    got = rebin(flux, axis)
    assert (got > 0).all()
    # The exponential slope of the energy per ln(wavelength), up to 201, over a kernel of sigma 8.5e-4.
    np.testing.assert_allclose(got, np.exp(-6e5 / rebin.axis.wavelength), rtol=2e-2)


def test_leading_axes_are_kept():
    rebin = rebinning(AXIS, np.inf, 2000.0)
    flux = np.random.default_rng(0).uniform(1, 2, (2, 3, AXIS.n))
    np.testing.assert_allclose(rebin(flux, AXIS)[1, 2], rebin(flux[1, 2], AXIS))


@pytest.mark.parametrize(
    "given,wanted,message",
    [
        (10000.0, 20000.0, "allowed: up to 10000"),
        (np.inf, 50000.0, "allowed: up to 30000"),
        (np.inf, 0.0, "allowed"),
        (np.inf, 60.0, "leaves .* bins"),
    ],
)
def test_resolutions_that_cannot_be(given, wanted, message):
    with pytest.raises(ValueError, match=message):
        rebinning(AXIS, given, wanted)
