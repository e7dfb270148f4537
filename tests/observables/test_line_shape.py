"""Gaussian fits and bisectors: oracles, recovered values, edges and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.observables.line_shape import line_shape
from tests.oracles import correlation as oracle

V = np.arange(-20, 20.1, 0.25)
FIELDS = ("velocity", "fwhm", "contrast", "continuum", "span", "bisector")
_shape = jax.jit(line_shape, static_argnames="sloped")


def gaussian(centre=1.3, sigma=3.0, depth=0.4, level=2.0, slope=0.0):
    return level * (1 + slope * V - depth * np.exp(-0.5 * ((V - centre) / sigma) ** 2))


def lopsided(strength=0.1, vsini=0.0):
    """Two blended Gaussians; with rotation, a profile with a broad bottom."""
    profile = gaussian() - 2.0 * strength * np.exp(-0.5 * ((V - 3.5) / 2.0) ** 2)
    if not vsini:
        return profile
    x = np.arange(-vsini, vsini + 0.1, 0.25) / vsini
    kernel = np.sqrt(np.maximum(1 - x * x, 0))
    padded = np.pad(profile, len(x), mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="same")[len(x) : -len(x)]


PROFILES = {"gauss": gaussian(), "lopsided": lopsided(), "fast": lopsided(vsini=9.0)}


@pytest.mark.parametrize("name", PROFILES)
def test_against_least_squares_and_pchip_of_scipy(x64, name):
    """Gaussian to 1e-6 km/s, where SciPy stops; bisector to 1e-5; span to 0.1 m/s, 24 depths beside 400."""
    profile = PROFILES[name]
    shape = _shape(jnp.asarray(V), jnp.asarray(profile))
    assert bool(shape.valid) and bool(shape.bisector_valid)
    found = [float(q) for q in (shape.velocity, shape.fwhm, shape.contrast, shape.continuum)]
    exact = oracle.gaussian_fit(V, profile)
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-6)
    middles = oracle.bisector(V, profile, exact[3], np.asarray(shape.depth))
    np.testing.assert_allclose(shape.bisector, middles, rtol=0, atol=1e-5)
    span = oracle.bisector_span(V, profile, exact[3])
    np.testing.assert_allclose(shape.span, span, rtol=0, atol=1e-4)


def test_a_gaussian_is_recovered_whatever_its_scale_and_place(x64):
    for scale, centre, sigma, depth in (
        (1e-15, -9.0, 1.0, 0.9),
        (1.0, 0.0, 5.0, 0.05),
        (1e9, 11.0, 2.0, 0.3),
    ):
        shape = _shape(jnp.asarray(V), scale * jnp.asarray(gaussian(centre, sigma, depth)))
        assert bool(shape.valid)
        found = [float(q) for q in (shape.velocity, shape.fwhm / 2.354820045, shape.contrast)]
        np.testing.assert_allclose(found, [centre, sigma, depth], rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(shape.continuum, 2 * scale, rtol=1e-9)
        if depth > 0.1 and abs(centre) < 10:
            assert abs(float(shape.span)) < 1e-4 + 2e-3 * (sigma < 2)


def test_a_sloped_continuum(x64):
    profile = jnp.asarray(gaussian(slope=0.004))
    level, sloped = _shape(jnp.asarray(V), profile), _shape(jnp.asarray(V), profile, sloped=True)
    np.testing.assert_allclose(sloped.velocity, 1.3, rtol=1e-9)
    np.testing.assert_allclose(sloped.contrast, 0.4 / (1 + 0.004 * 1.3), rtol=1e-9)
    assert abs(float(level.velocity) - 1.3) > 0.01
    assert abs(float(sloped.span)) < 1e-4


def test_the_sign_of_the_span(x64):
    """A blend in the red wing near the continuum bends the top to the red: positive, as Queloz defined it."""
    blended = gaussian(0.0, 3.0) - 0.1 * np.exp(-0.5 * ((V - 6) / 2) ** 2)
    assert float(_shape(jnp.asarray(V), jnp.asarray(blended)).span) > 0.05
    assert float(_shape(jnp.asarray(V), jnp.asarray(blended[::-1])).span) < -0.05


def test_single_precision():
    """0.1 m/s of a line with FWHM 7 km/s and contrast 0.4: rounding of the samples."""
    shape = _shape(jnp.asarray(V, jnp.float32), jnp.asarray(gaussian(), jnp.float32))
    assert shape.velocity.dtype == jnp.float32 and bool(shape.valid)
    assert abs(float(shape.velocity) - 1.3) < 1e-4
    assert abs(float(shape.span)) < 1e-3


@pytest.mark.parametrize(
    "profile",
    [np.ones_like(V), np.zeros_like(V), gaussian(depth=-0.3), gaussian(centre=60.0), V * np.nan, -gaussian()],
    ids=["flat", "zero", "emission", "elsewhere", "nan", "negative"],
)
def test_no_line_is_not_valid_and_its_gradient_finite(x64, profile):
    shape = _shape(jnp.asarray(V), jnp.asarray(profile))
    assert not bool(shape.valid) and not bool(shape.bisector_valid)
    assert all(np.all(np.isnan(getattr(shape, name))) for name in FIELDS)

    def loss(profiles):
        shapes = jax.vmap(line_shape, (None, 0))(jnp.asarray(V), profiles)
        return jnp.sum(jnp.where(shapes.valid, shapes.velocity, 0) ** 2)

    slope = jax.grad(loss)(jnp.stack([jnp.asarray(profile), jnp.asarray(gaussian())]))
    assert np.all(np.isfinite(slope[1])) and np.any(slope[1])


def test_a_line_at_the_edge_has_no_bisector_but_a_velocity(x64):
    shape = _shape(jnp.asarray(V), jnp.asarray(gaussian(centre=18.0)))
    assert bool(shape.valid) and not bool(shape.bisector_valid)
    np.testing.assert_allclose(shape.velocity, 18.0, rtol=1e-6)
    assert np.isnan(float(shape.span))


def check_slopes(function, profile, step=1e-7):
    """Forward and reverse derivatives along one direction against central differences, compiled once."""
    direction = jnp.asarray(np.random.default_rng(1).normal(size=profile.size))

    @jax.jit
    def both(p):
        forward = jax.jvp(function, (p,), (direction,))[1]
        value, back = jax.vjp(function, p)
        return value, forward, jax.vmap(lambda row: jnp.vdot(back(row)[0], direction))(jnp.eye(value.size))

    p = jnp.asarray(profile)
    _, forward, reverse = both(p)
    differences = (both(p + step * direction)[0] - both(p - step * direction)[0]) / (2 * step)
    np.testing.assert_allclose(reverse, forward, rtol=1e-8, atol=1e-9)
    # The step leaves 1e-6 of each, where the flanks are flat 1e-5.
    np.testing.assert_allclose(forward, differences, rtol=1e-5, atol=1e-5)
    assert np.all(forward != 0)


@pytest.mark.parametrize("name", PROFILES)
def test_gradients(x64, name):
    """Implicit derivatives of the fit, and of the crossings."""

    def measured(profile):
        shape = line_shape(jnp.asarray(V), profile)
        numbers = [shape.velocity, shape.fwhm, shape.contrast, shape.continuum, shape.span]
        return jnp.concatenate([jnp.stack(numbers), shape.bisector])

    check_slopes(measured, PROFILES[name])


def test_gradient_of_a_sloped_fit(x64):
    def measured(profile):
        shape = line_shape(jnp.asarray(V), profile, sloped=True)
        return jnp.stack([shape.velocity, shape.fwhm, shape.contrast])

    check_slopes(measured, lopsided() * (1 + 0.002 * V))


def test_a_batch_is_each_alone(x64):
    profiles = jnp.asarray(np.stack(list(PROFILES.values())))
    together = jax.vmap(_shape, (None, 0))(jnp.asarray(V), profiles)
    for i, profile in enumerate(profiles):
        alone = _shape(jnp.asarray(V), profile)
        np.testing.assert_allclose(together.span[i], alone.span, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(together.fwhm[i], alone.fwhm, rtol=1e-10)


def test_against_iccf(x64):
    """iccf's Gaussian to 1e-6 km/s; its BIS averages between other depths' ends (0.6-0.9), so 20 %."""
    gaussian_module = pytest.importorskip("iCCF.gaussian", exc_type=ImportError)
    profile = PROFILES["lopsided"]
    shape = _shape(jnp.asarray(V), jnp.asarray(profile))
    start = [-0.8, 1.0, 3.0, 2.0]
    depth, centre, sigma, level = gaussian_module.gaussfit(V, profile, start)[:4]
    np.testing.assert_allclose(shape.velocity, centre, rtol=0, atol=1e-6)
    np.testing.assert_allclose(shape.fwhm, gaussian_module.sig2fwhm(abs(sigma)), rtol=1e-6)
    np.testing.assert_allclose(shape.contrast, -depth / level, rtol=1e-6)
    bis = pytest.importorskip("iCCF.bisector", exc_type=ImportError).BIS(V, profile)
    assert abs(float(shape.span)) == pytest.approx(abs(float(bis)), rel=0.2)
