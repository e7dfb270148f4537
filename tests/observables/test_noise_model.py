import dataclasses
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.numerics import as_float, stream
from dynamojax.observables.noise import (
    ConstantWhite,
    Granulation,
    Noise,
    NoisyLightCurve,
    add_noise,
    kepler_noise,
    tess_noise,
    validate_noise,
    white_noise,
)
from dynamojax.system import Epochs, Star

CADENCE = 29.4244 / 1440.0
N = 300
# In units of 2^-20 day, so that steps of float32 fractions and of float64 ones are the same.
EPOCHS = Epochs.from_days(np.round(np.arange(N) * CADENCE * 2**20) / 2**20)
DAYS = EPOCHS.day + EPOCHS.fraction
FLUX = 1.0 - 1e-3 * jnp.cos(DAYS)
SUN = Star.from_degrees()


run_add_noise = jax.jit(add_noise)
run_batch = jax.jit(jax.vmap(add_noise, in_axes=(None, None, None, 0, 0, None)))  # keys are mapped too


def noisy(noise, *, key, flux=FLUX, epochs=EPOCHS, exposure=CADENCE, star=SUN, mag=10.0) -> NoisyLightCurve:
    return run_add_noise(flux, epochs, as_float(exposure), star, as_float(mag), noise, key=key)


def noisy_batch(noise, stars, mags, keys) -> NoisyLightCurve:
    return run_batch(FLUX, EPOCHS, as_float(CADENCE), stars, mags, noise, key=keys)


def test_named_streams_differ_and_stay():
    key = jax.random.key(0)
    data = [tuple(np.asarray(jax.random.key_data(stream(key, n))).tolist()) for n in ("a", "b", "a")]
    assert data[0] == data[2] != data[1]


def test_white_noise_has_the_stated_variance():
    n = 20_000
    epochs = Epochs.from_days(np.arange(n) * 0.02)
    out = noisy(white_noise(100.0), key=jax.random.key(0), flux=jnp.ones(n), epochs=epochs, exposure=0.02)
    # Five standard errors, 1 / sqrt(2 n) each.
    assert np.std(np.asarray(out.flux)) == pytest.approx(1e-4, rel=5 / np.sqrt(2 * n))
    np.testing.assert_allclose(out.flux_err, 1e-4, rtol=1e-6)
    assert np.all(np.asarray(out.good))


def test_same_key_same_noise_and_another_key_another():
    one, same, other = (noisy(kepler_noise(), key=jax.random.key(k)) for k in (1, 1, 2))
    np.testing.assert_array_equal(one.flux, same.flux)
    assert np.mean(np.asarray(one.flux == other.flux)) < 0.05  # float32 flux has steps of 0.06 ppm


def test_noise_of_a_star_does_not_depend_on_the_batch():
    noise, root, ids = kepler_noise(corrected=False), jax.random.key(3), jnp.array([4, 0, 3])
    stars = jax.tree.map(lambda v: jnp.stack([v, v, v]), SUN)
    keys = jax.vmap(lambda i: jax.random.fold_in(root, i))(ids)
    many = noisy_batch(noise, stars, 9.0 + 0.5 * ids, keys)
    for place, star_id in enumerate([4, 0, 3]):
        alone = noisy(noise, key=jax.random.fold_in(root, star_id), mag=9.0 + 0.5 * star_id)
        # The draws are the same; sums are ordered by the compiler, to a few roundings of the flux.
        np.testing.assert_allclose(many.flux[place], alone.flux, rtol=5e-7)
        np.testing.assert_array_equal(many.good[place], alone.good)
    assert np.std(many.flux[0] - many.flux[1]) > 1e-5


def test_parts_draw_from_their_own_streams():
    key, full = jax.random.key(4), Noise(kepler_noise().white, outliers=kepler_noise().outliers)
    less = dataclasses.replace(full, outliers=None)
    difference = np.asarray(noisy(full, key=key).flux - noisy(less, key=key).flux)
    assert np.mean(difference != 0.0) < 0.05


def test_one_trace_for_all_values():
    traces = []

    def counted(noise, mag, key):
        traces.append(1)
        return add_noise(FLUX, EPOCHS, jnp.asarray(CADENCE), SUN, mag, noise, key=key).flux

    run = jax.jit(counted)
    full = kepler_noise(corrected=False)
    run.trace(full, jnp.asarray(9.0), jax.random.key(0))
    run.trace(kepler_noise(), jnp.asarray(12.0), jax.random.key(1))
    run.trace(eqx.tree_at(lambda n: n.segments.gap, full, jnp.asarray(2)), 3.0, jax.random.key(1))
    assert len(traces) <= 2  # a Python float as magnitude is of weak type, another trace
    run.trace(dataclasses.replace(full, outliers=None), jnp.asarray(9.0), jax.random.key(0))
    assert len(traces) <= 3


@pytest.mark.parametrize("double", [False, True])
def test_dtype_follows_the_inputs(double):
    with jax.enable_x64(double):
        epochs, star, flux = Epochs.from_days(np.arange(N) * 0.03), Star.from_degrees(), as_float(np.ones(N))
        out = noisy(kepler_noise(), key=jax.random.key(5), flux=flux, epochs=epochs, star=star)
        assert out.flux.dtype == out.flux_err.dtype == (jnp.float64 if double else jnp.float32)
        assert out.good.dtype == bool
        assert np.all(np.isfinite(out.flux))


def test_tess_light_curve():
    out = noisy(tess_noise(corrected=False), key=jax.random.key(5), mag=10.0)
    assert np.all(np.isfinite(out.flux)) and np.any(out.good)
    # Stassun et al. (2018): 203 ppm in an hour, so 289 ppm in 29.4 minutes.
    assert 1e6 * out.flux_err[0] == pytest.approx(289.0, rel=0.03)


def test_gaps_of_the_schedule_are_bad_and_the_rest_good():
    noise = eqx.tree_at(lambda n: n.safe_modes.rate, kepler_noise(), as_float(0.0))
    times = np.arange(N) * 0.5 + 0.1
    out = noisy(noise, key=jax.random.key(6), epochs=Epochs.from_days(times))
    want = (times + 0.9) % 31.0 >= 0.9
    np.testing.assert_array_equal(out.good, want)
    assert 0 < (~want).sum() < 20


def test_overlapping_or_unordered_exposures_are_not_good():
    order = np.arange(N)
    order[[1, 2]] = [2, 1]
    for times in (np.arange(N) * 0.01, order * 1.0):
        out = noisy(kepler_noise(), key=jax.random.key(7), epochs=Epochs.from_days(times))
        assert not np.any(out.good[2:])


def test_nan_flux_is_not_good_and_stays_alone():
    flux = FLUX.at[5].set(jnp.nan)
    out = noisy(white_noise(10.0), key=jax.random.key(8), flux=flux)
    assert np.array_equal(np.flatnonzero(~np.asarray(out.good)), [5])
    assert np.isfinite(np.delete(np.asarray(out.flux), 5)).all()


def test_one_bad_star_leaves_the_others_exact():
    stars = jax.tree.map(lambda v: jnp.stack([v, v, v]), SUN)
    broken = dataclasses.replace(stars, teff=stars.teff.at[1].set(jnp.nan))
    keys, mags = jax.random.split(jax.random.key(9), 3), jnp.full(3, 10.0)
    fine, bad = (noisy_batch(kepler_noise(), s, mags, keys) for s in (stars, broken))
    assert np.all(np.isnan(bad.flux[1])) and not np.any(bad.good[1])
    for i in (0, 2):
        np.testing.assert_array_equal(fine.flux[i], bad.flux[i])
        assert np.all(np.isfinite(fine.flux[i]))


def test_gradient_with_respect_to_every_parameter_is_finite_and_flux_passes_through():
    @jax.jit
    @partial(jax.grad, argnums=(0, 1, 2))
    def slopes(noise, flux, mag):
        noised = add_noise(flux, EPOCHS, as_float(CADENCE), SUN, mag, noise, key=jax.random.key(10))
        return jnp.sum(jnp.sin(DAYS) * noised.flux)

    by_noise, by_flux, by_mag = slopes(kepler_noise(corrected=False), FLUX, as_float(12.0))
    assert all(np.isfinite(v) for v in jax.tree.leaves(by_noise))
    assert by_mag != 0.0
    np.testing.assert_allclose(by_flux, np.sin(DAYS), atol=0.03)
    assert by_noise.wander.rms_ppm != 0.0 and by_noise.granulation.scale != 0.0


def test_gradient_with_respect_to_amplitudes_is_exact():
    with jax.enable_x64(True):
        epochs, star = Epochs.from_days(np.arange(50) * CADENCE), Star.from_degrees()

        def flux(scale):
            noise = Noise(ConstantWhite(30.0), granulation=Granulation(scale))
            exposure, mag = as_float(CADENCE), as_float(10.0)
            return add_noise(jnp.ones(50), epochs, exposure, star, mag, noise, key=jax.random.key(11)).flux

        step = jax.jit(lambda at: jax.jvp(flux, (at,), (as_float(1.0),)))
        (low, slope), (high, _) = step(as_float(1.0)), step(as_float(2.0))
        np.testing.assert_allclose(slope, high - low, atol=1e-14)
        assert np.std(slope) > 1e-6


@pytest.mark.parametrize(
    "preset", [kepler_noise(), kepler_noise(corrected=False), tess_noise(), white_noise(30.0)]
)
def test_presets_are_valid(preset):
    validate_noise(preset, EPOCHS, CADENCE, jnp.asarray(10.0))


def changed(where, value) -> Noise:
    return eqx.tree_at(where, kepler_noise(), jnp.asarray(value))


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (changed(lambda n: n.granulation.scale, -1.0), r"noise.granulation.scale = -1 is outside \[0, inf\]"),
        (changed(lambda n: n.white.rate_zero, 0.0), r"noise.white.rate_zero = 0 is outside \(0, inf\]"),
        (changed(lambda n: n.white.live, 1.2), r"noise.white.live = 1.2 is outside \(0, 1\]"),
        (changed(lambda n: n.outliers.rate, 1.5), r"noise.outliers.rate = 1.5 is outside \[0, 1\]"),
        (changed(lambda n: n.wander.timescale, np.nan), "noise.wander.timescale = nan"),
        (changed(lambda n: n.oscillations.scale, np.inf), "noise.oscillations.scale = inf"),
        (changed(lambda n: n.segments.gap, 31.0), "gap must be below"),
        (changed(lambda n: n.safe_modes.rate, [0.0, 5.0]), "expects 30.5 events"),
    ],
)
def test_validate_names_the_parameter(noise, message):
    with pytest.raises(ValueError, match=message):
        validate_noise(noise, EPOCHS, CADENCE, jnp.asarray(10.0))


@pytest.mark.parametrize(
    ("times", "exposure", "mag", "message"),
    [
        ([0.0, 2.0, 1.0], 0.1, 10.0, "epoch 2 comes before epoch 1"),
        ([0.0, 0.1, 0.2], 0.15, 10.0, "exposures overlap"),
        ([0.0, 1.0], -0.1, 10.0, "exposure = -0.1"),
        ([0.0, 1.0], 0.1, np.nan, "mag must be finite"),
        ([0.0, np.nan], 0.1, 10.0, "epochs must be finite"),
    ],
)
def test_validate_names_the_times(times, exposure, mag, message):
    with pytest.raises(ValueError, match=message):
        validate_noise(kepler_noise(), Epochs.from_days(times), exposure, jnp.asarray(mag))


def test_an_empty_light_curve():
    nothing = Epochs.from_days([])
    validate_noise(white_noise(10.0), nothing, CADENCE, jnp.asarray(10.0))
    out = noisy(white_noise(10.0), key=jax.random.key(12), flux=jnp.zeros(0), epochs=nothing)
    assert out.flux.shape == out.good.shape == (0,)
