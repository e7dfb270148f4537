"""Periods of made-up light curves: spots that come and go, slow trends, two groups of spots, quiet faults."""

import numpy as np
import pytest

from dynamojax.inference.period import autocorrelation, find_period


def spotted(period, seed, *, trend=0.0, days=300.0, n=4000):
    """Spots that live for five periods, at random longitudes, beside a slow trend and noise."""
    rng = np.random.default_rng(seed)
    time, flux = np.linspace(0, days, n), np.zeros(n)
    for _ in range(int(days / (3 * period)) + 4):
        phase = 2 * np.pi * time / period + rng.uniform(0, 2 * np.pi)
        age = (time - rng.uniform(0, days)) / (2.5 * period)
        flux -= 0.01 * rng.uniform(0.3, 1) * np.exp(-0.5 * age**2) * np.maximum(np.cos(phase), 0)
    flux += trend * np.sin(2 * np.pi * time / rng.uniform(100, 250)) + 5e-4 * rng.normal(size=n)
    return time, 1 + flux


@pytest.mark.parametrize("period, seed", [(7.77, 0), (5.19, 1), (2.32, 2), (13.35, 5), (2.86, 8)])
def test_spots_that_come_and_go_beside_a_trend(period, seed):
    time, flux = spotted(period, seed, trend=0.004)
    # Phases of spots that live for five periods scatter: a few per cent of a period over 20 to 100 of them.
    assert find_period(time, flux, low=0.5, high=100).value == pytest.approx(period, rel=0.02)


def test_a_trend_of_more_power_than_the_rotation():
    time, flux = spotted(11.0, 3, trend=0.02)
    found = find_period(time, flux, low=1.0, high=100)
    assert found.lomb_scargle > 50 and np.isfinite(found.cut)
    assert found.value == pytest.approx(11.0, rel=0.03)


def test_two_spots_opposite_each_other_do_not_halve_the_period():
    time = np.linspace(0, 40, 900)
    flux = 1 - 0.01 * np.cos(2 * np.pi * time / 2.5) - 0.003 * np.cos(2 * np.pi * time / 5)
    flux += 1e-4 * np.random.default_rng(0).normal(size=time.size)
    found = find_period(time, flux, 1e-4)
    assert found.lomb_scargle == pytest.approx(2.5, rel=0.01)
    assert found.value == pytest.approx(5.0, rel=0.01)


def test_one_spot_is_not_doubled():
    time = np.linspace(0, 60, 1500)
    flux = 1 - 0.01 * np.maximum(np.cos(2 * np.pi * time / 3.3), 0)
    flux += 1e-3 * np.random.default_rng(1).normal(size=time.size)
    assert find_period(time, flux).value == pytest.approx(3.3, rel=0.01)


def test_gaps_are_left_out_of_the_autocorrelation():
    time = np.linspace(0, 60, 1500)
    keep = (time < 17) | (time > 29)
    lags, value = autocorrelation(time[keep], np.cos(2 * np.pi * time[keep] / 4.0), 0.8)
    at = np.argmin(np.abs(lags - 4.0))
    assert value[at] > 0.98 and value[0] == 1.0


def test_faults():
    time = np.linspace(0, 40, 900)
    with pytest.raises(ValueError, match="no period can be found"):
        find_period(time, np.full(time.size, np.nan))
    with pytest.raises(ValueError, match="need 0 < low < high"):
        find_period(time, np.cos(time), low=5.0, high=100.0)


def test_an_autocorrelation_is_at_most_one():
    """Also where few pairs are left, which a mean over pairs alone would let exceed it."""
    rng = np.random.default_rng(3)
    time = np.arange(0.0, 30.0, 0.1)
    flux = 1 + 0.02 * np.exp(-time / 8) * np.sin(2 * np.pi * time / 3) + 1e-4 * rng.normal(size=time.size)
    keep = (time < 9) | (time > 13)
    lags, value = autocorrelation(time[keep], flux[keep], 2.0)
    assert np.abs(value).max() <= 1 and value[0] == 1
    assert value[np.argmin(np.abs(lags - 3.0))] > 0.9
