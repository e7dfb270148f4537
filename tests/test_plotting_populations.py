"""Plots of populations: what they show is what was given, and bad columns are said to be so."""

import jax
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.plotting import plot_beside_catalogue, plot_corner, plot_distributions
from dynamojax.plotting.populations import axis_label, columns
from dynamojax.population.sampling import sample_population

NAMES = ("teff", "prot", "sph")


@pytest.fixture(scope="module")
def sample():
    return sample_population(jax.random.key(2), 64, dj.Prior.kepler(n_spots=80))


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    return {
        "teff": rng.uniform(4000, 6000, 300),
        "prot": 10 ** rng.uniform(0, 1.7, 300),
        "sph": 10 ** rng.normal(3, 0.4, 300),
    }


@pytest.mark.slow
def test_columns_are_the_valid_stars(sample):
    table = columns(sample, NAMES)
    assert list(table) == list(NAMES)
    valid = np.asarray(sample.valid)
    np.testing.assert_array_equal(table["prot"], np.asarray(sample.system.star.prot, float)[valid])


@pytest.mark.slow
def test_unknown_columns(sample):
    with pytest.raises(ValueError, match="warmth"):
        columns(sample, ("teff", "warmth"))


def test_corner_has_every_pair_once(table, tmp_path):
    figure = plot_corner({"one": table, "two": {k: 1.1 * v for k, v in table.items()}})
    shown = [a for a in figure.axes if a.axison]
    assert len(shown) == 6
    labels = {a.get_xlabel() for a in shown} - {""}
    assert labels == {"teff [K]", "log prot [d]", "log sph [ppm]"}
    figure.savefig(tmp_path / "corner.png")
    assert (tmp_path / "corner.png").stat().st_size > 10_000


def test_histograms_hold_all_stars(table):
    figure = plot_distributions({"one": table}, bins=10)
    panel = next(a for a in figure.axes if a.get_xlabel() == "log prot [d]")
    (outline,) = panel.patches
    xy = outline.get_xy()
    area = abs(np.sum(np.diff(xy[:, 0]) * xy[1:, 1]))
    assert area == pytest.approx(1.0, rel=1e-6)  # a density


def test_columns_must_be_common(table):
    with pytest.raises(ValueError, match="all with the same"):
        plot_corner({"one": table, "two": {"teff": table["teff"]}})
    with pytest.raises(ValueError, match="at least one"):
        plot_distributions({})


def test_catalogue_and_drawn_stand_in_their_own_bins(table):
    figure = plot_beside_catalogue(table, table, [4000.0, 5000.0, 6000.0])
    low = [a for a in figure.axes if a.get_xlabel() == "Period [d]"]
    assert len(low) == 2
    inside = [len(a.lines[0].get_xdata()) for a in low]
    assert sum(inside) == 300
    assert inside[0] == np.sum(table["teff"] < 5000.0)


def test_units_on_axes():
    assert axis_label("mass") == r"mass [M$_\odot$]"
    assert axis_label("rossby") == "rossby"
