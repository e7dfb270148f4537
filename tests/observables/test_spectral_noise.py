from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.instruments import spectrograph_presets as instruments
from dynamojax.observables import spectral_noise_presets as presets
from dynamojax.observables.spectral_noise import (
    BadPixels,
    Photons,
    Ripple,
    SpectralNoise,
    add_spectral_noise,
    pixel_table,
    ripple_factor,
)

APOGEE = instruments.apogee()
# Three arms of 300 pixels, on which statistics are quick.
APOGEE = replace(APOGEE, arms=tuple(arm.part(1000, 1300) for arm in APOGEE.arms))
PIXELS = pixel_table(APOGEE)
FLUX = 1e-13 * (1 + 0.3 * jnp.sin(jnp.arange(APOGEE.n_pixels) / 70.0))
HOUR = jnp.asarray(1 / 24)
MAG = jnp.asarray(12.0)
WHITE = SpectralNoise(presets.signal_to_noise(APOGEE, 80.0, 12.0, 1 / 24))


keyed = jax.jit(
    jax.vmap(lambda k, *a: add_spectral_noise(*a, key=k), in_axes=(0, None, None, None, None, None))
)


def draws(noise, n=1000, flux=FLUX, seed=0):
    return keyed(jax.random.split(jax.random.key(seed), n), flux, PIXELS, MAG, HOUR, noise)


def test_white_noise_has_the_stated_error():
    noisy = draws(WHITE)
    z = (np.asarray(noisy.flux) - FLUX) / np.asarray(noisy.flux_err)
    n = z.size  # a million: mean and spread to a few standard errors
    assert abs(z.mean()) < 4 / np.sqrt(n) and abs(z.std() - 1) < 4 / np.sqrt(2 * n)
    assert abs((z**4).mean() - 3) < 4 * np.sqrt(96 / n)
    # Neighbours and arms are independent.
    assert abs(np.mean(z[:, 1:] * z[:, :-1])) < 4 / np.sqrt(n)
    assert noisy.good.all()
    np.testing.assert_allclose(noisy.ivar, np.asarray(noisy.flux_err, dtype=float) ** -2, rtol=1e-5)


@pytest.mark.parametrize("background", [0.0, 0.3, 1.0])
def test_signal_to_noise_follows_photons_and_background(background):
    white = presets.signal_to_noise(APOGEE, 80.0, 12.0, 1 / 24, background=background)
    flat = jnp.ones(APOGEE.n_pixels)

    def snr(flux=flat, mag=12.0, exposure=1 / 24):
        return flux / white.sigma(flux, PIXELS, jnp.asarray(mag), jnp.asarray(exposure))

    np.testing.assert_allclose(snr(), 80.0, rtol=1e-6)
    np.testing.assert_allclose(snr(exposure=4 / 24), 160.0, rtol=1e-6)
    fainter = 10**0.8  # two magnitudes
    expected = 80.0 / np.sqrt((1 - background) * fainter + background * fainter**2)
    np.testing.assert_allclose(snr(mag=14.0), expected, rtol=1e-6)
    # The unit of the flux does not matter; a pixel with a quarter of the light has half the S/N in photons.
    np.testing.assert_allclose(snr(1e-15 * flat), 80.0, rtol=1e-5)
    line = flat.at[100].set(0.25)
    level = float(jnp.mean(line[PIXELS.arm == 0]))
    expected = 0.25 * 80.0 / level / np.sqrt((1 - background) * 0.25 / level + background)
    np.testing.assert_allclose(snr(line)[100], expected, rtol=1e-5)


def test_curve_per_resolution_element_adds_up_to_it():
    white = presets.signal_to_noise(APOGEE, 100.0, 12.0, 1 / 24, per_element=True)
    in_element = APOGEE.wavelength / APOGEE.resolution / APOGEE.width
    np.testing.assert_allclose(white.snr * np.sqrt(in_element), 100.0, rtol=1e-5)
    assert np.all((in_element > 3.1) & (in_element < 3.4))  # 1 / 22500 over 6e-6 dex


def test_curve_is_interpolated_and_must_cover_the_pixels():
    white = presets.signal_to_noise(APOGEE, [50.0, 150.0], 12.0, 1.0, wavelength=[15000.0, 17000.0])
    np.testing.assert_allclose(white.snr, 50 + (APOGEE.wavelength - 15000) / 20, rtol=1e-5)
    with pytest.raises(ValueError, match="cover the pixels of apogee"):
        presets.signal_to_noise(APOGEE, [50.0, 150.0], 12.0, 1.0, wavelength=[15500.0, 17000.0])
    with pytest.raises(ValueError, match="snr down to -5"):
        presets.signal_to_noise(APOGEE, -5.0, 12.0, 1.0)


def test_photons_are_counted_as_by_hand():
    photons = Photons(area=35000.0, throughput=0.15, sky=0.2, read_noise=12.0, n_reads=8.0, sky_spectra=35.0)
    exposure = 4000.0
    flux = np.asarray(FLUX, dtype=np.float64)
    # Energy of a photon h c / lambda [erg], with CODATA values written out again.
    energy = 6.62607015e-27 * 2.99792458e10 / (APOGEE.wavelength * 1e-8)
    counted = flux * APOGEE.width / energy * 35000.0 * 0.15 * exposure
    days = jnp.asarray(exposure / 86400)
    np.testing.assert_allclose(photons.electrons(FLUX, PIXELS, days), counted, rtol=1e-5)
    variance = counted + (0.2 * exposure + 8 * 144.0) * (1 + 1 / 35)
    sigma = photons.sigma(FLUX, PIXELS, MAG, days)
    np.testing.assert_allclose(flux / sigma, counted / np.sqrt(variance), rtol=1e-5)


def test_bad_pixels_come_at_their_rate_and_are_flagged():
    bad = BadPixels(rate=0.02, amplitude=50.0, caught=0.8)
    noisy = draws(SpectralNoise(WHITE.white, bad))
    clean = draws(WHITE)
    deviation = (np.asarray(noisy.flux) - np.asarray(clean.flux)) / np.asarray(clean.flux_err)
    hit = deviation > 0.01
    n = hit.size
    assert abs(hit.mean() - 0.02) < 4 * np.sqrt(0.02 / n) + 0.02 * 2e-4
    assert abs((~np.asarray(noisy.good)).mean() - 0.016) < 4 * np.sqrt(0.016 / n)
    assert deviation[hit].mean() == pytest.approx(50.0, rel=0.03)
    assert np.all(noisy.ivar[~noisy.good] == 0)


def test_ripple_has_its_size_and_is_each_arms_own():
    keys = jax.random.split(jax.random.key(5), 500)
    ripple = Ripple(0.03, n_waves=4)
    factor = np.asarray(jax.vmap(lambda k: ripple_factor(ripple, PIXELS, key=k))(keys)) - 1
    assert np.sqrt(np.mean(factor**2)) == pytest.approx(0.03, rel=0.04)
    arm = np.asarray(PIXELS.arm)
    # One arm's mean square is shared by its pixels; between arms there is no correlation.
    first, second = factor[:, arm == 0], factor[:, arm == 1]
    assert abs(np.mean(first[:, 10] * second[:, 10])) < 4 * 0.03**2 / np.sqrt(500)
    assert np.mean(first[:, 10] * first[:, 15]) > 0.8 * 0.03**2
    # Nothing shorter than a quarter of the arm.
    power = np.mean(np.abs(np.fft.rfft(factor[:, arm == 0] - factor[:, arm == 0].mean(1)[:, None])) ** 2, 0)
    assert power[8:].sum() < 0.05 * power.sum()


def test_same_key_same_noise_and_parts_do_not_disturb_each_other():
    one, again = draws(WHITE, 2), draws(WHITE, 2)
    np.testing.assert_array_equal(one.flux, again.flux)
    other = draws(SpectralNoise(WHITE.white, BadPixels(0.0, 10.0, 1.0)), 2)
    np.testing.assert_array_equal(one.flux, other.flux)
    assert np.all(one.flux[0] != one.flux[1])


def test_what_is_not_finite_is_not_good():
    noisy = draws(WHITE, 1, flux=FLUX.at[100].set(jnp.nan))
    # One bad value spoils the level of its arm, and nothing else.
    np.testing.assert_array_equal(noisy.good[0], PIXELS.arm != 0)
    assert np.all(noisy.ivar[0, PIXELS.arm == 0] == 0)


def test_gradients(x64):
    small = instruments.apogee().within(15790.0, 15880.0)
    pixels, key = pixel_table(small), jax.random.key(1)
    noise = presets.apogee_noise(small)
    rng = np.random.default_rng(0)
    flux, direction = rng.uniform(0.5, 1.5, small.n_pixels), rng.normal(size=small.n_pixels)

    @jax.jit
    def along(step):
        moved, mag = jnp.asarray(flux) + step * jnp.asarray(direction), 12.0 + step

        def value(flux, mag):
            return jnp.sum(add_spectral_noise(flux, pixels, mag, HOUR, noise, key=key).flux ** 2)

        total, (by_flux, by_mag) = jax.value_and_grad(value, (0, 1))(moved, mag)
        return total, jnp.vdot(by_flux, direction) + by_mag

    slope = along(jnp.asarray(0.0))[1]
    step = 1e-5
    difference = (along(jnp.asarray(step))[0] - along(jnp.asarray(-step))[0]) / (2 * step)
    np.testing.assert_allclose(slope, difference, rtol=1e-7)


def test_presets_have_the_published_signal_to_noise():
    lamost = instruments.lamost()
    flat = jnp.ones(lamost.n_pixels)
    noise = presets.lamost_noise(lamost)
    sigma = noise.white.sigma(flat, pixel_table(lamost), jnp.asarray(14.0), HOUR)
    at = np.interp([5200.0, 7400.0], lamost.wavelength, np.asarray(flat / sigma))
    np.testing.assert_allclose(at, [67.0, 146.0], rtol=1e-3)
    for make, preset, mag, exposure, element in (
        (instruments.apogee, presets.apogee_noise, 12.2, 12000 / 86400, 2.0),
        (instruments.galah, presets.galah_noise, 14.0, 1 / 24, 1.0),
    ):
        spectrograph = make()
        table = pixel_table(spectrograph)
        flat = jnp.ones(spectrograph.n_pixels)
        sigma = preset(spectrograph).white.sigma(flat, table, jnp.asarray(mag), jnp.asarray(exposure))
        pixels = spectrograph.wavelength / spectrograph.resolution / spectrograph.width / element
        np.testing.assert_allclose(np.sqrt(pixels) / np.asarray(sigma), 100.0, rtol=1e-4)
