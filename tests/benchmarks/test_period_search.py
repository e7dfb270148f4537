"""The period search that populations are measured with: known sines, noise, gaps."""

import numpy as np
import pytest

from benchmarks.period_search import autocorrelation, measured

TIME = np.arange(0.0, 720.0, 0.25) + 0.125
pytest.importorskip("astropy")


def _light(period, amplitude, noise, seed=0):
    rng = np.random.default_rng(seed)
    flux = 1.0 + amplitude * np.sin(2 * np.pi * TIME / period) + noise * rng.normal(size=TIME.size)
    good = rng.uniform(size=TIME.size) > 0.1
    return np.where(good, flux, 5.0), good


@pytest.mark.parametrize("period", [1.7, 12.0, 33.0])
def test_a_sine_is_found(period):
    flux, good = _light(period, 1e-3, 2e-4)
    row = measured(TIME, flux, good, 2e-4)
    assert row["found"]
    assert row["acf"] == pytest.approx(period, rel=0.03)
    assert row["ls"] == pytest.approx(period, rel=0.01)
    # the rms of a sine; the high-pass filter takes 4 % off at 33 days
    assert row["sph"] == pytest.approx(1e3 / np.sqrt(2), rel=0.08)


def test_noise_is_not_found():
    flux, good = _light(10.0, 0.0, 1e-3)
    row = measured(TIME, flux, good, 1e-3)
    assert not row["found"]
    assert row["sph"] < 200.0


def test_autocorrelation_leaves_out_what_is_missing():
    rng = np.random.default_rng(2)
    x, good = rng.normal(size=200), rng.uniform(size=200) > 0.3
    x = np.where(good, x, 0.0)
    got = autocorrelation(x, good, 5)
    for lag in range(5):
        both = good[: 200 - lag] & good[lag:]
        wanted = np.mean((x[: 200 - lag] * x[lag:])[both]) / np.mean(x[good] ** 2)
        assert got[lag] == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize("period", [2.0, 12.0, 33.0])
def test_the_tallest_peak_is_the_period(period):
    pytest.importorskip("scipy")
    from benchmarks.check_recovery import tallest_peak

    # whole numbers of points; else a multiple of the period that is one may be the taller peak. One peak a
    # turn: the second harmonic makes the peak at half the period the lower one
    phase = 2 * np.pi * TIME / period
    flux = 1.0 + 1e-3 * np.sin(phase) + 5e-4 * np.sin(2 * phase)
    found = tallest_peak(flux * (1 + 1e-6 * TIME), 0.25)
    assert found == pytest.approx(period, rel=0.1)
    assert np.isnan(tallest_peak(np.linspace(0.99, 1.01, 2000), 0.25))
