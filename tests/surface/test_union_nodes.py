"""Nodes of overlapping caps against slices of the disc, the closed form, differences, and at every edge."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.surface.coverage import half_sines
from dynamojax.surface.nodes import cap_nodes
from dynamojax.surface.overlap import union_moments
from dynamojax.surface.union_nodes import union_nodes
from tests.oracles.union_velocities import union_velocity_moments

SHEAR, INC = 0.3, 1.2
# Angles from the line of sight, azimuths and radii. [deg]
UNIONS = {
    "apart": ([10.0, 60.0], [0.0, 90.0], [12.0, 8.0]),
    "touching": ([10.0, 30.0], [0.0, 0.0], [12.0, 8.0]),
    "pair": ([10.0, 22.0], [0.0, 10.0], [12.0, 8.0]),
    "centre inside the other": ([10.0, 15.0], [0.0, 0.0], [12.0, 9.0]),
    "inside": ([30.0, 32.0], [0.0, 0.0], [12.0, 4.0]),
    "inside and touching": ([30.0, 38.0], [0.0, 0.0], [12.0, 4.0]),
    "concentric": ([30.0, 30.0], [20.0, 20.0], [12.0, 4.0]),
    "twins": ([30.0, 30.0], [0.0, 0.0], [10.0, 10.0]),
    "twins and another": ([30.0, 35.0, 30.0], [0.0, 12.0, 0.0], [10.0, 8.0, 10.0]),
    "three": ([40.0, 50.0, 45.0], [0.0, 5.0, 20.0], [10.0, 8.0, 7.0]),
    "a hole between": ([40.0, 40.0, 57.0], [-13.0, 13.0, 0.0], [9.0, 9.0, 10.5]),
    "at the very centre": ([0.0, 8.0], [0.0, 0.0], [10.0, 7.0]),
    "along two axes but for rounding": ([0.0, 5.0, 7.0], [0.0, 0.0, 90.0], [10.0, 6.0, 9.0]),
    "across the limb": ([85.0, 80.0], [0.0, 10.0], [12.0, 9.0]),
    "centres on and beyond the limb": ([90.0, 95.0, 82.0], [0.0, 12.0, 6.0], [12.0, 15.0, 9.0]),
    "one of no size, one on the far side": ([40.0, 41.0, 140.0, 48.0], [0.0] * 4, [10.0, 0.0, 20.0, 6.0]),
    "hemisphere": ([50.0, 60.0, 20.0], [0.0, 40.0, 0.0], [90.0, 20.0, 50.0]),
    "wide": ([30.0, 70.0, 60.0, 100.0], [0.0, 30.0, -40.0, 10.0], [35.0, 25.0, 40.0, 30.0]),
}


def caps_of(name):
    """Always four, the last ones of no size: one program for all."""
    theta, azimuth, radius = (np.deg2rad(np.append(q, np.zeros(4 - len(q)))) for q in UNIONS[name])
    return np.array([np.sin(theta) * np.cos(azimuth), np.sin(theta) * np.sin(azimuth), np.cos(theta)]), radius


def sums(centres, radius, n=(6, 24), n_neighbours=3):
    """Moments M_1 .. M_3 and V_1 .. V_3 by nodes; centres need not be unit vectors."""
    centres = centres / jnp.linalg.norm(centres, axis=0)
    (x, y, mu), weight = union_nodes(centres, half_sines(radius), *n, n_neighbours)
    speed = x * (1 - SHEAR * (y * np.sin(INC) + mu * np.cos(INC)) ** 2)
    return jnp.stack([jnp.sum(weight * f * mu**k) for f in (jnp.ones_like(x), speed) for k in (1, 2, 3)])


_EXACT = jax.jit(union_moments, static_argnums=(2, 3))
_NODES = jax.jit(union_nodes, static_argnums=(2, 3, 4))
_SUMS = jax.jit(sums, static_argnums=(2, 3))
_SLOPES = jax.jit(jax.jacrev(sums, argnums=(0, 1)), static_argnums=(2, 3))


def by_slices(centres, radius):
    return np.concatenate(union_velocity_moments(centres.T, radius, SHEAR, INC, 3))


# 7 rings, at least 12 rays of each cap. Rounding, but for caps of 30 deg and more, whose measure is no
# polynomial: 2e-9 of the disc; the slices are good to 1e-11.
@pytest.mark.parametrize("name", UNIONS)
def test_light_and_rotation_against_slices(x64, name):
    centres, radius = caps_of(name)
    got, exact = _SUMS(jnp.asarray(centres), jnp.asarray(radius)), by_slices(centres, radius)
    np.testing.assert_allclose(got, exact, atol=1e-8 if radius.max() > 0.4 else 1e-10)


# What spectra take for slow stars: 3 rings and 16 rays of a cap, shared.
@pytest.mark.parametrize(
    ("n_caps", "low", "high", "most"), [(6, 1, 7, 1e-6), (6, 15, 40, 3e-4), (20, 5, 12, 1e-5)]
)
def test_crowds_against_the_closed_form(x64, n_caps, low, high, most):
    """In shares of the disc, the worst of 20 crowds, as measured for 200 in benchmarks/union_nodes.py."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        radius = np.deg2rad(rng.uniform(low, high, n_caps))
        centre = rng.normal(size=3) * [1, 1, 0.5]
        centre[2] = abs(centre[2])
        centres = centre[:, None] / np.linalg.norm(centre) + radius.mean() * rng.normal(size=(3, n_caps))
        centres = jnp.asarray(centres / np.linalg.norm(centres, axis=0))
        exact = _EXACT(centres[:, :, None], half_sines(jnp.asarray(radius))[:, None], 3, n_caps)[0]
        got = _SUMS(centres, jnp.asarray(radius), (2, 7), n_caps)[:3]
        assert np.max(np.abs(got - exact[:, 0])) / np.pi < most


def test_caps_apart_are_as_by_themselves(x64):
    """The rules of a whole cap are those of `cap_nodes`, with more nodes; at the limb they only agree."""
    centres, radius = caps_of("apart")
    got = _SUMS(jnp.asarray(centres), jnp.asarray(radius))
    nodes, weight = cap_nodes(jnp.asarray(centres), half_sines(jnp.asarray(radius)), 7, 42)
    np.testing.assert_allclose(got[:3], [jnp.sum(weight * nodes[2] ** k) for k in (1, 2, 3)], rtol=1e-13)


def test_nodes_lie_in_view_in_their_caps(x64):
    """So that nothing is asked of intensities beyond the limb."""
    for name in UNIONS:
        centres, radius = caps_of(name)
        nodes, weight = _NODES(jnp.asarray(centres), half_sines(jnp.asarray(radius)), 6, 24, 3)
        np.testing.assert_allclose(jnp.sum(nodes**2, axis=0), 1, rtol=1e-13)
        inside = jnp.any(nodes.T @ centres > np.cos(radius) - 1e-12, axis=1) & (nodes[2] > -1e-12)
        assert jnp.all(inside | (weight == 0))


# Where one-sided slopes differ: for a hemisphere, since no radius is larger.
_CORNERS = ("touching", "inside and touching", "twins", "twins and another", "hemisphere")


@pytest.mark.parametrize("name", UNIONS)
def test_slopes(precision, name):
    """By every centre and radius: finite; those of differences of the slices to 1e-6, in float64."""
    centres, radius = caps_of(name)
    slopes = _SLOPES(jnp.asarray(centres), jnp.asarray(radius))
    assert all(jnp.all(jnp.isfinite(q)) for q in slopes)
    if precision != "float64" or name in _CORNERS:
        return
    rng = np.random.default_rng(3)
    for _ in range(2):
        to, wider = (
            rng.normal(size=centres.shape),
            rng.normal(size=radius.shape) * (radius > 0),
        )
        ends = []
        for step in (1e-5, -1e-5):
            moved = centres + step * to
            ends.append(by_slices(moved / np.linalg.norm(moved, axis=0), radius + step * wider))
        got = jnp.einsum("kxc,xc->k", slopes[0], to) + jnp.einsum("kc,c->k", slopes[1], wider)
        np.testing.assert_allclose(got, (ends[0] - ends[1]) / 2e-5, atol=1e-6)


@pytest.mark.parametrize("name", UNIONS)
def test_single_precision(name):
    """Against the same in float64, of the rounded caps: 2e-7 of the disc."""
    centres, radius = (np.float32(q) for q in caps_of(name))
    got = _SUMS(jnp.asarray(centres), jnp.asarray(radius))
    with jax.enable_x64(True):
        exact = _SUMS(jnp.asarray(np.float64(centres)), jnp.asarray(np.float64(radius)))
    np.testing.assert_allclose(got, exact, atol=2e-7 * np.pi)


@pytest.mark.parametrize("apart", [1e-2, 1e-4, 1e-6, 1e-7])
def test_near_twins(precision, apart):
    """Two caps all but alike, and one across both: what each takes from the other hardly matters."""
    centres, radius = caps_of("twins and another")
    centres[:, 2] += apart * np.array([0.3, 0.8, 0.1])
    radius[2] *= 1 + apart
    got = _SUMS(jnp.asarray(centres), jnp.asarray(radius))
    exact = by_slices(centres / np.linalg.norm(centres, axis=0), radius)
    np.testing.assert_allclose(got, exact, atol=3e-7 * np.pi if precision == "float32" else 1e-10)
    slopes = _SLOPES(jnp.asarray(centres), jnp.asarray(radius))
    assert all(jnp.all(jnp.abs(q) < 1) for q in slopes)


def test_nothing_has_no_weight(precision):
    centres = jnp.asarray([[0.0, 0.6, 0.0, 0.1], [0.0, 0.0, 1.0, 0.0], [1.0, -0.8, 0.0, 1.0]])
    radius = jnp.asarray([0.0, 0.5, 0.0, 0.0])
    assert not jnp.any(_SUMS(centres, radius))
    assert all(jnp.all(q == 0) for q in _SLOPES(centres, radius))


def test_neighbours_that_do_not_fit_are_nan(precision):
    centres, radius = map(jnp.asarray, caps_of("three"))
    assert jnp.all(jnp.isnan(_SUMS(centres, radius, (2, 7), 1)))
    assert jnp.all(jnp.isfinite(_SUMS(centres, radius, (2, 7), 2)))
