"""The table of keys, the reading of configurations, and star.conf."""

import dataclasses
import inspect
import math
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from dynamojax.config import build, documents, starsim
from dynamojax.config.keys import Key, check_value
from dynamojax.config.photometer_keys import PRESETS
from dynamojax.config.reading import check, read_settings
from dynamojax.config.table import BY_NAME, SECTIONS
from dynamojax.instruments import photometer as presets
from dynamojax.surface.activity import Activity, Emergence
from dynamojax.surface.moments import SurfaceConfig
from dynamojax.system import Star

PHOTOMETERS = [{"preset": "kepler", "days": 1.0}]


def defaults(function):
    return {n: p.default for n, p in inspect.signature(function).parameters.items() if n != "self"}


@pytest.mark.parametrize(
    ("section", "function"),
    [
        ("star", Star.from_degrees),
        ("activity", Activity.from_degrees),
        ("activity", Emergence),
        ("surface", SurfaceConfig),
    ],
)
def test_defaults_are_those_of_the_code(section, function):
    for name, default in defaults(function).items():
        if (section, name) != ("activity", "n_spots"):  # recommended if left out
            assert BY_NAME[section].by_name[name].default == default, name


def test_every_key_of_star_activity_and_surface_is_one_of_the_code():
    known = {
        "star": {"name", *defaults(Star.from_degrees)},
        "activity": {"seed", "start", "stop", *defaults(Activity.from_degrees), *defaults(Emergence)},
        "surface": set(defaults(SurfaceConfig)),
    }
    for section, names in known.items():
        assert set(BY_NAME[section].by_name) == names


def test_defaults_pass_their_own_checks():
    for section in SECTIONS:
        for key in section.keys:
            if key.default is not None and key.kind != "strings":
                assert check_value(section.name, key, key.default) == key.default


def test_template_names_every_key_and_is_a_configuration():
    text = documents.template()
    values = check(tomllib.loads(text))
    assert values["star"]["teff"] == Star.from_degrees().teff
    assert len(values["photometers"]) == 1
    for section in SECTIONS:
        _, block = re.split(rf"^(?:# )?{re.escape(section.title)}\n", text, flags=re.M)
        block = block.split("\n\n")[0]
        for key in section.keys:
            assert f"{key.name} = " in block


def test_template_with_all_its_comments_removed_is_still_toml():
    lines = re.findall(r"^(?:# )?(\[\[?\w+\]\]?|\w+ = .*)$", documents.template(), flags=re.M)
    assert set(tomllib.loads("\n".join(lines))) == set(BY_NAME)


def test_markdown_has_a_row_for_every_key():
    assert documents.markdown().count("\n| `") == sum(len(section.keys) for section in SECTIONS)


def test_the_documentation_is_the_table():
    page = Path(__file__).parents[1] / "docs" / "configuration.md"
    body = page.read_text(encoding="utf-8").split("\n\n", 2)[2]
    assert body == documents.markdown(), "write it anew: dynamojax config --markdown"


def test_a_configuration_survives_being_written():
    data = {
        "star": {"name": 'a "b"\\c', "teff": 4500.0},
        "spots": [{"radius_deg": 3.0, "lat_deg": -10.0, "tau_decay": 20.0}, {"radius_deg": 1.0}],
        "photometers": [*PHOTOMETERS, {"preset": "tess", "noise": "white", "white_ppm": 20.0}],
        "output": {"formats": ["fits"]},
    }
    values = check(data)
    assert check(tomllib.loads(documents.to_toml(values, "header\n[not a section]"))) == values


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ({"star": {"inc": 60.0}}, ("star.inc = 60.0", "did you mean inc_deg", "deg")),
        ({"star": {"tef": 60.0}}, ("star.tef", "did you mean teff", "K")),
        ({"sart": {}}, ("[sart]", "did you mean star")),
        ({"star": {"teff": 5.8}}, ("star.teff = 5.8", "out of range", "[2300, 12000] K")),
        ({"star": {"teff": math.nan}}, ("star.teff = nan", "out of range")),
        ({"star": {"teff": True}}, ("star.teff = True", "not a number")),
        ({"star": {"teff": "5800 m"}}, ("star.teff = '5800 m'", "wrong unit", "K")),
        ({"star": {"teff": "hot"}}, ("star.teff = 'hot'", "not a number")),
        ({"star": []}, ("star", "[star]")),
        ({"spots": {"radius_deg": 1.0}}, ("spots", "[[spots]]")),
        ({"spots": [{"lat_deg": 1.0}]}, ("spots[0].radius_deg", "missing")),
        ({"spots": [{"radius_deg": 91.0}]}, ("spots[0].radius_deg = 91.0", "[0, 90] deg")),
        ({"spots": [{"radius_deg": 1.0}], "activity": {}}, ("spots and activity", "keep one")),
        ({"activity": {"seed": 1.5}}, ("activity.seed = 1.5", "whole number")),
        ({"planets": [{"period": 3.0}]}, ("planets[0]", "radius_ratio and radius_earth")),
        ({"planets": [{"period": 3.0, "radius_ratio": 0.1, "ecc": 1.0}]}, ("planets[0].ecc = 1.0", "[0, 1)")),
        ({"star": {"facula_ratio": 2.0}}, ("facula_ratio = 2.0", "surface.faculae = true")),
        (
            {"surface": {"law": "gausian"}},
            ("surface.law = 'gausian'", "constant, linear, quadratic, gaussian"),
        ),
        ({"output": {"formats": ["csv"]}}, ("output.formats", "'csv'", "fits, hdf5")),
        ({"photometers": []}, ("photometers is empty",)),
        ({"photometers": PHOTOMETERS * 2}, ("two are called 'kepler'",)),
        ({"photometers": [{"preset": "kepler", "every": 1.0}]}, ("every = 1.0", "sdss", "not for kepler")),
        ({"photometers": [{"preset": "kepler", "cadence": "2min"}]}, ("cadence = '2min'", "long, short")),
        (
            {"photometers": [{"preset": "custom"}]},
            ("name is missing", "bands and band_file", "cadence_s and times"),
        ),
        ({"photometers": [{"preset": "kepler", "noise": "white"}]}, ("white_ppm belong together",)),
    ],
)
def test_errors_name_value_allowed_and_remedy(data, parts):
    with pytest.raises(ValueError) as error:
        check({"photometers": PHOTOMETERS} | data)
    for part in parts:
        assert part in str(error.value)


def test_all_errors_are_listed_at_once():
    with pytest.raises(ValueError, match="2 problems") as error:
        check({"star": {"teff": 1.0, "lggg": 2.0}, "photometers": PHOTOMETERS})
    assert "star.teff" in str(error.value) and "star.lggg" in str(error.value)


def test_numbers_with_units_are_converted():
    values = check(
        {"star": {"prot": "36 h", "inc_deg": "1 rad", "logg": "4.4 dex"}, "photometers": PHOTOMETERS}
    )
    # Conversions in float64: a rounding or two.
    assert values["star"]["prot"] == pytest.approx(1.5, rel=1e-15)
    assert values["star"]["inc_deg"] == pytest.approx(math.degrees(1.0), rel=1e-15)
    assert values["star"]["logg"] == 4.4


def test_a_pure_number_takes_no_unit():
    with pytest.raises(ValueError, match="wrong unit"):
        check_value("star", Key("shear", "number", 0.0, "Shear."), "1 km")


@pytest.mark.parametrize("text", ["star = [", "\x00"])
def test_a_file_that_is_no_toml_is_refused(tmp_path, text):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match="not TOML"):
        read_settings(path)
    with pytest.raises(ValueError, match="cannot be read"):
        read_settings(tmp_path / "none.toml")


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


CONF = """
[files]
models_root : './'
filter_name : Kepler.dat     # micrometres
[general]
simulation_mode: grid
n_grid_rings : 10
wavelength_lower_limit : 3000
[star]
temperature_photosphere : 5000.0
spot_T_contrast_max : 500.0
spot_T_contrast_min : 300.0
facula_T_contrast : 20.0
facular_area_ratio : 0.0
convective_shift: 0.0
rotation_period : 10.0
radius : 0.8
mass : 0.7
logg : 4.5
inclination : 70.0
differential_rotation : 0.1
[LD]
use_phoenix_limb_darkening : 1
[spots]
spots_evo_law : {law}
reference_time : 2.0
spots_decay_time: 5
[noise]
cdpp : 30
flicker: 0.5
[planet]
simulate_planet: 1
planet_period : 4.0
planet_transit_t0 : 2.0
planet_radius : 0.07
planet_impact_param : 0.3
planet_esinw: 0.1
planet_ecosw: 0.2
planet_spin_orbit_angle : 25.0
planet_semi_amplitude: 50.0
[mine]
odd = 1
"""


def conf(tmp_path, text=CONF, law="gaussian", spots="3.0 100.0 60.0 20.0 7.0\n"):
    (tmp_path / "spotmap.dat").write_text(spots)
    path = tmp_path / "star.conf"
    path.write_text(text.format(law=law))
    return path


def test_star_conf_is_translated(tmp_path):
    made, notes = starsim.translate(conf(tmp_path), days=12.0)
    star, (planet,), (photometer,) = made["star"], made["planets"], made["photometers"]
    assert (star["teff"], star["inc_deg"], star["shear"], star["spot_contrast"]) == (5000.0, 70.0, 0.1, 400.0)
    assert (photometer["preset"], photometer["days"], photometer["white_ppm"]) == ("kepler", 12.0, 30.0)
    assert planet["radius_ratio"] == 0.07 and planet["obliquity_deg"] == 25.0
    assert planet["ecc"] == pytest.approx(math.hypot(0.1, 0.2), rel=1e-12)
    text = "\n".join(notes)
    for name in (
        "n_grid_rings",
        "spot_T_contrast",
        "flicker",
        "convective_shift",
        "mine.odd",
        "limb",
        "cdpp",
    ):
        assert name in text
    assert "ignored: mine.odd: not a key" in text


def test_impact_parameter_and_amplitude_of_star_conf_come_back(tmp_path):
    (planet,) = starsim.translate(conf(tmp_path))[0]["planets"]
    inc, ecc = math.radians(planet["inc_deg"]), planet["ecc"]
    # The original's own formulae, with its rounded constants: 4.2097 solar radii, 203.244 m/s.
    axis = 4.2097 * 4.0 ** (2 / 3) * 0.7 ** (1 / 3) / 0.8
    b = axis * math.cos(inc) * (1 - ecc**2) / (1 + 0.1)
    jupiters = planet["mass_earth"] / 317.83
    speed = 203.244 * jupiters * math.sin(inc) * 0.7 ** (-2 / 3) * 4.0 ** (-1 / 3) / math.sqrt(1 - ecc**2)
    assert b == pytest.approx(0.3, rel=1e-3)
    assert speed == pytest.approx(50.0, rel=1e-3)


@pytest.mark.parametrize("law", ["constant", "quadratic", "gaussian", "linear"])
def test_spots_of_star_conf_evolve_and_turn_as_in_the_original(tmp_path, law):
    """Radius and longitude against the original's own laws, in float64."""
    from dynamojax.surface.evolution import spot_radii
    from dynamojax.system import Epochs

    start, duration, colatitude, longitude, radius = 3.0, 100.0, 60.0, 20.0, 7.0
    made, _ = starsim.translate(conf(tmp_path, law=law, spots="3.0 100.0 60.0 20.0 7.0 0.0 0.0\n"))
    (spot,) = made["spots"]
    t = np.linspace(4.0, 102.0, 50)
    u = (t - start) / duration
    expected = {
        "constant": np.ones_like(u),
        "linear": 1 - u,
        "quadratic": 4 * u * (1 - u),
        "gaussian": np.exp(-(((t - start) / 50.0) ** 2)),
    }[law]
    found = spot_radii(build.spots(made, build.star(made), (0.0, 30.0)), Epochs.from_days(t), law)[0]
    # float32 times of a hundred days, over a life of a hundred: a few roundings of 6e-8.
    np.testing.assert_allclose(np.degrees(found), radius * expected, atol=2e-5 * radius)
    rate = 360.0 / 10.0 * (1 - 0.1 * math.cos(math.radians(colatitude)) ** 2)
    assert (spot["lon_deg"] + rate * 2.0 - longitude) % 360.0 == pytest.approx(0.0, abs=1e-9)


def test_a_linear_spot_between_two_radii_has_no_counterpart(tmp_path):
    with pytest.raises(ValueError, match="no counterpart"):
        starsim.translate(conf(tmp_path, law="linear", spots="0 10 90 0 5 2\n"))


def test_a_missing_filter_in_star_conf_is_an_error_and_a_present_one_is_read(tmp_path):
    path = conf(tmp_path, CONF.replace("Kepler.dat", "own.dat"))
    with pytest.raises(ValueError, match="not replaced"):
        starsim.translate(path)
    (tmp_path / "filters").mkdir()
    (tmp_path / "filters" / "own.dat").write_text("0.5 0\n0.55 1\n0.6 0\n")
    made, _ = starsim.translate(path)
    _, (own,) = build.photometers(made)
    np.testing.assert_allclose(own.wavelength, [5000.0, 5500.0, 6000.0])


def test_the_newer_star_conf_has_several_photometers(tmp_path):
    more = "photometry_names : Kepler, TESS\nphotometry_filters : Kepler.dat, TESS.dat\n"
    more += "photometry_cadences : 0.020833, 0.001389   # 30 min, 2 min\n"
    made, _ = starsim.translate(conf(tmp_path, CONF.replace("[general]\n", "[general]\n" + more)))
    assert [(p["preset"], p["cadence"]) for p in made["photometers"]] == [
        ("kepler", "long"),
        ("tess", "2min"),
    ]


@pytest.mark.parametrize(
    "text", ["no section\n", "[star]\nradius : big\n[files]\nfilter_name : Kepler.dat\n"]
)
def test_a_star_conf_that_cannot_be_read_is_an_error(tmp_path, text):
    path = tmp_path / "star.conf"
    path.write_text(text)
    with pytest.raises(ValueError, match="star.conf"):
        starsim.translate(path)
