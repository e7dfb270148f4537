"""Unions of caps against the single cap, inclusion and exclusion, and brute force."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.surface.coverage import cap_moments, half_sines
from dynamojax.surface.overlap import touching, union_moments
from tests.oracles import union as oracle
from tests.surface.caps import EDGES, all_finite_at_edges, random_caps

PPM = np.pi * 1e-6
_UNION = jax.jit(union_moments, static_argnums=(2, 3))


def _union(centres, radii, n=4, n_neighbours=64):
    position = jnp.asarray(centres).T[:, :, None]
    moments, valid = _UNION(position, half_sines(jnp.asarray(radii))[:, None], n, n_neighbours)
    return moments[:, 0], valid[0]


@pytest.mark.parametrize("theta", [0, 40, 80, 88, 90, 95, 120, 180])
def test_one_cap_is_the_cap(x64, theta):
    t = np.deg2rad(theta)
    centre = np.array([[0.6 * np.sin(t), -0.8 * np.sin(t), np.cos(t)]])
    got, valid = _union(centre, [0.2])
    assert valid
    np.testing.assert_allclose(got, cap_moments(jnp.asarray(centre[0, 2]), jnp.asarray(0.2), 4), atol=1e-14)


def test_apart_they_add_inside_they_vanish_twins_count_once(x64):
    t = np.deg2rad([[0, 20, 70], [50, 20, -80], [0, 22, 70], [0, 20, 70]])
    centres = np.stack(
        [np.sin(t[:, 1]), np.cos(t[:, 1]) * np.sin(t[:, 2]), np.cos(t[:, 1]) * np.cos(t[:, 2])], 1
    )
    radii = np.array([0.3, 0.2, 0.1, 0.3])  # 2 lies inside 0, 3 is 0 again
    one = cap_moments(jnp.asarray(centres[:2, 2]), jnp.asarray(radii[:2]), 4)
    np.testing.assert_allclose(_union(centres, radii)[0], one.sum(axis=1), atol=1e-13)


def test_empty_places_add_nothing(x64):
    centres, radii = random_caps(6, 2)
    more = np.concatenate([centres, centres[:3]])
    got, _ = _union(more, np.concatenate([radii, np.zeros(3)]))
    np.testing.assert_allclose(got, _union(centres, radii)[0], atol=1e-14)


@pytest.mark.parametrize("n_caps", [2, 10, 60])
def test_against_brute_force(precision, n_caps):
    """Random caps, to 5 ppm: the oracle's own noise with 1.4 million cells is 2."""
    centres, radii = random_caps(n_caps, n_caps)
    centres, radii = centres.astype(precision), radii.astype(precision)
    got, valid = _union(centres, radii, 3)
    exact = oracle.union_moments(centres.astype(float), radii.astype(float), 3, n_cells=1200)
    assert valid
    np.testing.assert_allclose(got, exact, rtol=0, atol=5 * PPM)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_dense_maps_against_brute_force(precision, seed):
    """200 spots in nests over 20 % of the star, 4.2 million cells: 20 ppm asked, 3 kept (oracle 1)."""
    lat, lon, radius = oracle.dense_map(seed)
    centres = oracle.unit_vectors(lat, lon, 1.0, 0.4 * seed).astype(precision)
    radius = radius.astype(precision)
    got, valid = _union(centres, radius, 3)
    assert valid
    exact = oracle.union_moments(centres.astype(float), radius.astype(float), 3)
    np.testing.assert_allclose(got, exact, rtol=0, atol=3 * PPM)


@pytest.mark.slow
def test_single_precision_never_breaks_a_chain_of_arcs():
    """Many epochs of a dense map in float32 against float64 on the same numbers: 2 ppm at worst."""
    lat, lon, radius = oracle.dense_map(7, n_spots=120)
    centres = np.stack([oracle.unit_vectors(lat, lon, 1.1, p) for p in np.linspace(0, 6.28, 640)], axis=2)
    position = np.moveaxis(centres, 0, 1).astype("float32")
    half_sine = np.broadcast_to(np.sin(radius / 2)[:, None], position.shape[1:]).astype("float32")

    def moments(dtype):
        f = jax.jit(lambda p, w: union_moments(p, w, 3, 48))
        return f(jnp.asarray(position, dtype), jnp.asarray(half_sine, dtype))

    single, valid = moments("float32")
    with jax.enable_x64(True):
        double, _ = moments("float64")
    assert np.all(valid)
    assert np.abs(np.asarray(single, float) - np.asarray(double)).max() < 2 * PPM


def _moved(centres, radii):
    """Moments as a function of the caps' positions (normalised) and radii."""

    def f(v, r):
        v = v / jnp.linalg.norm(v, axis=1, keepdims=True)
        return union_moments(v.T[:, :, None], half_sines(r)[:, None], 4, 40)[0][:, 0]

    return f, (jnp.asarray(centres), jnp.asarray(radii))


@pytest.mark.parametrize("seed", range(3))
def test_gradients_against_finite_differences(x64, seed):
    f, args = _moved(*random_caps(12, seed, 0.15, 0.6))
    f = jax.jit(f)
    forward = jax.jit(jax.jacfwd(f, argnums=(0, 1)))(*args)
    backward = jax.jit(jax.jacrev(f, argnums=(0, 1)))(*args)
    step = 1e-6
    for i, (a, b) in enumerate(zip(forward, backward, strict=True)):
        np.testing.assert_allclose(a, b, atol=1e-13)
        for index in np.ndindex(args[i].shape):
            moved = [[*args] for _ in range(2)]
            for sign, m in zip((1, -1), moved, strict=True):
                m[i] = args[i].at[index].add(sign * step)
            slope = (f(*moved[0]) - f(*moved[1])) / (2 * step)
            # central differences of exact moments: rounding 1e-15 / 1e-6, and the curvature near vertices
            np.testing.assert_allclose(a[(..., *index)], slope, rtol=1e-6, atol=1e-8)


def test_gradients_are_finite_at_every_edge(precision):
    v, r = (jnp.asarray(q, precision) for q in zip(*EDGES.values(), strict=True))

    def f(v, r):
        return union_moments(v.T[:, :, None], half_sines(r)[:, None], 4, 2)[0][:, 0]

    for jacobian in (jax.jacfwd, jax.jacrev):
        all_finite_at_edges(jax.jit(jax.vmap(jacobian(f, argnums=(0, 1))))(v, r))


def test_too_many_neighbours_is_said_and_never_guessed(x64):
    centres, radii = random_caps(30, 5, 0.5, 0.8)
    needed = int(
        touching(jnp.asarray(centres).T[:, :, None], half_sines(jnp.asarray(radii))[:, None]).sum(1).max()
    )
    moments, valid = _union(centres, radii, n_neighbours=needed - 1)
    assert not valid and np.all(np.isnan(moments))
    moments, valid = _union(centres, radii, n_neighbours=needed)
    assert valid and np.all(np.isfinite(moments))
