from dataclasses import replace

import numpy as np
import pytest

from dynamojax.instruments import spectrograph_presets as presets
from dynamojax.instruments.spectrograph import Arm, Spectrograph

# Lowest and highest wavelength as published [A], in the medium published, and resolving power.
PUBLISHED = {
    "lamost": (presets.lamost, 3690.0, 9100.0, 1800.0),
    "lamost_mrs": (presets.lamost_mrs, 4950.0, 6800.0, 7500.0),
    "apogee": (presets.apogee, 15100.0, 17000.0, 22500.0),
    "galah": (presets.galah, 4713.0, 7887.0, 28000.0),
    "harps": (presets.harps, 3783.0, 6912.0, 115000.0),
    "espresso": (presets.espresso, 3782.0, 7887.0, 140000.0),
    "gaia_rvs": (presets.gaia_rvs, 8450.0, 8720.0, 11500.0),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_presets_cover_what_is_published(name):
    make, low, high, resolution = PUBLISHED[name]
    spectrograph = make(epochs=3, start=10.0, cadence=2.0)
    assert spectrograph.name == name
    written = spectrograph.wavelength_written
    assert low - 1 < written.min() < low + 60 and high - 60 < written.max() < high + 1
    np.testing.assert_array_equal(spectrograph.resolution, resolution)
    np.testing.assert_array_equal(spectrograph.times, [10.0, 12.0, 14.0])
    # At least two pixels in a resolution element, or a spectrum could not be used.
    assert np.all(spectrograph.width * resolution / spectrograph.wavelength < 0.5)


def test_grids_are_those_of_the_surveys():
    log10 = np.log10(presets.lamost().wavelength) * 1e4
    np.testing.assert_allclose(log10, np.round(log10), atol=1e-7)
    pixel = (np.log10(presets.apogee().wavelength) - 4.179) / 6e-6
    np.testing.assert_allclose(pixel, np.round(pixel), atol=1e-6)
    assert [arm.n_pixels for arm in presets.apogee().arms] == [3028, 2495, 1991]


def test_air_is_converted_on_the_way_in_and_out():
    harps = presets.harps().within(5000.0, 5010.0)
    # H-alpha is at 6562.79 A in air, 6564.61 A in vacuum (NIST), a ratio of 1.000277 in the optical.
    np.testing.assert_allclose(harps.wavelength / harps.wavelength_written, 1.00028, atol=2e-6)
    steps = np.diff(harps.wavelength_written)
    np.testing.assert_allclose(steps, 0.01, atol=1e-9)
    galah = presets.galah()
    assert np.all(np.abs(galah.wavelength_written[0] - 4713.0) < 1e-8)


def test_edges_meet_and_hold_their_pixel():
    arm = Arm.from_centres("a", [5000.0, 5001.0, 5003.0], 1000.0)
    np.testing.assert_allclose(arm.edges[1:-1], [5000.5, 5002.0], atol=2e-4)
    assert arm.n_pixels == 3 and np.all(np.diff(arm.edges) > 0)


def test_part_of_an_instrument_keeps_its_pixels():
    apogee = presets.apogee()
    part = apogee.within(15700.0, 16000.0)
    assert [arm.name for arm in part.arms] == ["blue", "green"]
    assert set(part.wavelength) <= set(apogee.wavelength)
    assert part.ends[0] >= 15700.0 and part.ends[1] <= 16000.0
    assert len(part.width) == len(part.arm_of_pixel) == part.n_pixels
    # Every pixel that lies inside is there.
    edges = (
        np.concatenate([a.edges[:-1] for a in apogee.arms]),
        np.concatenate([a.edges[1:] for a in apogee.arms]),
    )
    assert part.n_pixels == np.sum((edges[0] >= 15700.0) & (edges[1] <= 16000.0))
    with pytest.raises(ValueError, match="no pixel between low = 3000 and high = 4000"):
        apogee.within(3000, 4000)


def test_equal_content_is_equal():
    assert presets.lamost() == presets.lamost() and hash(presets.lamost()) == hash(presets.lamost())
    for other in (presets.lamost([3.0]), presets.lamost(resolution=1700.0), presets.lamost(n_sub=2)):
        assert other != presets.lamost()


def test_exposures_are_averaged_over_nodes():
    spectrograph = presets.apogee([100.0], exposure_s=3600.0, n_sub=4)
    offsets, weights = spectrograph.sub_exposures()
    assert weights.sum() == pytest.approx(1.0) and np.all(np.abs(offsets) < 0.5 / 24)
    # The mean of t^2 over an hour.
    assert np.sum(weights * offsets**2) == pytest.approx((1 / 24) ** 2 / 12, rel=1e-12)


@pytest.mark.parametrize(
    "change,message",
    [
        ({"times": np.array([2.0, 1.0])}, "sort them"),
        ({"times": np.array([0.0, 0.01]), "exposure": 0.02}, "overlapping exposures"),
        ({"n_sub": 0}, "n_sub = 0"),
        ({"medium": "water"}, "medium = 'water', allowed: vacuum, air"),
        ({"arms": ()}, "at least one arm"),
    ],
)
def test_impossible_instruments_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        replace(presets.lamost(), **change)


@pytest.mark.parametrize(
    "centres,resolution,message",
    [
        ([5000.0, 4999.0], 1000.0, "rising"),
        ([5000.0], 1000.0, "two or more"),
        ([5000.0, 5001.0], 0.5, "resolution = 0.5"),
        ([5000.0, 5001.0], [1000.0, np.nan], "resolution = nan"),
        ([5000.0, 5001.0], ([5000.5, 5002.0], [1000.0, 1100.0]), "extend the table"),
        ([5000.0, 5001.0], ([5000.0, 4000.0], [1000.0, 1100.0]), "rising wavelengths"),
    ],
)
def test_impossible_arms_are_named(centres, resolution, message):
    with pytest.raises(ValueError, match=message):
        Arm.from_centres("a", centres, resolution)


def test_arms_must_have_different_names():
    arm = Arm.from_centres("a", [5000.0, 5001.0], 1000.0)
    with pytest.raises(ValueError, match="none twice"):
        Spectrograph("x", (arm, arm), np.zeros(1))
