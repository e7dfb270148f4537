from functools import partial

import jax
import numpy as np
import pytest

from dynamojax.instruments import photometer as ph
from dynamojax.instruments.bandpass import embedded_names
from dynamojax.instruments.photometer import Photometer

PRESETS = {
    "kepler long": (ph.kepler(90.0), 1765.462886, 90 * 86400 // 1765.462886),
    "kepler short": (ph.kepler(1.0, "short"), 58.8487629, 86400 // 58.8487629),
    "tess 2min": (ph.tess(27.0), 120.0, 27 * 720),
    "tess 10min": (ph.tess(27.0, "10min"), 600.0, 27 * 144),
    "tess ffi": (ph.tess(27.0, "ffi"), 1800.0, 27 * 48),
    "cheops": (ph.cheops(0.5), 60.0, 720),
    "plato": (ph.plato(1.0), 25.0, 3456),
    "plato 600s": (ph.plato(10.0, "600s"), 600.0, 1440),
    "sdss": (ph.sdss(30.0), 86400.0, 30),
    "johnson": (ph.johnson(30.0, every=0.5), 43200.0, 60),
    "two_mass": (ph.two_mass(30.0), 86400.0, 30),
}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_their_cadence_and_bands(name):
    photometer, cadence_s, n = PRESETS[name]
    assert len(photometer.times) == n
    np.testing.assert_allclose(np.diff(photometer.times) * 86400, cadence_s, rtol=1e-7)
    assert photometer.times[0] == pytest.approx(0.5 * cadence_s / 86400)
    assert 0 < photometer.exposure <= cadence_s / 86400 + 1e-12
    assert set(photometer.bands) <= set(embedded_names())


def test_kepler_long_cadence_is_29_4244_minutes():
    photometer = ph.kepler(30.0, start=100.0)
    assert np.diff(photometer.times)[0] * 1440 == pytest.approx(29.4244, abs=5e-5)
    assert photometer.exposure * 86400 == pytest.approx(1765.46 - 0.519, abs=0.01)
    assert photometer.times[0] > 100.0


def test_cheops_is_interrupted_on_every_orbit():
    photometer = ph.cheops(1.0, efficiency=0.6)
    assert len(photometer.times) == pytest.approx(
        0.6 * 1440, rel=0.03
    )  # the day is not a whole number of orbits
    gaps = np.diff(photometer.times) > 2 * 60 / 86400
    assert gaps.sum() == 14  # 14.6 orbits of 98.77 min in a day


def test_gaia_comes_in_pairs_of_both_fields_of_view():
    photometer = ph.gaia(5 * 365.25)
    assert len(photometer.times) == 72
    np.testing.assert_allclose(np.diff(photometer.times)[::2] * 1440, 106.5)


@pytest.mark.parametrize(
    "arguments,message",
    [
        (dict(times=[]), "not empty"),
        (dict(times=[[0.0, 1.0]]), "list of finite days"),
        (dict(times=[0.0, np.nan]), "finite"),
        (dict(times=[0.0, np.inf]), "finite"),
        (dict(times=[0.0, 2.0, 1.0]), r"times\[2\] = 1.0.*sort"),
        (dict(times=[0.0, 1.0, 1.0]), "must exceed"),
        (dict(exposure=-0.1), "exposure = -0.1"),
        (dict(exposure=np.nan), "exposure = nan"),
        (dict(exposure=1.5), "overlapping exposures"),
        (dict(n_sub=0), "n_sub = 0"),
        (dict(n_sub_spots=True), "n_sub_spots"),
        (dict(bands=()), "at least one band"),
        (dict(bands=("v", "v")), "none twice"),
        (dict(name=""), "a name"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        settings = dict(name="mine", bands=("kepler",), times=[0.0, 1.0, 2.0], exposure=0.5) | arguments
        Photometer(**settings | {"times": np.array(settings["times"])})


@pytest.mark.parametrize(
    "call",
    [
        lambda: ph.kepler(10.0, "medium"),
        lambda: ph.tess(10.0, "20s"),
        lambda: ph.plato(10.0, "1h"),
        lambda: ph.kepler(0.0),
        lambda: ph.kepler(np.nan),
        lambda: ph.tess(27.0, start=np.inf),
        lambda: ph.cheops(1.0, exposure_s=100.0),
        lambda: ph.cheops(1.0, efficiency=0.0),
        lambda: ph.gaia(-1.0),
        lambda: ph.gaia(np.inf),
    ],
)
def test_bad_presets_are_refused(call):
    with pytest.raises(ValueError, match="allowed|finite"):
        call()


def test_back_to_back_exposures_far_from_the_epoch_do_not_overlap():
    times = 2457000.0 + np.arange(100000) * (120.0 / 86400.0)
    assert Photometer("tess", ("tess",), times, 120.0 / 86400.0).bands == ("tess",)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_sub_exposures_average_an_exposure(n):
    offsets, weights = Photometer("p", ("kepler",), np.arange(2.0), 0.5).sub_exposures(n)
    assert weights.sum() == pytest.approx(1.0)
    assert np.abs(offsets).max() <= 0.25
    for k in range(2 * n):  # exact to degree 2 n - 1
        mean = (0.25 ** (k + 1) - (-0.25) ** (k + 1)) / (k + 1) / 0.5
        assert weights @ offsets**k == pytest.approx(mean, abs=1e-12)


def test_static_under_jit():
    traces = []

    @partial(jax.jit, static_argnums=0)
    def length(photometer, x):
        traces.append(1)
        return x * len(photometer.times)

    one, two = ph.kepler(1.0), ph.kepler(1.0)
    assert one == two and hash(one) == hash(two) and one != ph.kepler(2.0)
    assert length(one, 1.0) == length(two, 1.0) and len(traces) == 1
    with pytest.raises(ValueError, match="read-only"):
        one.times[0] = 1.0
