"""Quintic splines against SciPy, and the waves they keep."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dynamojax.splines import SPLINE_REACH, interpolation_filter, quintic

interpolate = pytest.importorskip("scipy.interpolate")


def test_values_against_scipy(precision):
    t = np.linspace(-3.5, 3.5, 701)
    exact = interpolate.BSpline.basis_element(np.arange(-3.0, 4.0), extrapolate=False)(t)
    # Rounding of (3 - a)^5 / 120, at most 2 in size.
    tolerance = 10 * float(jnp.finfo(jnp.asarray(0.0).dtype).eps)
    np.testing.assert_allclose(quintic(jnp.asarray(t)), np.where(np.isnan(exact), 0, exact), atol=tolerance)


@pytest.mark.parametrize("offset", [0.0, 0.3, 0.5])
def test_weights_of_a_shift_sum_to_one(x64, offset):
    assert float(jnp.sum(quintic(jnp.arange(-4.0, 5.0) + offset))) == pytest.approx(1, abs=1e-14)


def test_filter_and_spline_interpolate_between_samples(x64):
    rng = np.random.default_rng(1)
    p, samples = interpolation_filter(), rng.normal(size=200)
    coefficients = np.convolve(samples, p, mode="same")
    at = np.arange(60, 140) + rng.uniform(0, 1, 80)
    ours = [float(np.sum(coefficients * _quintic(x - np.arange(200)))) for x in at]
    exact = interpolate.make_interp_spline(np.arange(200), samples, k=5)(at)
    np.testing.assert_allclose(ours, exact, atol=1e-7)  # ends of the two splines differ, and die out


def _quintic(t):
    return np.asarray(quintic(jnp.asarray(t)), float)


@pytest.mark.parametrize(("frequency", "error"), [(0.1, 6e-6), (0.13, 3e-5), (0.2, 6e-4), (0.3, 2e-2)])
def test_waves_are_kept_as_the_docstring_says(x64, frequency, error):
    k = np.arange(-40, 41)
    coefficients = np.convolve(np.exp(2j * np.pi * frequency * k), interpolation_filter(), mode="same")
    x = np.linspace(-0.5, 0.5, 11)
    got = [np.sum(coefficients * _quintic(x0 - k)) for x0 in x]
    worst = np.abs(got - np.exp(2j * np.pi * frequency * x)).max()
    assert error / 3 < worst < error


def test_gradients(x64):
    check_grads(
        lambda t: quintic(jnp.asarray(t)), (jnp.linspace(-3.2, 3.2, 13),), order=2, rtol=1e-6, atol=1e-6
    )
    edges = jnp.asarray([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
    assert jnp.all(jnp.isfinite(jax.vmap(jax.grad(quintic))(edges)))
    assert float(quintic(jnp.asarray(float(SPLINE_REACH)))) == 0
