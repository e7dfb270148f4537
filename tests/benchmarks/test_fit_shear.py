"""Shear by simulation: what its statistics see of known light curves, and that its intervals hold."""

import jax
import numpy as np

from benchmarks.fit_shear import PERIOD, STEP, alike, coverage, drawn, predictor, statistics

TIME = STEP * (np.arange(2000) + 0.5)


def test_a_steady_wave_keeps_step_and_one_that_dies_does_not():
    rng = np.random.default_rng(0)
    number = np.setdiff1d(np.arange(2000), np.arange(300, 340))  # a gap
    steady = 1 + 1e-3 * np.sin(2 * np.pi * TIME / 11.3)
    phases = np.repeat(rng.uniform(0, 2 * np.pi, 50), 40)  # a new one after 20 days
    restless = 1 + 1e-3 * np.sin(2 * np.pi * TIME / 11.3 + phases)
    a, b = (statistics(number, x[number]) for x in (steady, restless))
    np.testing.assert_allclose(a[[1, 3, 5, 6]], 1.0, atol=0.03)  # after 1, 2, 3, 4 turns
    np.testing.assert_allclose(a[[0, 2]], -1.0, atol=0.03)  # after half a turn and one and a half
    assert abs(b[3]) < 0.3 and abs(b[5]) < 0.3
    assert b[10:12].sum() > 5 * a[10:12].sum()  # periods of quarters
    assert b[12] > 2 * a[12]  # width of the peak
    np.testing.assert_allclose(a[-1], np.log(1e-3 / np.sqrt(2)), atol=0.1)
    assert np.all(np.isfinite(a)) and np.all(np.isfinite(b)) and PERIOD != 11.3


def test_intervals_hold_the_truth_where_statistics_know_it():
    rng = np.random.default_rng(0)
    shear, other = rng.uniform(0, 0.5, 1500), rng.normal(size=1500)
    seen = np.stack([shear + 0.05 * rng.normal(size=1500), other, shear * 0 + rng.normal(size=1500)], axis=1)
    predicted = predictor(seen[300:], np.stack([shear, other], axis=1)[300:])(seen)
    found = coverage(shear, predicted, np.arange(300))
    assert abs(found["coverage_68"] - 0.68) < 0.1 and found["coverage_95"] > 0.88
    assert found["rms_off"] < 0.09 < found["prior_rms"]
    near = alike(predicted, predicted[0])
    assert abs(shear[near].mean() - shear[0]) < 0.15


def test_stars_are_drawn_within_the_prior():
    stars = drawn(500, jax.random.key(0))
    assert stars["shear"].min() > 0 and stars["shear"].max() < 0.5
    assert 25 < np.median(stars["tau_decay"]) < 38  # uniform in the logarithm: the root of 8 * 120
