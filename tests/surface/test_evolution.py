"""Laws of growth and decay against their definitions, and at their edges."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.surface.evolution import LAWS, facula_half_sine, spot_radii

DEFINITIONS = {
    "constant": lambda u: float(abs(u) <= 1),
    "linear": lambda u: max(1 - abs(u), 0),
    "quadratic": lambda u: max(1 - u**2, 0),
    "gaussian": lambda u: np.exp(-(u**2)),
}


@pytest.mark.parametrize("law", LAWS)
def test_laws(x64, law):
    spots = dj.SpotMap.from_degrees(0, 0, 5, t_max=10.5, tau_emerge=2, tau_decay=8)
    times = np.linspace(0, 30, 61)
    got = spot_radii(spots, dj.Epochs.from_days(times), law)[0]
    exact = [np.deg2rad(5) * DEFINITIONS[law]((t - 10.5) / (2 if t < 10.5 else 8)) for t in times]
    np.testing.assert_allclose(got, exact, atol=1e-15)


@pytest.mark.parametrize("law", LAWS)
def test_infinite_times_never_change_and_have_finite_gradients(law):
    spots = dj.SpotMap.from_degrees(0, 0, 5)
    epochs = dj.Epochs.from_days([-1000.0, 0.0, 1000.0])
    np.testing.assert_allclose(spot_radii(spots, epochs, law)[0], np.deg2rad(5), rtol=1e-6)
    slopes = jax.grad(lambda s: jnp.sum(spot_radii(s, epochs, law)))(spots)
    assert all(jnp.all(jnp.isfinite(s)) for s in jax.tree.leaves(slopes))


def test_faculae_are_nan_beyond_a_hemisphere_and_flat_at_zero():
    assert jnp.isnan(facula_half_sine(jnp.asarray(0.5), jnp.asarray(3.0)))
    value, slope = jax.value_and_grad(facula_half_sine)(jnp.asarray(0.0), jnp.asarray(3.0))
    assert value == 0 and slope == 0
