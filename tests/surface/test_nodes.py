"""Nodes of the disc against the closed forms, and against the pixels of a map."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.surface.coverage import cap_moments, half_sines
from dynamojax.surface.maps import covered_share, disc_points, times_covered
from dynamojax.surface.nodes import cap_nodes, disc_nodes
from dynamojax.surface.overlap import union_moments

PPM = np.pi * 1e-6


@pytest.mark.parametrize("theta", [0, 40, 85, 90, 93, 130])
@pytest.mark.parametrize("radius", [0.05, 0.2, 0.6])
def test_nodes_and_closed_form_agree(x64, theta, radius):
    """16 rings of 32: 4 ppm of the disc, worst for a wide cap that straddles the limb."""
    t = np.deg2rad(theta)
    centre = jnp.asarray([[0.6 * np.sin(t)], [0.8 * np.sin(t)], [np.cos(t)]])
    nodes, weight = cap_nodes(centre, half_sines(jnp.asarray([radius])), 16, 32)
    got = [jnp.sum(weight * nodes[2] ** k) for k in range(1, 5)]
    exact = cap_moments(centre[2, 0], jnp.asarray(radius), 4)
    np.testing.assert_allclose(got, exact, atol=4 * PPM)
    np.testing.assert_allclose(jnp.sum(nodes**2, axis=0), 1, rtol=1e-14)
    assert jnp.all((weight == 0) | (nodes[2] >= -1e-15))
    assert jnp.all((weight == 0) | (jnp.arccos(jnp.einsum("ics,ic->cs", nodes, centre)) <= radius))


def test_disc_nodes_integrate_what_is_smooth():
    """The flux of I(mu) = mu^k and the moment of inertia of the disc, to rounding."""
    (x, y, mu), angle = disc_nodes(24, 16)
    for k in range(6):
        assert np.sum(angle * mu ** (k + 1)) == pytest.approx(2 * np.pi / (k + 2), rel=1e-13)
    assert np.sum(angle * mu * x * x) == pytest.approx(np.pi / 4, rel=1e-13)
    np.testing.assert_allclose(x * x + y * y + mu * mu, 1, rtol=1e-14)


def test_gradients_against_finite_differences(x64):
    def f(angle, radius):
        centre = jnp.stack([jnp.sin(angle) * 0.6, jnp.sin(angle) * 0.8, jnp.cos(angle)])[:, None]
        nodes, weight = cap_nodes(centre, half_sines(radius)[None], 8, 16)
        return jnp.sum(weight * nodes[2] * (1 + nodes[0]))

    for angle in (0.3, 1.5, 1.65):
        args = jnp.asarray(angle), jnp.asarray(0.2)
        slopes = jax.grad(f, argnums=(0, 1))(*args)
        for i in (0, 1):
            up, down = ([a + s * 1e-6 * (j == i) for j, a in enumerate(args)] for s in (1, -1))
            assert float(slopes[i]) == pytest.approx(float(f(*up) - f(*down)) / 2e-6, rel=2e-6, abs=1e-9)


@pytest.mark.parametrize("edge", [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0)])
@pytest.mark.parametrize("half_sine", [0.0, 0.1])
def test_gradients_are_finite_at_every_edge(edge, half_sine):
    def total(centre, half_sine):
        nodes, weight = cap_nodes(centre, half_sine, 4, 8)
        return jnp.sum(weight * (nodes[2] + jnp.prod(nodes, axis=0)))

    slopes = jax.grad(total, argnums=(0, 1))(jnp.asarray(edge)[:, None], jnp.asarray([half_sine]))
    assert all(jnp.all(jnp.isfinite(s)) for s in slopes)


def _three_caps(n_pixels):
    t = np.deg2rad([10.0, 30.0, 75.0])
    centres = jnp.asarray([np.sin(t) * 0.8, -np.sin(t) * 0.6, np.cos(t)])
    half_sine = half_sines(jnp.asarray([0.2, 0.3, 0.4]))
    exact = union_moments(centres[:, :, None], half_sine[:, None], 2, 3)[0][:, 0]
    return jnp.asarray(disc_points(n_pixels)), centres, half_sine, exact


def test_map_and_closed_form_agree(x64):
    """Pixels of a 1000 x 1000 map against the union: an edge pixel in two is wrong, 1e-3 of the spots."""
    points, centres, half_sine, exact = _three_caps(1000)
    area = float(jnp.sum(times_covered(points, centres, half_sine) > 0)) * (2 / 1000) ** 2
    assert area == pytest.approx(float(exact[0]), rel=1e-3)


def test_soft_map_and_closed_form_agree(precision):
    """Shares of 400 x 400 pixels: rims cost 2e-4 of the spots, and half as much in a map twice as fine."""
    errors = []
    for n_pixels in (200, 400):
        points, centres, half_sine, exact = _three_caps(n_pixels)
        share = covered_share(points, centres, half_sine, 2 / n_pixels)
        on_disc = share * jnp.isfinite(points[2]) * (2 / n_pixels) ** 2
        got = jnp.stack([jnp.sum(on_disc), jnp.sum(jnp.where(on_disc > 0, on_disc * points[2], 0))])
        errors.append(np.max(np.abs(got / exact - 1)))
    assert errors[1] < 2e-4


def test_soft_map_of_nothing_is_nothing(precision):
    points = jnp.asarray(disc_points(32))
    far = jnp.asarray([[0.0, 0.1], [0.0, 0.2], [1.0, -(0.95**0.5)]])
    assert not np.any(covered_share(points, far, half_sines(jnp.asarray([0.0, 0.3])), 2 / 32))


@pytest.mark.slow
def test_slopes_at_the_very_centre_of_the_disc(x64):
    """Where the direction to the disc's centre turns at once: of sums over the nodes, to second order."""

    def total(offset):
        x, y = offset
        position = jnp.stack([x, y, jnp.sqrt(1 - x * x - y * y)])[:, None]
        nodes, weight = cap_nodes(position, jnp.asarray([0.1]), 6, 24)
        return jnp.sum(weight * nodes[2] ** 2 * (1 + 0.7 * nodes[0] - 0.3 * nodes[1] + nodes[0] * nodes[1]))

    here, step = jnp.zeros(2), 1e-4
    ways = step * np.eye(2)
    slope = [(total(here + w) - total(here - w)) / (2 * step) for w in ways]
    np.testing.assert_allclose(jax.grad(total)(here), slope, rtol=1e-6)
    curve = [(jax.grad(total)(here + w) - jax.grad(total)(here - w)) / (2 * step) for w in ways]
    np.testing.assert_allclose(jax.hessian(total)(here), curve, rtol=1e-5)
