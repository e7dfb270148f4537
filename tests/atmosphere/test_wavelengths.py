import numpy as np
import pytest

from dynamojax.atmosphere.wavelengths import LogAxis


def test_axis_is_even_in_the_logarithm():
    axis = LogAxis.from_range(3650.0, 9150.0, 12000.0)
    w = axis.wavelength
    assert w[0] == pytest.approx(3650.0) and 9150.0 <= w[-1] < 9150.0 * (1 + 1 / 12000)
    np.testing.assert_allclose(w[:-1] / np.diff(w), 12000.0, rtol=1e-4)
    assert axis.ends == pytest.approx((w[0], w[-1]))
    assert axis.sampling == pytest.approx(12000.0)


def test_parts_of_an_axis():
    axis = LogAxis.from_range(4000.0, 5000.0, 1000.0)
    start, stop = axis.covering(4200.0, 4300.0)
    part = axis.part(start, stop)
    np.testing.assert_allclose(part.wavelength, axis.wavelength[start:stop], rtol=1e-13)
    assert part.wavelength[0] <= 4200.0 < part.wavelength[1]
    assert part.wavelength[-2] < 4300.0 <= part.wavelength[-1]
    assert axis.covering(*axis.ends) == (0, axis.n)
    np.testing.assert_allclose(axis.part(3, 20, 4).wavelength, axis.wavelength[3:20:4], rtol=1e-13)


@pytest.mark.parametrize("bad", [(np.nan, 1e-4, 10), (8.0, 0.0, 10), (8.0, 2.0, 10), (8.0, 1e-4, 1)])
def test_impossible_axes(bad):
    with pytest.raises(ValueError, match="must be finite"):
        LogAxis(*bad)


def test_impossible_ranges():
    with pytest.raises(ValueError, match="low = 5000"):
        LogAxis.from_range(5000.0, 4000.0, 1000.0)
