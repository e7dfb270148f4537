"""Nodes behind a planet against the closed form of the occultation, from another kernel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.planets.crossing import occulted_moments
from dynamojax.planets.nodes import covered_share, planet_nodes
from dynamojax.planets.transit import transit_loss

PLACES = {
    "centre": (0.0, 0.0, 0.1),
    "inside": (0.3, 0.4, 0.1),
    "inner contact": (0.54, 0.72, 0.1),
    "on the limb": (0.6, 0.8, 0.1),
    "nearly out": (-0.7, 0.83, 0.1),
    "large": (0.3, 0.3, 0.6),
    "total eclipse": (0.2, 0.1, 1.3),
}


def _moments(x, y, p, z=1.0):
    nodes, angle = planet_nodes(x, y, jnp.asarray(z, x.dtype), p, 8, 8)[:2]
    return jnp.stack([jnp.sum(angle * nodes[2] ** k) for k in range(1, 5)])


@pytest.mark.parametrize("name", PLACES)
def test_moments_against_the_closed_form(x64, name):
    """Up to 24 slices of 8 nodes: 1e-6 of the disc, worst where the planet's rim touches the limb."""
    x, y, p = map(jnp.asarray, PLACES[name])
    one = jnp.ones((1, 1))
    exact = transit_loss(x * one, y * one, one, p[None], jnp.eye(4))[:, 0]
    np.testing.assert_allclose(_moments(x, y, p), exact, atol=1e-6 * np.pi)


def test_first_moment_in_x_is_that_of_a_dark_disc(x64):
    nodes, angle = planet_nodes(*map(jnp.asarray, (-0.4, 0.3, 1.0, 0.2)), 8, 8)[:2]
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
        nodes, angle = planet_nodes(x, y, jnp.asarray(1.0), p, 16, 8)[:2]
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


SCENES = {
    "one": ([[0.32, 0.1]], [0.1]),
    "inside the planet": ([[0.3, 0.05]], [0.03]),
    "all around the planet": ([[0.3, 0.0]], [0.5]),
    "two that overlap": ([[0.35, 0.05], [0.38, -0.03]], [0.08, 0.06]),
    "none near": ([[-0.7, 0.0]], [0.1]),
}


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("turn", [0.0, 2.0])
def test_covered_share_against_exact_crossings(x64, scene, turn):
    """32 slices: 4e-3 of the planet's area, most for a spot that few slices cut."""
    centres, radii = map(np.array, SCENES[scene])
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    x, y = matrix @ [0.3, 0.0]
    sky = centres @ matrix.T
    position = jnp.asarray(np.vstack([sky.T, np.sqrt(1 - np.sum(sky**2, axis=1))]))
    half_sine = jnp.asarray(np.sin(radii / 2))
    planet = tuple(map(jnp.asarray, (x, y, 1.0, 0.1)))
    nodes = planet_nodes(*planet, 32, 12)
    share = covered_share(nodes, position, half_sine)
    assert jnp.all((share >= 0) & (share <= 1))
    exact = occulted_moments(*planet, position, half_sine, 2, n_nodes=200)
    got = [jnp.sum(nodes.angle * nodes.points[2] ** k * share) for k in (1, 2)]
    np.testing.assert_allclose(got, exact, atol=4e-3 * np.pi * 0.1**2)


def test_covered_share_is_smooth_and_finite(precision):
    position = jnp.asarray([[0.3, 0.32, 0.3], [0.0, 0.05, 0.0], [0.95, 0.94, 0.95]])

    def f(x, w):
        nodes = planet_nodes(x, jnp.zeros_like(x), jnp.ones_like(x), jnp.asarray(0.1), 6, 6)
        return jnp.sum(nodes.angle * covered_share(nodes, position, w))

    for x, w in ((0.3, [0.05, 0.02, 0.0]), (0.0, [0.1, 0.1, 0.1]), (0.95, [0.7, 0.1, 0.0])):
        slopes = jax.grad(f, argnums=(0, 1))(jnp.asarray(x), jnp.asarray(w))
        assert all(jnp.all(jnp.isfinite(s)) for s in slopes)
