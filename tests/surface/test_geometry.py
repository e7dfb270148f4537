"""Frames: a rotation matrix in NumPy, and the signs of the conventions."""

import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.surface.geometry import cos_view_angle, rotation_frequency, sky_positions


def _oracle(lat, lon, inc, prot, shear, t):
    """Turn the point about the pole, then tip the pole from the line of sight by the inclination."""
    phase = lon + 2 * np.pi * t / prot * (1 - shear * np.sin(lat) ** 2)
    pole, meridian, east = np.sin(lat), np.cos(lat) * np.cos(phase), np.cos(lat) * np.sin(phase)
    tip = np.pi / 2 - inc
    y = pole * np.cos(tip) - meridian * np.sin(tip)
    z = pole * np.sin(tip) + meridian * np.cos(tip)
    return np.array([east, y, z])


@pytest.mark.parametrize("inc_deg", [0, 30, 90, 120, 180])
def test_positions_against_rotation(x64, inc_deg):
    star = dj.Star.from_degrees(prot=9.0, shear=0.3, inc_deg=inc_deg)
    lat, lon = jnp.asarray([0.0, 0.7, -1.2, np.pi / 2]), jnp.asarray([0.0, 2.0, -3.0, 1.0])
    times = np.array([0.0, 1.3, 700.25])
    epochs = dj.Epochs.from_days(times)
    got = sky_positions(star, lat, lon, epochs)
    exact = _oracle(np.asarray(lat)[:, None], np.asarray(lon)[:, None], np.deg2rad(inc_deg), 9.0, 0.3, times)
    np.testing.assert_allclose(got, exact, atol=1e-12)
    np.testing.assert_allclose(cos_view_angle(star, lat, lon, epochs), exact[2], atol=1e-12)


def test_conventions(x64):
    star = dj.Star.from_degrees(prot=4.0, shear=0.5, inc_deg=90)
    at = sky_positions(star, jnp.zeros(1), jnp.zeros(1), dj.Epochs.from_days([0.0, 1.0]))[:, 0]
    np.testing.assert_allclose(at[:, 0], [0, 0, 1], atol=1e-15)  # longitude 0 faces us at t = 0
    np.testing.assert_allclose(at[:, 1], [1, 0, 0], atol=1e-15)  # and stands on the receding limb later
    north = sky_positions(star, jnp.full(1, np.pi / 2), jnp.zeros(1), dj.Epochs.from_days([0.0]))[:, 0, 0]
    np.testing.assert_allclose(north, [0, 1, 0], atol=1e-15)
    assert rotation_frequency(star, jnp.asarray(np.pi / 2)) == pytest.approx(0.5 / 4)
