"""Safe functions at their edges, fast functions against the library's in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dynamojax import numerics

# Rounding of a polynomial of order one in each precision.
TOLERANCE = {"float32": 6e-7, "float64": 2e-15}


@pytest.mark.parametrize(
    ("function", "x", "value"),
    [
        (numerics.safe_sqrt, 0.0, 0.0),
        (numerics.safe_sqrt, -1.0, 0.0),
        (lambda b: numerics.safe_divide(jnp.ones_like(b), b), 0.0, 0.0),
    ],
)
def test_safe_functions_have_finite_value_and_zero_slope_at_the_edge(function, x, value):
    got, slope = jax.value_and_grad(function)(jnp.asarray(x))
    assert got == pytest.approx(value)
    assert slope == 0


@pytest.mark.parametrize("name", ["cos", "sin"])
def test_trigonometry_in_turns(precision, name):
    x = np.linspace(-0.5, 0.5, 20001).astype(precision)
    got = getattr(numerics, f"{name}_turns")(jnp.asarray(x))
    assert got.dtype == precision
    exact = getattr(np, name)(2 * np.pi * x.astype(float))
    np.testing.assert_allclose(got, exact, atol=TOLERANCE[precision])


def test_trigonometry_gradients(x64):
    for x in (-0.5, -0.1, 0.0, 0.3, 0.5):
        for f in (numerics.cos_turns, numerics.sin_turns):
            check_grads(lambda v, f=f: f(jnp.asarray(v)), (jnp.asarray(x),), order=2, modes=("fwd", "rev"))


def test_angles(precision):
    exact = np.linspace(-np.pi, np.pi, 20001)[1:-1]
    y, x = np.sin(exact).astype(precision), np.cos(exact).astype(precision)
    exact = np.arctan2(y.astype(float), x.astype(float))
    np.testing.assert_allclose(
        numerics.full_angle(jnp.asarray(y), jnp.asarray(x)), exact, atol=TOLERANCE[precision]
    )
    np.testing.assert_allclose(
        numerics.upper_angle(jnp.abs(jnp.asarray(y)), jnp.asarray(x)),
        np.abs(exact),
        atol=TOLERANCE[precision],
    )
    assert numerics.upper_angle(jnp.zeros(()), jnp.zeros(())) == 0


@pytest.mark.parametrize("period", [0.1, 0.557, 0.7131, 1.0, 25.38])
def test_turns_keep_phase_over_decades(precision, period):
    """44 years in float32: the phase is right to 2e-5 turns for the rounded inputs it is given."""
    times = np.linspace(0, 16_383.9, 5001)
    day = np.floor(times)
    fraction = (times - day).astype(precision)
    frequency = np.asarray(1 / period, precision)
    got = numerics.turns(jnp.asarray(day, precision), jnp.asarray(fraction), jnp.asarray(frequency))
    exact = (day + fraction.astype(float)) * float(frequency)
    error = np.asarray(got, float) - exact
    # float64: the oracle's own product of 1e5 turns rounds at 1e-11.
    assert np.abs(error - np.round(error)).max() < {"float32": 2e-5, "float64": 3e-11}[precision]


def test_turns_gradient_is_the_time(x64):
    slope = jax.grad(lambda f: numerics.turns(jnp.asarray(100.0), jnp.asarray(0.3), f))(jnp.asarray(0.37))
    assert slope == pytest.approx(100.3, rel=1e-14)


def test_split_float_is_exact(precision):
    x = jnp.asarray(np.random.default_rng(0).normal(size=1000), precision)
    high, low = numerics.split_float(x, 10)
    np.testing.assert_array_equal(high + low, x)
    np.testing.assert_array_equal(jax.grad(lambda v: numerics.split_float(v, 10)[0].sum())(x), 0)


def test_streams_differ_by_name_and_key():
    key = jax.random.key(0)
    draws = {
        float(jax.random.uniform(numerics.stream(k, n))) for k in jax.random.split(key) for n in ("a", "b")
    }
    assert len(draws) == 4


def test_gauss_legendre_integrates_polynomials():
    x, w = numerics.gauss_legendre(4, 1.0, 3.0)
    assert np.sum(w * x**7) == pytest.approx((3**8 - 1) / 8, rel=1e-14)
