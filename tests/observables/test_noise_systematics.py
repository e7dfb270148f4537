import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.observables.noise.systematics import (
    Outliers,
    SafeModes,
    Segments,
    Wander,
    outlier_deviations,
    safe_mode_effects,
    segment_effects,
    wander_terms,
)
from dynamojax.system import Epochs

run_segments, run_safe_modes = jax.jit(segment_effects), jax.jit(safe_mode_effects)
TIMES = np.arange(0.0, 200.0, 0.05)
EPOCHS = Epochs.from_days(TIMES)
DAYS = EPOCHS.day + EPOCHS.fraction


def segments(**changed):
    values = dict(
        start=5.0, period=30.0, gap=1.0, offset_ppm=0.0, drift_ppm=0.0, thermal_ppm=0.0, thermal_time=2.0
    )
    static = {k: changed.pop(k) for k in ("gaps_per_segment", "degree") if k in changed}
    return Segments(**(values | changed), **static)


def safe_modes(**changed):
    return SafeModes(**(dict(rate=0.02, duration=3.0, recovery_ppm=1000.0, recovery_time=1.0) | changed))


def ppm(factor):
    return 1e6 * (np.asarray(factor, dtype=np.float64) - 1.0)


def test_gap_mask():
    factor, good = run_segments(segments(), EPOCHS, key=jax.random.key(0))
    # Gaps begin at 5, 35, 65, ... and at -25, before the light curve.
    phase = (TIMES - 5.0) % 30.0
    clear = np.minimum(phase, np.abs(phase - 1.0)) > 1e-3
    np.testing.assert_array_equal(np.asarray(good)[clear], (phase >= 1.0)[clear])
    assert np.all(np.asarray(factor) == 1.0)


def test_offsets_are_constant_in_a_segment_and_of_the_stated_size():
    wide = segments(offset_ppm=500.0, gaps_per_segment=2)
    draw = jax.jit(jax.vmap(lambda k: segment_effects(wide, EPOCHS, key=k)[0]))
    level = ppm(draw(jax.random.split(jax.random.key(1), 400)))
    number = np.floor((TIMES - 5.0) / 60.0)
    levels = []
    for n in np.unique(number):
        inside = level[:, number == n]
        np.testing.assert_array_equal(inside[:, :1] + 0 * inside, inside)
        levels.append(inside[:, 0])
    # 400 keys in 5 segments: 2000 normal deviates, five standard errors are 8 %.
    assert np.std(levels) == pytest.approx(500.0, rel=0.08)
    assert np.abs(np.corrcoef(levels) - np.eye(len(levels))).max() < 5.0 / np.sqrt(400)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_drift_is_a_polynomial_of_the_stated_degree(degree):
    whole = segments(start=0.0, period=200.0, gap=0.0, drift_ppm=1000.0, degree=degree)
    drift = ppm(run_segments(whole, EPOCHS, key=jax.random.key(2))[0])
    fit, residuals = np.polynomial.legendre.legfit(TIMES / 100.0 - 1.0, drift, degree, full=True)
    assert np.sqrt(residuals[0][0] / TIMES.size) < 0.1  # float32 flux has steps of 0.06 ppm
    assert np.all(np.abs(fit[1:]) > 1.0)
    assert fit[0] == pytest.approx(0.0, abs=0.5)


def test_thermal_recovery_is_exponential():
    _, good = run_segments(segments(), EPOCHS, key=jax.random.key(3))
    warm = ppm(run_segments(segments(thermal_ppm=1e4), EPOCHS, key=jax.random.key(3))[0])
    inside = np.asarray(good) & (TIMES > 36.0) & (TIMES < 40.0)
    slope = np.polyfit(TIMES[inside], np.log(np.abs(warm[inside])), 1)[0]
    assert slope == pytest.approx(-0.5, rel=1e-3)


def test_a_segment_does_not_depend_on_the_sampling():
    wide = segments(offset_ppm=500.0, thermal_ppm=100.0)
    late = TIMES > 100.0
    whole = run_segments(wide, EPOCHS, key=jax.random.key(4))[0]
    part = run_segments(wide, Epochs.from_days(TIMES[late]), key=jax.random.key(4))[0]
    np.testing.assert_array_equal(np.asarray(whole)[late], part)


def test_safe_modes_have_the_stated_rate_and_length():
    draw = jax.jit(jax.vmap(lambda k: safe_mode_effects(safe_modes(), EPOCHS, key=k)))
    factor, good = map(np.asarray, draw(jax.random.split(jax.random.key(5), 1000)))
    # Mean loss of a Poisson process of intervals, the fraction 1 - exp(-rate * mean length) once the
    # memory of the start is gone; 1000 light curves of four events each give it to 2 %, five sigma 10 %.
    lost = 1.0 - good[:, TIMES > 30.0].mean()
    assert lost == pytest.approx(1.0 - np.exp(-0.02 * 3.0), rel=0.1)
    assert np.all(np.isfinite(factor))
    assert good[:, 0].all()
    recovering = ppm(factor)[good]
    assert 0.0 < np.mean(recovering**2) < 1000.0**2
    begins = (~good[:, 1:] & good[:, :-1]).sum(1)
    assert begins.mean() == pytest.approx(0.02 * 200.0, rel=0.1)


def test_no_safe_modes_at_zero_rate():
    def last(rate):
        return safe_mode_effects(safe_modes(rate=rate), EPOCHS, key=jax.random.key(6))[0].sum()

    factor, good = run_safe_modes(safe_modes(rate=0.0), EPOCHS, key=jax.random.key(6))
    assert np.all(np.asarray(good)) and np.all(np.asarray(factor) == 1.0)
    assert np.isfinite(jax.jit(jax.grad(last))(jnp.asarray(0.0)))


def test_outliers_have_the_stated_statistics():
    parts = Outliers(rate=0.05, amplitude=6.0, positive=0.8)
    n = 40_000
    deviation = np.asarray(outlier_deviations(parts, jnp.asarray(1e-4), n, key=jax.random.key(7)))
    some = deviation[deviation != 0.0]
    # Five standard errors of each.
    assert some.size / n == pytest.approx(0.05, abs=5 * np.sqrt(0.05 / n))
    assert np.abs(some).mean() == pytest.approx(6e-4, rel=5 / np.sqrt(some.size))
    assert (some > 0).mean() == pytest.approx(0.8, abs=5 * np.sqrt(0.16 / some.size))


def test_wander_is_one_oscillator_of_the_stated_time():
    terms = wander_terms(Wander(rms_ppm=13.0, timescale=0.5))
    assert (terms.rms[0], terms.omega[0]) == (13.0, 2.0)


def test_gradients_are_exact_in_amplitudes_and_finite_elsewhere():
    parts = segments(offset_ppm=100.0, drift_ppm=50.0, thermal_ppm=200.0)

    def total(parts, events):
        key = jax.random.key(8)
        weight = jnp.sin(DAYS)
        level = run_segments(parts, EPOCHS, key=key)[0] * safe_mode_effects(events, EPOCHS, key=key)[0]
        return jnp.sum(weight * level)

    grads = jax.jit(jax.grad(total, argnums=(0, 1)))(parts, safe_modes())
    assert all(np.isfinite(v) for v in jax.tree.leaves(grads))
    for name in ("offset_ppm", "drift_ppm", "thermal_ppm", "thermal_time"):
        assert getattr(grads[0], name) != 0.0
    for name in ("recovery_ppm", "recovery_time", "duration", "rate"):
        assert getattr(grads[1], name) != 0.0
    with jax.enable_x64(True):
        epochs = Epochs.from_days(TIMES)
        draw = lambda a: segment_effects(segments(thermal_ppm=a), epochs, key=jax.random.key(8))[0]  # noqa: E731
        slope = jax.jvp(draw, (jnp.asarray(200.0),), (jnp.asarray(1.0),))[1]
        # The effect is linear in its amplitude.
        np.testing.assert_allclose(slope, (draw(jnp.asarray(201.0)) - draw(jnp.asarray(200.0))), atol=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: segments(gaps_per_segment=0), "gaps_per_segment = 0"),
        (lambda: segments(degree=4), "degree = 4"),
        (lambda: safe_modes(n_max=0), "n_max = 0"),
    ],
)
def test_static_choices_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()
