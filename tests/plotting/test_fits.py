"""Figures of a fit: drawn from its record alone, in their own style."""

import matplotlib as mpl
import numpy as np
import pytest

from dynamojax.plotting.fits import (
    plot_correlations,
    plot_fitted_light_curve,
    plot_fitted_spectrum,
    plot_posterior_corners,
    short_name,
)
from dynamojax.plotting.fitted_maps import plot_spot_map, plot_spotted_discs
from tests.files.fit_records import light_curve, parameter, record, spectrum, spot_map


def test_names_are_short():
    assert short_name("spots.lat_deg[1]") == "lat 1" and short_name("star.prot") == "prot"
    assert short_name("kepler.jitter") == "kepler jitter"


def test_data_are_drawn_beside_their_model():
    before = dict(mpl.rcParams)
    figure = plot_fitted_light_curve("kepler", light_curve())
    top, low = figure.axes
    points = next(line for line in top.lines if line.get_label() == "data")
    assert np.isnan(points.get_ydata()).sum() == 1 and "%" in top.get_ylabel()
    assert len(low.lines[0].get_xdata()) == 59
    figure = plot_fitted_spectrum("lamost", spectrum())
    # An arm is a line of its own: no line crosses the gap.
    assert len(figure.axes[0].lines) == 4
    assert dict(mpl.rcParams) == before


def test_corners_hold_what_can_be_read():
    assert len(plot_posterior_corners(record())) == 1
    rows = tuple(parameter(i % 5, name=f"spots.lat_deg[{i}]") for i in range(13))
    draws = np.random.default_rng(0).normal(size=(100, 13))
    figures = plot_posterior_corners(record(parameters=rows, draws=draws))
    assert [len(f.axes) for f in figures] == [49, 36]
    with pytest.raises(ValueError, match="no draws"):
        plot_posterior_corners(record(draws=None))
    with pytest.raises(ValueError, match="no draws"):
        plot_correlations(record(draws=None))


def test_correlations_and_maps(tmp_path):
    image = plot_correlations(record()).axes[0].images[0].get_array()
    assert image.shape == (5, 5) and np.allclose(np.diag(image), 1)
    figure = plot_spot_map(spot_map())
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), spot_map().mean)
    figure.savefig(tmp_path / "a.png")
    assert len(plot_spotted_discs(spot_map()).axes) == 10
    assert (tmp_path / "a.png").stat().st_size > 5000
