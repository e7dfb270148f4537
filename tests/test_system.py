"""Parameter modules: leaves, shapes, padding, units."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj


def test_leaves_are_float_arrays_of_the_default_dtype(precision):
    star = dj.Star.from_degrees(teff=5000, inc_deg=90)
    assert all(leaf.dtype == precision for leaf in jax.tree.leaves(star))
    assert star.inc == pytest.approx(np.pi / 2)


def test_ints_floats_and_numpy_scalars_share_one_trace():
    @jax.jit
    @eqx.debug.assert_max_traces(max_traces=1)
    def teff(star):
        return star.teff

    for value in (5000, 5000.0, np.float64(5000), np.float32(5000)):
        teff(dj.Star.from_degrees(teff=value))


def test_mixed_shapes_are_refused():
    with pytest.raises(ValueError, match="one common shape"):
        dj.SpotMap(jnp.zeros(3), jnp.zeros(2), jnp.zeros(3), jnp.zeros(3), jnp.ones(3), jnp.ones(3))


def test_padding_adds_empty_places_and_refuses_to_cut():
    spots = dj.SpotMap.from_degrees([10, 20], 0, [3, 4])
    padded = spots.padded(5)
    assert padded.n_spots == 5
    np.testing.assert_array_equal(padded.radius[2:], 0)
    np.testing.assert_allclose(padded.lat[:2], np.deg2rad([10, 20]), rtol=1e-6)
    with pytest.raises(ValueError, match="n_spots = 1"):
        spots.padded(1)


def test_population_pads_and_takes_apart():
    spots = jax.vmap(lambda lat: dj.SpotMap.from_degrees(lat, 0.0, 3.0))(jnp.arange(4.0))
    assert spots.padded(3).lat.shape == (4, 3)
    assert jax.vmap(lambda s: s.lat)(spots).shape == (4, 1)


def test_planet_units():
    planets = dj.Planets.from_degrees(radius_earth=10.9733, star_radius=1.0, period=3.0, mass_earth=317.83)
    # Jupiter: 0.1028 R_sun (equatorial, nominal) and 9.546e-4 M_sun
    assert planets.radius_ratio[0] == pytest.approx(0.1006, abs=1e-4)
    assert planets.mass[0] == pytest.approx(9.546e-4, rel=1e-3)


def test_epochs_keep_milliseconds_in_single_precision():
    times = 1470.123456789 + np.arange(3) / 48
    epochs = dj.Epochs.from_days(times)
    error = np.asarray(epochs.day, float) + np.asarray(epochs.fraction, float) - times
    assert np.abs(error).max() * 86400 < 0.006
