"""Velocity moments of caps against quadrature over rings, nodes of the disc, and finite differences."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from benchmarks.velocity_quadrature import harmonics, turning_moments
from dynamojax.surface.coverage import cap_moments, half_sines
from dynamojax.surface.moments import SurfaceConfig, surface_moments
from dynamojax.surface.nodes import cap_nodes
from dynamojax.surface.velocity_moments import sum_of_velocity_moments, velocity_moments

N = 4
ANGLES = (0.0, 0.001, 5, 30, 60, 80, 88, 89.9, 90, 90.1, 92, 100, 120, 170, 180)
RADII = (0.05, 2, 8, 30, 85, 90)


def _star(**changes):
    return dj.Star.from_degrees(**{"prot": 7, "inc_deg": 65, "shear": 0.3} | changes)


def _one_by_one(star, lat, position, radius, n=N):
    """V_k and M_k of caps apart, (n, n_caps)."""

    def one(lat, x, mu0, w):
        light, moving = sum_of_velocity_moments(star, lat[None], x[None, None], mu0[None, None], w, n + 2, n)
        return moving[:, 0], light[:, 0]

    w = half_sines(jnp.asarray(radius))[:, None, None]
    return (q.T for q in jax.jit(jax.vmap(one))(jnp.asarray(lat), *map(jnp.asarray, position[::2]), w))


def _placed(star, lat_deg, lon_deg):
    """Latitudes and unit vectors of points of the surface at t = 0."""
    lat, lon = (np.deg2rad(np.asarray(q, float)) for q in (lat_deg, lon_deg))
    inc = float(star.inc)
    along = np.cos(lat) * np.cos(lon)
    y, z = np.sin(lat) * np.sin(inc) - along * np.cos(inc), np.sin(lat) * np.cos(inc) + along * np.sin(inc)
    return lat, np.stack([np.cos(lat) * np.sin(lon), y, z])


@pytest.mark.parametrize("radius", RADII)
def test_solid_rotation_against_quadrature(precision, radius):
    """Of the cap's own area 1e-9 in float64; in float32 rounding, more of it for hemispheres."""
    tolerance = 1e-9 if precision == "float64" else 3e-6 if radius < 85 else 3e-5
    tangencies = (90 - radius, 90 + radius, 90 - radius + 1e-4, 90 + radius - 1e-4)
    theta = np.deg2rad((*ANGLES, *tangencies))
    mu0, x = np.cos(theta).astype(precision), (0.6 * np.sin(theta)).astype(precision)
    r = np.full_like(mu0, np.deg2rad(radius))
    moving, light = _one_by_one(_star(shear=0.0), 0 * mu0, (x, None, mu0), r)
    assert moving.dtype == precision
    angle = np.arctan2(x.astype(float) / 0.6, mu0.astype(float))
    exact = 0.6 * harmonics(angle, r.astype(float), 1, range(1, N + 1))
    area = 2 * np.pi * (1 - np.cos(np.deg2rad(radius)))
    np.testing.assert_allclose(moving, exact, rtol=0, atol=tolerance * area)
    alone = cap_moments(jnp.asarray(mu0), jnp.asarray(r), N + 2)
    np.testing.assert_allclose(light, alone, rtol=0, atol=tolerance * area + np.finfo(precision).eps)


@pytest.mark.parametrize("radius", (2, 10, 40, 88))
def test_differential_rotation_against_quadrature(precision, radius):
    """Of the largest moment, 1e-9 in float64; a rate taken at the centres errs a thousand times more."""
    tolerance = 1e-9 if precision == "float64" else 3e-6 if radius < 85 else 3e-5
    star = _star(shear=0.4)
    lat, position = _placed(star, *np.meshgrid((-90, -30, 0, 20, 50, 75), np.arange(-180, 180, 10)))
    lat, position = lat.ravel().astype(precision), position.reshape(3, -1).astype(precision)
    r = np.full(lat.shape, np.deg2rad(radius), precision)
    got, _ = _one_by_one(star, lat, position, r)
    exact = turning_moments(position, r.astype(float), 0.4, float(star.inc), N)
    solid, _ = _one_by_one(_star(shear=0.0), lat, position, r)
    scale = np.max(np.abs(exact), axis=1, keepdims=True)
    error = np.max(np.abs(got - exact) / scale)
    assert error < tolerance
    if radius < 85 and precision == "float64":
        assert np.max(np.abs(solid * (1 - 0.4 * np.sin(lat) ** 2) - exact) / scale) > 1e3 * error


def test_against_nodes_of_the_disc(x64):
    star = _star(shear=0.0)
    lat, position = _placed(star, [10, -40, 70, 5], [20, 80, 0, -50])
    r = np.deg2rad([5.0, 20.0, 3.0, 40.0])
    nodes, weight = cap_nodes(jnp.asarray(position), half_sines(jnp.asarray(r)), 48, 48)
    got, _ = _one_by_one(star, lat, position, r)
    brute = [np.sum(weight * nodes[0] * nodes[2] ** k, axis=-1) for k in range(1, N + 1)]
    np.testing.assert_allclose(got, brute, rtol=1e-6, atol=2e-6)  # the nodes' own error where a rim crosses


def _summed(star, lat, x, mu0, radius):
    return sum_of_velocity_moments(star, lat, x, mu0, half_sines(radius), N + 2, N)


def test_derivatives_against_differences(x64):
    """Centres at the disc's middle and limb, before and behind it; rims that cross and that do not."""
    lat, position = _placed(_star(), [25, 25, -30, 25.01, 0, 60], [0, 70, 95, 180, -88, 30])
    args = (_star(), *map(jnp.asarray, (lat, position[0][:, None], position[2][:, None])))
    args = (*args, jnp.asarray([[0.1], [0.3], [0.2], [0.5], [1.2], [0.05]]))
    leaves, tree = jax.tree.flatten(args)
    each = jax.random.split(jax.random.key(0), len(leaves))
    ways = [jax.random.normal(k, q.shape, q.dtype) for k, q in zip(each, leaves, strict=True)]
    way, step = jax.tree.unflatten(tree, ways), 1e-5
    summed = jax.jit(lambda h: _summed(*jax.tree.map(lambda a, b: a + h * b, args, way)))
    ends = [summed(h * step) for h in (-2.0, -1.0, 1.0, 2.0)]
    got = jax.jit(lambda: jax.jvp(_summed, args, way)[1])()
    slope = jax.tree.map(lambda a, b, c, d: (a - 8 * b + 8 * c - d) / (12 * step), *ends)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(slope), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)
    weights = jax.tree.map(lambda q: jnp.cos(jnp.arange(q.size, dtype=q.dtype)).reshape(q.shape), got)
    pulled = jax.jit(lambda: jax.vjp(_summed, *args)[1](weights))()
    forward = sum(jnp.sum(a * b) for a, b in zip(jax.tree.leaves(weights), jax.tree.leaves(got), strict=True))
    reverse = sum(jnp.sum(a * b) for a, b in zip(jax.tree.leaves(pulled), jax.tree.leaves(way), strict=True))
    assert float(reverse) == pytest.approx(float(forward), rel=1e-10)


def test_derivatives_are_finite_at_every_edge(precision):
    """Disc's centre, limb, tangency, radius 0, hemisphere, pole-on, in both precisions."""
    theta = np.deg2rad([0, 0, 0, 90, 85, 95, 90, 180, 40, 90])[:, None]
    radius = np.deg2rad([5, 90, 0, 5, 5, 5, 90, 5, 0, 0])[:, None]
    x, mu0 = (np.asarray(q, precision) for q in (np.sin(theta), np.cos(theta)))
    lat = np.linspace(-np.pi / 2, np.pi / 2, len(theta)).astype(precision)
    args = (_star(inc_deg=0), *map(jnp.asarray, (lat, x, mu0, radius.astype(precision))))
    values, pull = jax.vjp(_summed, *args)
    slopes = pull(jax.tree.map(jnp.ones_like, values))
    assert all(bool(jnp.all(jnp.isfinite(q))) for q in jax.tree.leaves((values, slopes)))
    assert np.all(slopes[4][radius == 0] == 0), "empty places have no derivative"


def _spots():
    return dj.SpotMap.from_degrees(
        [10, -20, 40, 0], [0, 90, 200, 10], [6, 4, 9, 0], t_max=[3, 6, 1, 0], tau_emerge=4, tau_decay=9
    )


def test_light_is_that_of_the_light_curve(x64):
    star, epochs = _star(facula_ratio=3.0), dj.Epochs.from_days(np.arange(40) / 4)
    config = SurfaceConfig(faculae=True)
    got = velocity_moments(star, _spots(), epochs, config, 3, 5)
    alone = surface_moments(star, _spots(), epochs, config, 5)
    for a, b in zip(jax.tree.leaves(got.light), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-14)
    steps = velocity_moments(star, _spots(), epochs, dataclasses.replace(config, times_per_step=16), 3, 5)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(steps), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-14)


def test_no_spots_move_nothing(x64):
    epochs = dj.Epochs.from_days([0.0, 1.0])
    for spots in (dj.SpotMap.empty(0), dj.SpotMap.empty(3)):
        got = velocity_moments(_star(), spots, epochs, SurfaceConfig(), 2, 3)
        assert got.spot.shape == (2, 2) and not np.any(got.spot) and not np.any(got.light.spot)


def test_what_is_not_at_hand_is_said():
    epochs = dj.Epochs.from_days([0.0])
    with pytest.raises(ValueError, match="n_light = 2 must be more than n = 2"):
        velocity_moments(_star(), _spots(), epochs, SurfaceConfig(), 2, 2)
