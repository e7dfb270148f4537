"""Caps against adaptive quadrature and brute-force pixels; derivatives against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from benchmarks.quadrature import cap_moments as oracle
from dynamojax.surface.coverage import cap_moments, half_sines, sum_of_moments

PPM = np.pi * 1e-6  # one ppm of the disc
# Distance of the centre from the disc's centre in degrees: the whole disc, the limb and beyond it.
ANGLES = (0.0, 0.001, 5, 30, 60, 80, 88, 89.9, 90, 90.1, 92, 100, 120, 170, 180)
RADII = (0.05, 0.5, 2, 8, 20, 30, 50, 85, 90)


def _tangencies(radius):
    return (90 - radius, 90 + radius, 90 - radius + 1e-4, 90 - radius - 1e-4, 90 + radius - 1e-4)


@pytest.mark.parametrize("radius", RADII)
def test_moments_against_quadrature(precision, radius):
    """In float64 1e-4 ppm of the disc; in float32 0.1 to 30 degrees, 0.5 beyond, 2 for a hemisphere."""
    tolerance = 1e-4 if precision == "float64" else 0.1 if radius <= 30 else 0.5 if radius < 90 else 2
    mu0 = np.cos(np.deg2rad((*ANGLES, *_tangencies(radius)))).astype(precision)
    r = np.full_like(mu0, np.deg2rad(radius))
    got = cap_moments(jnp.asarray(mu0), jnp.asarray(r), 5)
    assert got.dtype == precision
    exact = oracle(np.arccos(mu0.astype(float)), r.astype(float), 5)
    np.testing.assert_allclose(got, exact, rtol=0, atol=tolerance * PPM)


def test_known_values(x64):
    half = jnp.asarray(np.pi / 2)
    # the whole disc: integral of mu^k over the hemisphere is 2 pi / (k + 1)
    np.testing.assert_allclose(
        cap_moments(jnp.asarray(1.0), half, 6), 2 * np.pi / np.arange(2, 8), rtol=1e-14
    )
    # half of it, seen from the side
    np.testing.assert_allclose(cap_moments(jnp.asarray(0.0), half, 6), np.pi / np.arange(2, 8), rtol=1e-14)
    # clear of the limb M_1 is the plane ellipse (Dorren 1987)
    m = cap_moments(jnp.asarray(0.7), jnp.asarray(0.3), 1)
    assert m[0] == pytest.approx(np.pi * 0.7 * np.sin(0.3) ** 2, rel=1e-14)
    # out of sight, and no cap at all
    assert jnp.all(cap_moments(jnp.asarray(-0.5), jnp.asarray(0.2), 6) == 0)
    assert jnp.all(cap_moments(jnp.asarray(0.5), jnp.asarray(0.0), 6) == 0)


@given(st.floats(-1, 1), st.floats(0, np.pi / 2))
@settings(max_examples=100, deadline=None)
def test_caps_are_bounded_and_hemispheres_make_the_disc(mu0, radius):
    """Opposite hemispheres make the disc, and no cap hides more than its hemisphere."""
    with jax.enable_x64(True):
        caps = ((mu0, radius), (mu0, np.pi / 2), (-mu0, np.pi / 2))
        m, whole, opposite = (np.asarray(cap_moments(jnp.asarray(a), jnp.asarray(r), 5)) for a, r in caps)
    assert np.all(m >= -1e-15) and np.all(m <= whole + 1e-14)
    assert np.all(np.diff(m) <= 1e-15)  # mu <= 1
    np.testing.assert_allclose(whole + opposite, 2 * np.pi / np.arange(2, 7), atol=1e-14)


# Inside the disc, across the limb on both sides, on the far side; small and large.
@pytest.mark.parametrize("theta", [0.0, 10, 60, 83, 88, 92, 97, 150])
@pytest.mark.parametrize("radius", [1.0, 8.0, 40.0])
def test_gradients_against_finite_differences(x64, theta, radius):
    check_grads(
        lambda m, r: cap_moments(jnp.asarray(m), jnp.asarray(r), 5),
        (jnp.cos(jnp.deg2rad(theta)) * (1 - 1e-9), jnp.deg2rad(radius)),
        order=1,
        modes=("fwd", "rev"),
        rtol=1e-6,
        eps=1e-5,
    )


@pytest.mark.parametrize("radius", [0.0, 1e-6, 0.1, np.pi / 2])
@pytest.mark.parametrize("edge", ["centre", "behind", "limb", "inner", "outer"])
def test_gradients_are_finite_at_every_edge(precision, edge, radius):
    mu0 = {"centre": 1.0, "behind": -1.0, "limb": 0.0, "inner": np.sin(radius), "outer": -np.sin(radius)}[
        edge
    ]
    for jacobian in (jax.jacfwd, jax.jacrev):
        slopes = jax.jit(jacobian(lambda m, r: cap_moments(m, r, 5), argnums=(0, 1)))(
            jnp.asarray(mu0, precision), jnp.asarray(radius, precision)
        )
        assert all(jnp.all(jnp.isfinite(s)) for s in slopes)
    if radius == 0:
        assert jnp.all(slopes[0] == 0) and jnp.all(slopes[1] == 0)


def test_single_precision_gradients_across_the_limb():
    """Relative to the largest slope, 1e-3 in float32; measured 3e-6."""
    mu0, radius = (x.ravel() for x in np.meshgrid(np.linspace(-0.4, 1, 57), [0.02, 0.1, 0.35]))

    def slopes(dtype):
        m, r = jnp.asarray(mu0.astype("float32"), dtype), jnp.asarray(radius.astype("float32"), dtype)
        jacobian = jax.jacrev(lambda a, b: cap_moments(a, b, 4), argnums=(0, 1))
        return [np.asarray(s, float) for s in jax.vmap(jacobian)(m, r)]

    single = slopes("float32")
    with jax.enable_x64(True):
        double = slopes("float64")
    for s, d in zip(single, double, strict=True):
        assert np.abs(s - d).max() < 1e-5 * np.abs(d).max()


@pytest.mark.parametrize("n_spots", [0, 1, 7, 20, 45])
def test_sum_does_not_depend_on_the_blocks(x64, n_spots):
    rng = np.random.default_rng(n_spots)
    mu0 = jnp.asarray(rng.uniform(-1, 1, (n_spots, 3)))
    radius = jnp.asarray(rng.uniform(0, 0.5, (n_spots, 3)))
    got = sum_of_moments(mu0, half_sines(radius), 4)
    np.testing.assert_allclose(got, cap_moments(mu0, radius, 4).sum(axis=1), rtol=1e-12, atol=1e-14)
