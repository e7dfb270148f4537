"""Figures of correlation functions: what they show, and what they refuse."""

import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.observables.line_shape import line_shape
from dynamojax.plotting import plot_correlation, plot_residuals

V = np.linspace(-20, 20, 81)


def profile(centre=1.0):
    blend = 0.08 * np.exp(-0.5 * ((V - centre - 3) / 2) ** 2)
    return 3e-14 * (1 - 0.4 * np.exp(-0.5 * ((V - centre) / 3) ** 2) - blend)


@pytest.mark.slow
def test_a_correlation_with_its_bisector(tmp_path):
    shape = line_shape(jnp.asarray(V), jnp.asarray(profile()))
    figure = plot_correlation(V, profile(), shape)
    figure.savefig(tmp_path / "ccf.png")
    left, right = figure.axes
    labels = [text.get_text() for text in left.get_legend().get_texts()]
    assert labels == ["Gaussian", "correlation", "bisector"]
    np.testing.assert_allclose(left.lines[2].get_xdata(), shape.bisector)
    assert "m/s" in right.get_xlabel() and "span" in left.texts[0].get_text()


def test_a_correlation_without_bisector():
    edge = profile(18.0)
    shape = line_shape(jnp.asarray(V), jnp.asarray(edge))
    assert not bool(shape.bisector_valid)
    assert len(plot_correlation(V, edge, shape).axes[0].lines) == 2


def test_residuals_are_minus_the_mean_and_folded(tmp_path):
    times = np.array([0.0, 1.0, 2.0, 5.5])
    profiles = np.stack([profile(c) for c in (0.9, 1.0, 1.1, 1.0)])
    figure = plot_residuals(V, profiles, times, period=4.0)
    figure.savefig(tmp_path / "residuals.png")
    mesh = figure.axes[0].collections[0].get_array()
    np.testing.assert_allclose(np.asarray(mesh).reshape(4, -1).sum(axis=0), 0, atol=1e-9)
    assert figure.axes[0].get_ylabel() == "Phase"
    assert plot_residuals(V, profiles, times).axes[0].get_ylabel() == "Time [d]"


def test_what_is_refused():
    flat = line_shape(jnp.asarray(V), jnp.ones(V.size))
    with pytest.raises(ValueError, match="there is no line"):
        plot_correlation(V, np.ones(V.size), flat)
    with pytest.raises(ValueError, match="one profile is expected"):
        plot_correlation(V, np.ones((2, V.size)), flat)
    with pytest.raises(ValueError, match="two or more"):
        plot_residuals(V, np.ones((1, V.size)), [0.0])
