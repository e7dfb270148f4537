"""Maps between the real line and bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from dynamojax.inference.transforms import Bounds

LOW, HIGH = [0.0, -np.inf, 2.0, -np.inf], [1.0, 3.0, np.inf, np.inf]


@settings(deadline=None)  # the first example compiles
@given(free=st.lists(st.floats(-15, 15), min_size=4, max_size=4))
def test_a_point_of_the_line_comes_back(free):
    with jax.enable_x64(True):
        bounds = Bounds.of(LOW, HIGH)
        value = bounds.inside(jnp.array(free))
        assert bounds.is_strictly_inside(value).all()
        # 1 - sigmoid(15) = 3e-7 keeps 9 digits of 16.
        np.testing.assert_allclose(bounds.outside(value), free, atol=1e-8)


def test_slope_is_that_of_the_map(x64):
    bounds, free = Bounds.of(LOW, HIGH), jnp.array([0.3, -1.2, 2.0, 0.7])
    slope = jnp.diagonal(jax.jacfwd(bounds.inside)(free))
    np.testing.assert_allclose(jnp.exp(bounds.log_slope(free)), slope, rtol=1e-12)
    check_grads(lambda z: bounds.log_slope(jnp.asarray(z)), (free,), order=1, modes=("fwd", "rev"))


def test_far_out_nothing_is_nan(precision):
    bounds = Bounds.of(LOW, HIGH)
    slope = jax.jacrev(bounds.inside)(jnp.full(4, -80.0))
    assert np.isfinite(slope).all() and bounds.inside(jnp.zeros(4)).dtype == precision


def test_an_empty_interval_is_refused():
    with pytest.raises(ValueError, match="low = 2 must be below high = 1"):
        Bounds.of([2.0], [1.0])
