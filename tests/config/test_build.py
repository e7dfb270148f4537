"""From settings to the objects of the simulator."""

import dataclasses
import re

import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.config import build, documents
from dynamojax.config.photometer_keys import PRESETS
from dynamojax.config.reading import check, read_settings
from dynamojax.instruments import photometer as presets

PHOTOMETERS = [{"preset": "kepler", "days": 1.0}]


def settings(tmp_path, **data):
    path = tmp_path / "c.toml"
    path.write_text(documents.to_toml(check({"photometers": PHOTOMETERS} | data)))
    return read_settings(path)


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "custom"])
def test_every_preset_is_built_as_the_library_has_it(tmp_path, preset):
    table = {"preset": preset, "name": "mine", "days": 3.0, "start": 7.0}
    (made,), filters = build.photometers(settings(tmp_path, photometers=[table]))
    assert filters == []
    assert made == dataclasses.replace(getattr(presets, preset)(3.0, start=7.0), name="mine")


def test_a_custom_photometer_with_its_own_filter_and_times(tmp_path):
    (tmp_path / "filter.txt").write_text("# nm, throughput\n500 0\n550 1\n600 0\n")
    (tmp_path / "times.txt").write_text("0.5 x\n1.5 y\n")
    table = {"preset": "custom", "name": "mine", "band_file": "filter.txt", "band_unit": "nm"}
    table |= {"times_file": "times.txt", "exposure_s": 864.0}
    (made,), (own,) = build.photometers(settings(tmp_path, photometers=[table]))
    assert made.bands == ("mine",) and made.exposure == 0.01
    np.testing.assert_array_equal(made.times, [0.5, 1.5])
    np.testing.assert_array_equal(own.wavelength, [5000.0, 5500.0, 6000.0])


@pytest.mark.parametrize(
    ("times", "exposure_s", "message"),
    [
        ("2.0\n1.0\n", 0.0, "must exceed"),
        ("1.0\n1.001\n", 864.0, "overlapping"),
        ("nan\n", 0.0, "finite"),
        ("a\n", 0.0, "column"),
    ],
)
def test_times_out_of_order_and_overlapping_exposures_are_errors(tmp_path, times, exposure_s, message):
    (tmp_path / "times.txt").write_text(times)
    table = {"preset": "custom", "name": "mine", "bands": ["kepler"], "times_file": "times.txt"}
    with pytest.raises(ValueError, match=message):
        build.photometers(settings(tmp_path, photometers=[table | {"exposure_s": exposure_s}]))


def test_star_and_planets_in_canonical_units(tmp_path):
    data = {
        "star": {"inc_deg": 60.0, "radius": 2.0},
        "planets": [
            {"period": 3.0, "radius_ratio": 0.1, "obliquity_deg": 30.0},
            {"period": 5.0, "radius_earth": 10.0},
        ],
    }
    made = settings(tmp_path, **data)
    planets = build.planets(made)
    # float32 of float64 arithmetic: one rounding of 6e-8, and one more in the ratio.
    np.testing.assert_allclose(build.star(made).inc, np.pi / 3, rtol=1e-7)
    np.testing.assert_allclose(planets.radius_ratio, [0.1, 10 * 6378.1 / (2 * 695700.0)], rtol=3e-7)
    np.testing.assert_allclose(planets.obliquity, [np.pi / 6, 0.0], rtol=1e-7)


def test_activity_is_drawn_from_its_seed_over_a_window_around_the_epochs(tmp_path):
    def draw(seed):
        activity = {"seed": seed, "level": 3.0, "tau_decay": 10.0, "tau_emerge": 2.0}
        made = settings(tmp_path, activity=activity)
        return build.spots(made, build.star(made), (100.0, 130.0))

    one, same, other = draw(1), draw(1), draw(2)
    np.testing.assert_array_equal(one.lat, same.lat)
    assert one.n_spots > 10 and (one.n_spots != other.n_spots or np.any(one.lat != other.lat))
    assert np.all(np.asarray(one.radius) > 0)
    assert np.all((np.asarray(one.t_max) >= 70.0) & (np.asarray(one.t_max) <= 136.0))


def test_too_few_places_for_the_spots_drawn_is_an_error(tmp_path):
    made = settings(tmp_path, activity={"level": 50.0, "n_spots": 2})
    with pytest.raises(ValueError, match="n_spots = 2 does not hold"):
        build.spots(made, build.star(made), (0.0, 30.0))


def test_parts_of_the_noise_can_be_left_out(tmp_path):
    made = settings(tmp_path, noise={"outliers": False, "segments": False})
    corrected, simple = build.noise(made["photometers"][0], made["noise"], 10.0)
    assert corrected.outliers is None and simple.segments is None and simple.granulation is not None
    off = settings(tmp_path, noise={"enabled": False})
    assert build.noise(off["photometers"][0], off["noise"], 10.0) is None


def test_limb_darkening_is_the_law_given(tmp_path):
    tables = [{"band": "kepler", "law": "linear", "coefficients": [0.6]}]
    laws = build.limb_darkening(settings(tmp_path, photometers=PHOTOMETERS, limb_darkening=tables))
    assert float(laws["kepler"](jnp.asarray(0.5))) == pytest.approx(1 - 0.6 * 0.5)
    tables[0]["coefficients"] = [0.6, 0.1]
    with pytest.raises(ValueError, match=r"limb_darkening\[0\]: coefficients .* takes 1"):
        build.limb_darkening(settings(tmp_path, photometers=PHOTOMETERS, limb_darkening=tables))


def test_long_custom_exposures_are_split_for_the_surface(tmp_path):
    table = {"preset": "custom", "name": "own", "bands": ["kepler"], "cadence_s": 1800.0, "days": 1.0}
    assert build.photometers(settings(tmp_path, photometers=[table]))[0][0].n_sub_spots == 2
    table["exposure_s"] = 60.0
    assert build.photometers(settings(tmp_path, photometers=[table]))[0][0].n_sub_spots == 1


def test_a_law_that_is_negative_or_given_twice_is_an_error(tmp_path):
    table = {"band": "kepler", "law": "linear", "coefficients": [5.0]}
    with pytest.raises(ValueError, match=r"coefficients = \[5.0\] give an intensity of -"):
        build.limb_darkening(settings(tmp_path, photometers=PHOTOMETERS, limb_darkening=[table]))
    table["coefficients"] = [0.5]
    with pytest.raises(ValueError, match=r"limb_darkening\[1\].band = 'kepler' has a law already"):
        build.limb_darkening(settings(tmp_path, photometers=PHOTOMETERS, limb_darkening=[table, table]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"star": {"name": "../x"}}, "star.name = '../x'"),
        ({"star": {"name": ""}}, "star.name = ''"),
        ({"output": {"formats": []}}, "output.formats is empty"),
        ({"surface": {"times_per_step": 10**24}}, "times_per_step"),
    ],
)
def test_names_and_lists_that_make_no_files_are_errors(tmp_path, data, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        settings(tmp_path, photometers=PHOTOMETERS, **data)


def test_a_billion_days_are_an_error(tmp_path):
    table = {"preset": "kepler", "days": 1e9}
    with pytest.raises(ValueError, match="days = 1000000000.0: allowed within 16384"):
        build.photometers(settings(tmp_path, photometers=[table]))
