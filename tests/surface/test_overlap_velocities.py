"""Rotation of unions of caps against quadrature over rings, single caps, and finite differences."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.surface.coverage import half_sines
from dynamojax.surface.moments import SurfaceConfig, surface_moments
from dynamojax.surface.overlap_velocities import union_of_velocity_moments
from dynamojax.surface.velocity_moments import velocity_moments
from tests.oracles import union as dense
from tests.oracles.union_velocities import union_velocity_moments
from tests.surface.caps import EDGES, all_finite_at_edges, random_caps

N = 4
_UNION = jax.jit(union_of_velocity_moments, static_argnums=(3, 4, 5))


def _star(**changes):
    return dj.Star.from_degrees(**{"prot": 7, "inc_deg": 65, "shear": 0.3} | changes)


def _union(star, centres, radii, room=64):
    position = jnp.asarray(centres).T[:, :, None]
    light, moving, valid = _UNION(star, position, half_sines(jnp.asarray(radii))[:, None], N + 2, N, room)
    return light[:, 0], moving[:, 0], bool(valid[0])


@pytest.mark.parametrize(("inc_deg", "shear"), [(90, 0.0), (65, 0.4), (0, 0.3)])
@pytest.mark.parametrize("n_caps", [1, 2, 14, 40])
def test_against_quadrature(precision, n_caps, inc_deg, shear):
    """Overlapping caps on both sides of the limb: the oracle's 1e-9, or rounding of many arcs' ends."""
    centres, radii = random_caps(n_caps, n_caps)
    centres, radii = centres.astype(precision), radii.astype(precision)
    light, moving, valid = _union(_star(inc_deg=inc_deg, shear=shear), centres, radii)
    exact = union_velocity_moments(
        centres.astype(float), radii.astype(float), shear, np.deg2rad(inc_deg), N + 2
    )
    tolerance = 1e-9 if precision == "float64" else 3e-6
    assert valid and moving.dtype == precision
    np.testing.assert_allclose(light, exact[0], rtol=0, atol=tolerance)
    np.testing.assert_allclose(moving, exact[1][:N], rtol=0, atol=tolerance)


@pytest.mark.slow
def test_dense_map_against_quadrature(x64):
    """120 spots in nests over a fifth of the star."""
    lat, lon, radius = dense.dense_map(3, n_spots=120)
    centres = dense.unit_vectors(lat, lon, 1.1, 0.3)
    light, moving, valid = _union(_star(inc_deg=np.rad2deg(1.1)), centres, radius)
    exact = union_velocity_moments(centres, radius, 0.3, 1.1, N + 2)
    assert valid
    np.testing.assert_allclose(light, exact[0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(moving, exact[1][:N], rtol=0, atol=1e-9)


def _scattered(seed, n):
    rng = np.random.default_rng(seed)
    lat, lon = np.rad2deg(np.arcsin(rng.uniform(-0.9, 0.9, n))), rng.uniform(0, 360, n)
    return dj.SpotMap.from_degrees(lat, lon, rng.uniform(4, 14, n), t_max=2, tau_emerge=4, tau_decay=9)


@pytest.mark.slow
@pytest.mark.parametrize("faculae", [False, True])
def test_spots_apart_are_their_sum_and_light_is_that_of_the_light_curve(x64, faculae):
    star, epochs = _star(facula_ratio=1.0), dj.Epochs.from_days(np.arange(20) / 3)
    config = SurfaceConfig(faculae=faculae, overlap="exact")
    apart = dj.SpotMap.from_degrees([10, -20, 40, 0], [0, 90, 200, 10], [6, 4, 9, 0], t_max=3, tau_decay=9)
    both = [
        velocity_moments(star, apart, epochs, dataclasses.replace(config, overlap=way), 3, 5)
        for way in ("exact", "sum")
    ]
    for a, b in zip(*map(jax.tree.leaves, both), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)
    crowd = _scattered(1, 30)
    got = velocity_moments(star, crowd, epochs, config, 3, 5)
    alone = surface_moments(star, crowd, epochs, config, 5)
    for a, b in zip(jax.tree.leaves(got.light), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)
    summed = velocity_moments(star, crowd, epochs, dataclasses.replace(config, overlap="sum"), 3, 5)
    assert float(jnp.max(jnp.abs(summed.spot - got.spot))) > 1e-2, "they do overlap"


def _moved(star, centres, radii):
    def f(star, v, r):
        v = v / jnp.linalg.norm(v, axis=1, keepdims=True)
        light, moving, _ = union_of_velocity_moments(
            star, v.T[:, :, None], half_sines(r)[:, None], N + 2, N, 40
        )
        return jnp.concatenate([light[:, 0], moving[:, 0]])

    return f, (star, jnp.asarray(centres), jnp.asarray(radii))


@pytest.mark.parametrize("seed", [0, *(pytest.param(i, marks=pytest.mark.slow) for i in (1, 2))])
def test_gradients_against_differences(x64, seed):
    """Positions, radii, inclination and shear; triple overlaps and rims across the limb among them."""
    f, args = _moved(_star(), *random_caps(12, seed, 0.15, 0.6))
    leaves, tree = jax.tree.flatten(args)
    forward = jax.jit(lambda w: jax.jvp(f, args, w)[1])
    value, pull = jax.vjp(f, *args)
    f, step = jax.jit(f), 1e-6
    for k in range(6):
        keys = jax.random.split(jax.random.key(k), len(leaves))
        way = jax.tree.unflatten(
            tree, [jax.random.normal(q, x.shape, x.dtype) for q, x in zip(keys, leaves, strict=True)]
        )
        ends = [f(*jax.tree.map(lambda a, b, h=h: a + h * b, args, way)) for h in (step, -step)]
        slope = forward(way)
        # central differences of exact moments: rounding 1e-15 / 1e-6, and the curvature near vertices
        np.testing.assert_allclose(slope, (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-8)
        weights = jnp.cos(jnp.arange(value.size) + k)
        pulled = sum(
            jnp.sum(a * b) for a, b in zip(jax.tree.leaves(pull(weights)), jax.tree.leaves(way), strict=True)
        )
        assert float(pulled) == pytest.approx(float(jnp.sum(weights * slope)), rel=1e-10, abs=1e-12)


def test_gradients_are_finite_at_every_edge(precision):
    star, (centres, radii) = (
        _star(inc_deg=0),
        (np.asarray(q, precision) for q in zip(*EDGES.values(), strict=True)),
    )
    f, args = _moved(star, centres, radii)
    all_finite_at_edges(jax.jit(jax.vmap(jax.jacrev(f, argnums=(0, 1, 2)), (None, 0, 0)))(*args))


def test_too_many_neighbours_is_said_and_never_guessed(x64):
    centres, radii = random_caps(30, 5, 0.5, 0.8)
    light, moving, valid = _union(_star(), centres, radii, room=3)
    assert not valid and np.all(np.isnan(moving)) and np.all(np.isnan(light))
