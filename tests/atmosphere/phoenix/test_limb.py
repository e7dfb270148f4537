"""A spherical profile with a known answer: where its limb is, what its flux is, what its disc looks like."""

import numpy as np
import pytest

from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.phoenix.limb import limb_radius, limb_reduction
from tests.atmosphere.phoenix.files import MU


def synthetic(mu, limb, width, u=0.6, halo=1e-3):
    """Linear limb darkening within `limb`, a smooth fall of `width` in radius there, a faint halo outside."""
    r = np.sqrt(1 - mu**2)
    inner = np.sqrt(np.maximum(1 - np.minimum(r / limb, 1) ** 2, 0))
    disc = 1 - u * (1 - inner)
    return disc / (1 + np.exp((r - limb) / width)) + halo * np.exp(-np.maximum(r - limb, 0) / (5 * width))


def exact_flux(*shape):
    """Integral of I mu dmu over the outermost sphere, by brute force in radius."""
    r = np.append(np.linspace(0, 0.98, 20001), np.linspace(0.98, 1, 400001)[1:])
    intensity = synthetic(np.sqrt(np.maximum(1 - r**2, 0)), *shape)
    return np.sum(0.5 * (intensity[1:] * r[1:] + intensity[:-1] * r[:-1]) * np.diff(r))


# Radius of the limb and width of the fall, in outermost radii: a dwarf, a subgiant, a giant.
SHAPES = {"dwarf": (0.9985, 5e-5), "subgiant": (0.996, 3e-4), "giant": (0.985, 1e-3)}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_limb_is_where_the_intensity_falls(shape):
    found = limb_radius(MU, synthetic(MU, *shape))
    near = np.sqrt(1 - MU**2)
    gap = np.diff(np.sort(near))[np.searchsorted(np.sort(near), shape[0]) - 1]
    # Known to the spacing of the nodes there; a radius wrong by 1e-4 makes the flux wrong by 2e-4.
    assert abs(found - shape[0]) < max(gap, shape[1])


@pytest.mark.parametrize("n_nodes", [6, 8, 12])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_flux_is_the_models(shape, n_nodes):
    profile = synthetic(MU, *shape)
    reduction = limb_reduction(MU, profile, n_nodes)
    reduced, factor = reduction(profile[:, None] * np.array([1.0, 2.0]))
    luminosity = reduction.radius**2 * (reduction.weights @ reduced)
    # The error is that of integrating over the model's own mu.
    np.testing.assert_allclose(luminosity, exact_flux(*shape) * np.array([1.0, 2.0]), rtol=2e-4)
    np.testing.assert_allclose(factor, 1.0, atol=5e-3)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_disc_is_the_one_within_the_limb(shape):
    profile = synthetic(MU, *shape)
    reduction = limb_reduction(MU, profile, 12)
    reduced, _ = reduction(profile[:, None])
    nodes, _ = quadrature_nodes(12)
    smooth = nodes > 0.15  # further out the fall has begun
    np.testing.assert_allclose(reduced[smooth, 0], 1 - 0.6 * (1 - nodes[smooth]), rtol=5e-3)
    assert np.all(np.diff(reduced[:, 0]) > 0) and np.all(reduced > 0)


def test_a_plane_parallel_profile_is_left_as_it_is():
    mu, u = np.linspace(0.01, 1, 60), 0.7
    profile = 1 - u * (1 - mu)
    reduction = limb_reduction(mu, profile, 8)
    reduced, factor = reduction(profile[:, None])
    assert reduction.radius == 1.0
    nodes, weights = quadrature_nodes(8)
    np.testing.assert_allclose(reduced[:, 0], 1 - u * (1 - nodes), rtol=3e-3)
    # Exact flux of the linear law: 1/2 - u/6.
    np.testing.assert_allclose(reduction.radius**2 * weights @ reduced[:, 0], 0.5 - u / 6, rtol=1e-4)


def test_every_wavelength_keeps_its_own_flux():
    shape = SHAPES["subgiant"]
    rows = np.stack([synthetic(MU, *shape, u=u) for u in (0.1, 0.5, 0.9)], axis=1)
    reduction = limb_reduction(MU, rows.sum(axis=1), 8)
    reduced, _ = reduction(rows)
    expected = [exact_flux(*shape, u) for u in (0.1, 0.5, 0.9)]
    np.testing.assert_allclose(reduction.radius**2 * (reduction.weights @ reduced), expected, rtol=2e-4)


@pytest.mark.parametrize("profile", [np.full(78, np.nan), np.zeros(78)])
def test_a_profile_without_light_is_refused(profile):
    with pytest.raises(ValueError, match="not finite, or all zero"):
        limb_reduction(MU, profile, 8)
