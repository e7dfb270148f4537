"""Errors by photon noise against many draws, and the chromatic index against a weighted fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import dynamojax as dj
from dynamojax.observables.velocity_noise import photon_limit, propagated_error
from tests.observables.lines import lines, spectrograph, spectrum

VELOCITIES = np.arange(-15, 15.1, 0.5)


def test_limit_of_one_line_in_closed_form(x64):
    """A Gaussian line: information = depth^2 sqrt(pi) / (2 sigma) / step, by Bouchy's sum as an integral."""
    instrument = spectrograph((5000, 5020), step_km_s=0.2)
    mask = dj.LineMask.from_lines("one", [5010.0])
    sigma, depth, ivar = 4.0, 0.3, 1e4
    flux = jnp.asarray(spectrum(instrument, mask, sigma=sigma, depth=depth))
    total, arms = photon_limit(instrument, flux, jnp.full(flux.shape, ivar))
    expected = 1 / np.sqrt(ivar * depth**2 * np.sqrt(np.pi) / (2 * sigma) / 0.2)
    np.testing.assert_allclose([total, arms[0]], expected, rtol=2e-3)  # pixels of sigma / 20


def test_arms_add_up_and_bad_pixels_do_not_count(precision):
    instrument = spectrograph((5000, 5050), (5050, 5100))
    flux = jnp.asarray(spectrum(instrument, lines(4990, 5110, 60)))
    ivar = jnp.full(flux.shape, 1e4)
    total, arms = photon_limit(instrument, flux, ivar)
    np.testing.assert_allclose(total, np.sum(np.asarray(arms) ** -2.0) ** -0.5, rtol=1e-6)
    spoilt = flux.at[: instrument.arms[0].n_pixels].set(jnp.nan)
    total, found = photon_limit(instrument, spoilt, ivar)
    assert float(found[0]) == np.inf
    np.testing.assert_allclose([total, found[1]], arms[1], rtol=1e-6)
    only = np.arange(flux.size) < instrument.arms[0].n_pixels
    np.testing.assert_allclose(photon_limit(instrument, flux, ivar, jnp.asarray(only))[0], arms[0], rtol=1e-6)
    assert float(photon_limit(instrument, flux, 0 * ivar)[0]) == np.inf


def test_propagated_error_is_that_of_many_draws(x64):
    """Velocity of the correlation: 600 draws to 12 % (four sigma); no better than the limit."""
    instrument, mask = spectrograph((5000, 5100)), lines(4990, 5110, 60)
    correlate = dj.correlator(instrument, mask, VELOCITIES)

    def velocity(flux):
        return dj.line_shape(correlate.velocity, correlate(flux).total).velocity

    flux = jnp.asarray(spectrum(instrument, mask))
    ivar = jnp.full(flux.shape, 1e4)
    error = jax.jit(lambda f, i: propagated_error(velocity, f, i))(flux, ivar)
    noise = 0.01 * jnp.asarray(np.random.default_rng(4).normal(size=(600, flux.size)))
    scatter = float(jnp.std(jax.jit(jax.vmap(velocity))(flux + noise)))
    assert scatter == pytest.approx(float(error), rel=0.12)
    limit = float(photon_limit(instrument, flux, ivar)[0])
    assert limit * 0.99 < float(error) < 2 * limit


def test_chromatic_index_against_polyfit(x64):
    rng = np.random.default_rng(3)
    ln, error = np.log(rng.uniform(4000, 7000, 20)), rng.uniform(0.5, 2.0, 20)
    velocity = 3.0 - 12.0 * (ln - 8.5) + rng.normal(size=20)
    found = dj.chromatic_index(*(jnp.asarray(q) for q in (velocity, error, ln)))
    (slope, level), covariance = np.polyfit(ln, velocity, 1, w=1 / error, cov="unscaled")
    np.testing.assert_allclose([found.index, found.index_error], [slope, covariance[0, 0] ** 0.5], rtol=1e-9)
    np.testing.assert_allclose(found.velocity, level + slope * found.ln_wavelength, rtol=1e-12)
    assert bool(found.valid)


def test_chromatic_index_skips_orders_and_knows_when_it_has_too_few(precision):
    v, e, ln = jnp.asarray([1.0, jnp.nan, 3.0]), jnp.ones(3), jnp.asarray([8.5, 8.6, 8.7])
    assert float(dj.chromatic_index(v, e, ln).index) == pytest.approx(10.0, rel=1e-4)
    for few in ((v, e.at[0].set(jnp.inf), ln), (v[1:], e[1:], ln[1:]), (v, e, 8.5 * jnp.ones(3))):
        found = dj.chromatic_index(*few)
        assert not bool(found.valid) and np.isnan(float(found.index))
    slope = jax.grad(lambda v: dj.chromatic_index(v, e, ln).index)(v)
    assert np.all(np.isfinite(slope)) and float(slope[1]) == 0


def test_chromatic_gradients(x64):
    rng = np.random.default_rng(5)
    ln, error, velocity = rng.uniform(8.3, 8.9, 6), rng.uniform(0.5, 2, 6), rng.normal(size=6)
    check_grads(
        lambda v, e: dj.chromatic_index(jnp.asarray(v), jnp.asarray(e), jnp.asarray(ln)).index,
        (jnp.asarray(velocity), jnp.asarray(error)),
        order=1,
        modes=("fwd", "rev"),
    )


@pytest.mark.slow
def test_index_of_a_star_whose_arms_move_apart(x64):
    """From spectra to the index: arms shifted by 30 and 10 m/s."""
    instrument, mask = spectrograph((5000, 5100), (6000, 6100)), lines(4990, 6110, 900)
    correlate = dj.correlator(instrument, mask, VELOCITIES)
    n = instrument.arms[0].n_pixels
    spectra = [spectrum(instrument, mask, v) for v in (0.03, 0.01)]
    flux = jnp.asarray(np.concatenate([spectra[0][:n], spectra[1][n:]]))
    still = correlate(jnp.asarray(spectrum(instrument, mask, 0.0)))

    def velocities(arms):
        return jax.vmap(lambda arm: dj.line_shape(correlate.velocity, arm).velocity)(arms)

    change = velocities(correlate(flux).arms) - velocities(still.arms)
    ln = jnp.asarray(correlate.ln_wavelength)
    index = float(dj.chromatic_index(change, jnp.full(2, 1e-3), ln).index)
    assert index == pytest.approx(-0.02 / np.log(6050 / 5050), rel=0.02)
