import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.observables.noise import Granulation, Noise, Oscillations
from dynamojax.observables.noise.model import correlated_noise
from dynamojax.observables.noise.seismology import (
    delta_nu_uhz,
    linewidth_uhz,
    nu_max_uhz,
    oscillation_terms,
    radial_amplitude_ppm,
)
from dynamojax.observables.noise.white import ConstantWhite
from dynamojax.system import Epochs, Star
from tests.oracles import noise as oracle

SUN = Star.from_degrees()
GIANT = Star.from_degrees(teff=4800.0, logg=2.5, radius=10.5, mass=1.2)
HOT = Star.from_degrees(teff=9500.0, logg=4.0, radius=2.0, mass=2.2)
UHZ = 2.0 * np.pi * 0.0864  # rad/day


@jax.jit
def run(noise, epochs, exposure, star, keys):
    return jax.vmap(lambda k: correlated_noise(noise, epochs, exposure, star, key=k))(keys)


def realisations(noise, star, n_times, cadence, exposure, n):
    epochs, keys = Epochs.from_days(np.arange(n_times) * cadence), jax.random.split(jax.random.key(5), n)
    return np.asarray(run(noise, epochs, jnp.asarray(exposure), star, keys), dtype=np.float64)


@jax.jit
def run_stars(noise, stars):
    epochs, key = Epochs.from_days(np.arange(32) * 0.02), jax.random.key(0)
    return jax.vmap(lambda s: correlated_noise(noise, epochs, jnp.asarray(0.02), s, key=key))(stars)


def test_the_sun():
    # 3090 and 135.1 uHz, 2.5 ppm, 1.39 uHz are the Sun's in the relations' own calibration; the
    # band factor (5772 / 5934)^-0.8 and the decline towards the red edge (0.13) multiply the amplitude.
    assert nu_max_uhz(SUN.teff, SUN.logg) == pytest.approx(3090.0, rel=1e-5)
    assert delta_nu_uhz(SUN.mass, SUN.radius) == pytest.approx(135.1)
    assert linewidth_uhz(SUN.teff) == pytest.approx(1.38, abs=0.01)
    decline = 1.0 - np.exp(-(8907.0 - 5772.0) / 1550.0)
    assert radial_amplitude_ppm(SUN) == pytest.approx(2.5 * 1.0224 * decline, rel=1e-3)


@pytest.mark.parametrize(("star", "nu_max"), [(SUN, 3090.0), (GIANT, None)])
@pytest.mark.parametrize("live", [1.0, 0.5])
def test_granulation_has_the_published_power(star, nu_max, live):
    cadence, n = oracle.LONG_CADENCE_DAY, 300
    noise = Noise(ConstantWhite(0.0), granulation=Granulation(1.0))
    flux = realisations(noise, star, 1024, cadence, live * cadence, n)
    nu, power = oracle.periodogram(flux, cadence)
    if nu_max is None:
        nu_max = 3090.0 * 10 ** (2.5 - 4.43807) * np.sqrt(5772.0 / 4800.0)
    want = oracle.sampled_psd(lambda f: oracle.kallinger_psd(nu_max, f), nu, live * cadence, cadence)
    # 7 frequencies of 300 realisations, each of exponential distribution: 5 standard errors are 11 %.
    # Leakage from the steep slope of a giant adds to a finite series; it stays below that where the
    # power is above a hundredth of its maximum.
    ratio = (power.mean(0)[: 73 * 7] / want[: 73 * 7]).reshape(73, 7).mean(1)
    strong = want[: 73 * 7].reshape(73, 7).mean(1) > 0.01 * want.max()
    assert strong.sum() > 5
    np.testing.assert_allclose(ratio[strong], 1.0, atol=0.11)
    # The mean over all of them is a check at 1 %.
    assert ratio[strong].mean() == pytest.approx(1.0, abs=0.11 / np.sqrt(strong.sum()))


def test_scale_multiplies_the_amplitude():
    one, other = (
        realisations(Noise(ConstantWhite(0.0), granulation=Granulation(s)), SUN, 64, 0.02, 0.02, 2)
        for s in (1.0, 0.85)
    )
    np.testing.assert_allclose(other, 0.85 * one, rtol=1e-4, atol=1e-4)


def test_oscillations_lie_under_their_envelope():
    cadence, n_times, n = 58.85 / 86400.0, 4096, 10
    noise = Noise(ConstantWhite(0.0), oscillations=Oscillations(1.0))
    flux = realisations(noise, SUN, n_times, cadence, cadence, n)
    nu, power = oracle.periodogram(flux, cadence)
    power = power.mean(0)
    total = power.sum() * (nu[1] - nu[0])
    centre = (power * nu).sum() / power.sum()
    width = np.sqrt((power * (nu - centre) ** 2).sum() / power.sum()) * np.sqrt(8 * np.log(2))
    # Power of an envelope of modes half a large separation apart, less what the minute averages out.
    sigma = 0.66 * 3090.0**0.88 / 2.3548
    decline = 1.0 - np.exp(-(8907.0 - 5772.0) / 1550.0)
    radial = 2.5 * (5772.0 / 5934.0) ** -0.8 * decline
    want = 3.1 * radial**2 * np.sqrt(2 * np.pi) * sigma / 135.1 * np.sinc(3090e-6 * 58.85) ** 2
    # The variance of 25 modes of lifetime 2.7 days in 10 runs of 2.8 days scatters by 7 %.
    assert total == pytest.approx(want, rel=0.2)
    assert centre == pytest.approx(3090.0, rel=0.03)
    # 25 modes end at 2.5 sigma, which takes 6 % off the width.
    assert width == pytest.approx(0.94 * 2.3548 * sigma, rel=0.1)


def test_modes_are_half_a_large_separation_apart_with_a_gaussian_envelope():
    terms = oscillation_terms(Oscillations(1.0), SUN)
    frequency, variance = np.asarray(terms.omega) / UHZ, np.asarray(terms.rms) ** 2
    np.testing.assert_allclose(np.diff(frequency), 135.1 / 2, rtol=1e-3)
    np.testing.assert_allclose(
        (frequency / 135.1 - 1.4) * 2, np.round((frequency / 135.1 - 1.4) * 2), atol=1e-3
    )
    sigma = 0.66 * 3090.0**0.88 / 2.3548
    slope = np.polyfit((frequency - 3090.0) ** 2, np.log(variance), 1)[0]
    assert slope == pytest.approx(-0.5 / sigma**2, rel=1e-3)
    more = np.asarray(oscillation_terms(Oscillations(1.0, n_modes=61), SUN).rms) ** 2
    assert 0.98 < variance.sum() / more.sum() < 1.0


def test_exposure_takes_the_oscillations_of_the_sun_away_in_long_cadence():
    noise = Noise(ConstantWhite(0.0), oscillations=Oscillations(1.0))
    short = realisations(noise, SUN, 512, 0.0204, 58.85 / 86400, 8).std()
    long = realisations(noise, SUN, 512, 0.0204, 0.0204, 8).std()
    assert long < 0.1 * short


def test_no_oscillations_beyond_the_red_edge():
    hotter = Star.from_degrees(teff=20000.0, logg=4.0, radius=4.0, mass=8.0)
    stars = jax.tree.map(lambda *x: jnp.stack(x), HOT, hotter)
    noise = Noise(ConstantWhite(0.0), oscillations=Oscillations(1.0))
    variation = run_stars(noise, stars)
    assert np.all(variation == 0.0)


def test_finite_over_the_diagram():
    stars = [
        Star.from_degrees(teff=teff, logg=logg, radius=10 ** (0.5 * (4.438 - logg)))
        for teff in (2400.0, 3600.0, 6500.0, 12000.0)
        for logg in (0.0, 1.5, 5.3)
    ]
    stars = jax.tree.map(lambda *x: jnp.stack(x), *stars)
    noise = Noise(ConstantWhite(0.0), Granulation(1.0), Oscillations(1.0))
    variation = run_stars(noise, stars)
    assert np.all(np.isfinite(variation))
    assert np.all(np.std(variation, axis=1) > 0)


def test_gradients_with_respect_to_the_star_and_the_scale():
    epochs = Epochs.from_days(np.arange(40) * 0.0204)
    noise = Noise(ConstantWhite(0.0), Granulation(1.0), Oscillations(1.0))

    @jax.jit
    @partial(jax.grad, argnums=(0, 1))
    def slopes(noise, star):
        return jnp.sum(correlated_noise(noise, epochs, jnp.asarray(0.0204), star, key=jax.random.key(0)) ** 2)

    by_noise, by_star = slopes(noise, SUN)
    assert all(np.isfinite(v) for v in jax.tree.leaves((by_noise, by_star)))
    assert by_noise.granulation.scale > 0  # power grows with amplitude
    for name in ("teff", "logg", "mass", "radius"):
        assert getattr(by_star, name) != 0.0
    assert all(np.isfinite(v) for v in jax.tree.leaves(slopes(noise, HOT)))


def test_static_choices_are_checked():
    with pytest.raises(ValueError, match="n_modes = 0"):
        Oscillations(1.0, n_modes=0)
    assert dataclasses.replace(Oscillations(1.0), n_modes=3).n_modes == 3
