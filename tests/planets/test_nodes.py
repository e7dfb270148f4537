"""Nodes behind a planet against the closed form of the occultation, and against rings, float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.planets.nodes import hidden_cap_nodes, hides_all, planet_nodes
from dynamojax.planets.transit import transit_loss
from tests.oracles.transit_crossing import random_scene
from tests.oracles.transit_rings import ring_moments

PLACES = {
    "centre": (0.0, 0.0, 0.1),
    "inside": (0.3, 0.4, 0.1),
    "inner contact": (0.54, 0.72, 0.1),
    "on the limb": (0.6, 0.8, 0.1),
    "nearly out": (-0.7, 0.83, 0.1),
    "large": (0.3, 0.3, 0.6),
    "total eclipse": (0.2, 0.1, 1.3),
}


@jax.jit
def _moments(x, y, p, z=1.0):
    nodes, angle = planet_nodes(x, y, jnp.asarray(z, x.dtype), p, 8, 8)
    return jnp.stack([jnp.sum(angle * nodes[2] ** k) for k in range(1, 5)])


@pytest.mark.parametrize("name", PLACES)
def test_moments_against_the_closed_form(x64, name):
    """24 slices of 8 nodes: 1e-6 of the disc."""
    x, y, p = map(jnp.asarray, PLACES[name])
    one = jnp.ones((1, 1))
    exact = transit_loss(x * one, y * one, one, p[None], jnp.eye(4))[:, 0]
    np.testing.assert_allclose(_moments(x, y, p), exact, atol=1e-6 * np.pi)


def test_first_moment_in_x_is_that_of_a_dark_disc(x64):
    nodes, angle = planet_nodes(*map(jnp.asarray, (-0.4, 0.3, 1.0, 0.2)), 8, 8)
    area = np.pi * 0.2**2
    got = [jnp.sum(angle * nodes[2] * q) for q in (nodes[0], nodes[1])]
    np.testing.assert_allclose(got, [-0.4 * area, 0.3 * area], rtol=1e-6)


@pytest.mark.parametrize("place", [(0.3, 0.3, 0.1, -1.0), (0.3, 0.3, 0.0, 1.0), (0.9, 0.9, 0.1, 1.0)])
def test_nothing_hidden_is_exactly_nothing(precision, place):
    x, y, p, z = place
    value, slope = jax.value_and_grad(lambda *q: jnp.sum(_moments(*q, z=z)), argnums=(0, 1, 2))(
        *map(jnp.asarray, (x, y, p))
    )
    assert value == 0 and all(s == 0 for s in slope)


@pytest.mark.parametrize("name", ["centre", "inside", "on the limb", "nearly out", "large"])
def test_gradients_against_finite_differences(x64, name):
    """To 1e-5 of the largest: the quadrature's own error, 1e-8, over the step."""
    given = list(map(jnp.asarray, PLACES[name]))

    def f(x, y, p):  # what a spectrum asks: light and its first moment along x
        nodes, angle = planet_nodes(x, y, jnp.asarray(1.0), p, 16, 8)
        return jnp.sum(angle * nodes[2] * (1 + nodes[2] + nodes[0]))

    slopes = jax.grad(f, argnums=(0, 1, 2))(*given)
    for i, slope in enumerate(slopes):
        up, down = ([q + s * 1e-4 * (j == i) for j, q in enumerate(given)] for s in (1, -1))
        assert float(slope) == pytest.approx(
            float(f(*up) - f(*down)) / 2e-4, abs=1e-5 * float(max(map(abs, slopes)))
        )


@pytest.mark.parametrize("name", PLACES)
def test_gradients_are_finite_everywhere(precision, name):
    slopes = jax.grad(lambda *q: jnp.sum(_moments(*q)), argnums=(0, 1, 2))(*map(jnp.asarray, PLACES[name]))
    assert all(jnp.isfinite(s) for s in slopes)


def _hidden(x, y, p, position, half_sine, is_union=True):
    nodes, angle = hidden_cap_nodes(x, y, jnp.ones_like(x), p, position, half_sine, 24, 12, is_union=is_union)
    return jnp.stack([jnp.sum(angle * nodes[2] ** k) for k in (1, 2)])


_HIDDEN = jax.jit(_hidden, static_argnums=5)

_JACOBIAN = jax.jit(jax.jacrev(_hidden, argnums=(0, 1, 2, 4)), static_argnums=5)


def _padded(centres, radii_deg, n=4):
    """With caps far behind, so that all scenes share one shape."""
    rest = n - len(radii_deg)
    return np.array([*centres, *[[0, 0, -1]] * rest]), np.deg2rad([*radii_deg, *[1] * rest])


def _at(x, y, front=1):
    return [x, y, front * np.sqrt(1 - x * x - y * y)]


SCENES = {
    "one": (0.1, [[0.32, 0.1]], [6]),
    "inside the planet": (0.1, [[0.3, 0.05]], [2]),
    "all around the planet": (0.1, [[0.3, 0.0]], [30]),
    "two that overlap": (0.1, [[0.35, 0.05], [0.38, -0.03]], [5, 3]),
    "none near": (0.1, [[-0.7, 0.0]], [6]),
    "small behind a giant": (0.2, [[0.35, 0.1], [0.2, -0.1], [0.3, 0.19]], [1, 3, 2]),
    "small behind a larger one": (0.3, [[0.4, 0.2], [0.31, -0.29], [0.1, 0.0]], [3, 2, 1]),
    "small behind a companion": (1.0, [[0.6, 0.1], [0.0, 0.9], [-0.69, 0.0], [-0.3, -0.79]], [3, 1, 2, 3]),
    "small behind a larger star": (1.2, [[-0.88, 0.1], [0.5, 0.5], [-0.6, -0.66]], [3, 2, 1]),
    "large behind a companion": (1.0, [[0.0, 0.5], [-0.6, -0.5], [0.9, 0.1]], [40, 25, 20]),
    "at the limb": (0.5, [[0.79, 0.6], [0.7, -0.1], [0.0, 0.0]], [20, 10, 3]),
}


# Measured: 1e-6 of the disc at worst, where two caps of 25 and 40 degrees overlap.
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("turn", [0.0, 2.0])
def test_hidden_caps_against_rings(x64, scene, turn):
    p, centres, radii = SCENES[scene]
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    x, y = matrix @ [0.3, 0.0]
    centres, radii = _padded([_at(*(matrix @ c)) for c in centres], radii)
    exact = ring_moments(x, y, p, centres, radii, 2)
    assert (exact[0] > 1e-4) != (scene == "none near")
    given = map(jnp.asarray, (x, y, p, centres.T, np.sin(radii / 2)))
    np.testing.assert_allclose(_HIDDEN(*given), exact, rtol=0, atol=2e-6 * np.pi)


# Measured: 1e-6 of the disc for single caps; 3e-5 where several of up to 40 deg crowd.
@pytest.mark.parametrize("p", [0.05, 0.3, 1.2])
def test_random_scenes(x64, p):
    for i in range(8):
        rng = np.random.default_rng(i)
        x, y, centres, radii = random_scene(rng, 5, p, 1.0, 15.0)
        position, half_sine = jnp.asarray(centres.T), jnp.asarray(np.sin(radii / 2))
        got = _HIDDEN(*map(jnp.asarray, (x, y, p)), position, half_sine)
        exact = ring_moments(x, y, p, centres, radii, 2)
        np.testing.assert_allclose(got, exact, rtol=0, atol=5e-5 * np.pi)
        each = sum(ring_moments(x, y, p, centres[j : j + 1], radii[j : j + 1], 2) for j in range(5))
        got = _HIDDEN(*map(jnp.asarray, (x, y, p)), position, half_sine, False)
        np.testing.assert_allclose(got, each, rtol=0, atol=2e-6 * np.pi)


def test_a_cap_that_reaches_round_the_far_side_leaves_a_gap(x64):
    """Over the pole of the slices, its centre behind the limb: in view at both ends of a slice.

    To 5e-5 of the disc: what is between the ends is cut out of the stretches about the nodes.
    """
    centre, radius = np.array([np.cos(0.1), 0.0, -np.sin(0.1)]), 0.6
    given = map(jnp.asarray, (0.6, 0.1, 0.9, centre[:, None], np.array([np.sin(radius / 2)])))
    exact = ring_moments(0.6, 0.1, 0.9, centre[None], np.array([radius]), 2)
    assert exact[0] > 0.08
    np.testing.assert_allclose(_HIDDEN(*given), exact, rtol=0, atol=5e-5 * np.pi)


def test_more_corners_than_slices_is_nan(x64):
    position = jnp.asarray(np.array([_at(0.3 + 0.05 * i, 0.05 * (-1) ** i) for i in range(6)]).T)
    run = jax.jit(lambda *given: hidden_cap_nodes(*given, -15, 2, is_union=True)[1])
    assert jnp.any(jnp.isnan(run(*map(jnp.asarray, (0.4, 0.0, 1.0, 1.0)), position, jnp.full(6, 0.1))))


CONTACTS = {
    "no cap": ([0.3, 0.0], 0.1, [_at(0.3, 0.0)], [0]),
    "outer contact": ([0.0, 0.0], 0.2, [_at(np.sin(0.1 + np.arcsin(0.2)), 0.0)], [np.rad2deg(0.1)]),
    "same rim": ([0.0, 0.0], 0.2, [_at(0.0, 0.0)], [np.rad2deg(np.arcsin(0.2))]),
    "twins": ([0.3, 0.1], 0.3, [_at(0.35, 0.1)] * 2, [5, 5]),
    "at the limb": ([0.9, 0.0], 0.1, [[1.0, 0.0, 0.0]], [10]),
    "limb at the poles of slices": ([0.9, 0.0], 0.5, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], [10, 8]),
    "inner contact of planet and limb": ([0.7, 0.0], 0.3, [_at(0.9, 0.0)], [5]),
    "total eclipse begins": ([0.2, 0.0], 1.2, [_at(-0.9, 0.0), _at(0.0, 0.3)], [5, 2]),
    "a hemisphere": ([0.3, 0.2], 0.4, [_at(0.1, 0.0)], [90]),
}


_SLOPES = jax.jit(
    jax.grad(lambda *given: jnp.sum(_hidden(*given)), argnums=(0, 1, 2, 3, 4)), static_argnums=5
)


@pytest.mark.parametrize("name", CONTACTS)
@pytest.mark.parametrize("is_union", [True, False])
def test_gradients_are_finite_at_contacts(precision, name, is_union):
    (x, y), p, centres, radii = CONTACTS[name]
    position, half_sine = jnp.asarray(np.array(centres).T), jnp.asarray(np.sin(np.deg2rad(radii) / 2))

    # Two places, so that all of a kind share one shape and compile once.
    position, half_sine = (jnp.tile(q, 2)[..., :2] if len(radii) == 1 else q for q in (position, half_sine))
    slopes = _SLOPES(*map(jnp.asarray, (x, y, p)), position, half_sine, is_union)
    assert all(jnp.all(jnp.isfinite(s)) for s in slopes)
    if name == "no cap":
        assert not any(jnp.any(s) for s in slopes)


# Differences of the oracle, good to 1e-7 of the largest; ours in error by the quadrature's slope.
@pytest.mark.parametrize("scene", sorted(SCENES))
def test_gradients_against_rings(x64, scene):
    p, centres, radii = SCENES[scene]
    if scene == "none near":
        return
    centres, radii = _padded([_at(*c) for c in centres], radii)
    w = jnp.asarray(np.sin(radii / 2))
    slopes = _JACOBIAN(*map(jnp.asarray, (0.3, 0.0, p, centres.T)), w, True)
    ours = [*slopes[:3], slopes[3] @ (0.5 * np.cos(radii / 2))]
    step = 1e-6
    for i, slope in enumerate(ours):
        ends = []
        for s in (step, -step):
            x, y, size, wide = (q + s * (i == j) for j, q in enumerate((0.3, 0.0, p, radii)))
            ends.append(ring_moments(x, y, size, centres, wide, 2))
        exact = (ends[0] - ends[1]) / (2 * step)
        scale = max(float(jnp.max(jnp.abs(q))) for q in ours)
        np.testing.assert_allclose(slope, exact, rtol=0, atol=1e-3 * scale)


def test_who_hides_all():
    places = np.array([(0.0, 0.0, 1.0, 1.0), (0.1, 0.1, 1.0, 1.2), (0.2, 0.1, 1.0, 1.2), (0, 0, -1, 1.5)]).T
    np.testing.assert_array_equal(hides_all(*map(jnp.asarray, places)), [True, True, False, False])
