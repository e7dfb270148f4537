"""Energy is kept, lines keep their equivalent width, place and given width."""

import numpy as np
import pytest

from dynamojax.atmosphere.resampling import resampling

EDGES = np.arange(2900.0, 10200.0)  # 1 A, as the library's
CENTRES = 0.5 * (EDGES[1:] + EDGES[:-1])


def integral(axis, values, low, high):
    """Integral over whole bins of the result between two of its edges, and these edges."""
    edges = np.exp(axis.ln_start + axis.ln_step * (np.arange(axis.n + 1) - 0.5))
    start, stop = np.searchsorted(edges, (low, high))
    width = axis.wavelength * 2 * np.sinh(0.5 * axis.ln_step)
    return np.sum((values * width)[..., start:stop], -1), edges[start], edges[stop]


def input_integral(spectrum, low, high):
    """Exact integral of a spectrum that is constant between EDGES."""
    total = np.append(0.0, np.cumsum(spectrum * np.diff(EDGES)))
    return np.interp(high, EDGES, total) - np.interp(low, EDGES, total)


@pytest.mark.parametrize("resolution", [1000.0, 2000.0, 5000.0])
def test_the_flux_of_any_broad_range_is_kept(resolution):
    lines = 1 - 0.9 * np.random.default_rng(0).random(CENTRES.size) ** 3
    # Quiet where the ranges end: there the line spread function carries energy over the ends.
    ends = np.array([3100.0, 4000.0, 5500.0, 7000.0, 9900.0])
    quiet = np.abs(CENTRES[:, None] - ends).min(axis=1) < 10 * ends.max() / resolution
    spectrum = np.where(quiet, 1.0, lines)
    r = resampling(3000.0, 10000.0, resolution)
    result = r(EDGES, spectrum)
    for low in ends[:-1]:
        for high in ends[ends > low]:
            got, a, b = integral(r.axis, result, low, high)
            # Smoothing in ln(wavelength) lifts what is flat in wavelength by half the variance: 9e-8 at 1000.
            assert got == pytest.approx(input_integral(spectrum, a, b), rel=1e-6)


@pytest.mark.parametrize("resolution", [300.0, 3000.0, 30000.0])
def test_a_narrow_line_keeps_its_equivalent_width_place_and_gets_the_width_of_the_resolution(resolution):
    # Samples much narrower than the resolution, one of them dark.
    for place in (5000.0, 5000.37, 5001.9):
        step = 5000.0 / resolution / 60
        edges = 5000.0 + step * np.arange(-1500, 1501)
        centres = 0.5 * (edges[1:] + edges[:-1])
        dark = int(np.argmin(np.abs(centres - place)))
        spectrum = np.ones(centres.size)
        spectrum[dark] = 0.0
        width = 20 * 5000 / resolution
        r = resampling(5000 - width, 5000 + width, resolution)
        line = r(edges, np.ones(centres.size)) - r(edges, spectrum)
        bins = r.axis.wavelength * r.axis.ln_step
        assert np.sum(line * bins) == pytest.approx(step, rel=1e-6)
        mean = np.sum(line * bins * r.axis.wavelength) / step
        fwhm = 5000 / resolution
        # The response is symmetric in ln(wavelength): the mean moves by its variance over the wavelength.
        skew = 1.5 * (fwhm / 2.3548) ** 2 / 5000
        assert mean - centres[dark] == pytest.approx(skew, abs=0.021 * fwhm)  # half a fine bin
        variance = np.sum(line * bins * (r.axis.wavelength - mean) ** 2) / step
        assert 2.3548 * np.sqrt(variance) == pytest.approx(fwhm, rel=0.01)


def test_samples_wider_than_the_bins_keep_the_flux_too():
    r = resampling(3000.0, 4000.0, 20000.0)
    spectrum = 1 + np.random.default_rng(1).random(CENTRES.size)
    result = r(EDGES, spectrum)
    spectrum[(CENTRES > 3180) & (CENTRES < 3220)] = spectrum[(CENTRES > 3780) & (CENTRES < 3820)] = 1.0
    result = r(EDGES, spectrum)
    got, a, b = integral(r.axis, result, 3200.0, 3800.0)
    assert got == pytest.approx(input_integral(spectrum, a, b), rel=1e-9)


def test_the_faint_end_keeps_its_digits_beside_a_bright_one():
    r = resampling(3000.0, 10000.0, 3000.0)
    rise = np.exp(np.linspace(-30.0, 0.0, CENTRES.size))  # a factor of 1e13
    result = r(EDGES, rise)
    expected = np.exp(np.interp(r.axis.wavelength, CENTRES, np.log(rise)))
    # Steps of 0.4 % between samples, smoothed.
    np.testing.assert_allclose(result, expected, rtol=1e-3)
    assert result.min() > 0


def test_a_constant_stays_constant_and_rows_are_independent():
    r = resampling(3000.0, 10000.0, 1000.0)
    result = r(EDGES, np.array([[1.0], [3.0]]) * np.ones(CENTRES.size))
    np.testing.assert_allclose(result, np.array([[1.0], [3.0]]) * np.ones(r.axis.n), rtol=1e-7)


def test_the_axis_covers_the_range_and_no_more():
    r = resampling(3650.0, 9150.0, 4000.0)
    low, high = r.axis.ends
    bin_width = r.axis.ln_step
    assert 1 - 2 * bin_width < low / 3650 <= 1 and 1 <= high / 9150 < 1 + 2 * bin_width
    assert 3.0 * 4000 <= r.axis.sampling <= 4.5 * 4000
    assert 0.99 < r.reach[0] / 3650 < 1 < r.reach[1] / 9150 < 1.01


@pytest.mark.parametrize("arguments", [(4000.0, 3000.0, 1e3), (0.0, 3000.0, 1e3), (3000.0, 4000.0, np.inf)])
def test_a_bad_range_is_refused(arguments):
    with pytest.raises(ValueError, match="0 < low < high"):
        resampling(*arguments)
