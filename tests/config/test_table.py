"""The table of keys, the reading of configurations, and what is printed of them."""

import inspect
import math
import re
import tomllib
from pathlib import Path

import pytest

from dynamojax.atmosphere import limb_darkening
from dynamojax.config import documents
from dynamojax.config.keys import Key, check_value
from dynamojax.config.reading import check, read_settings
from dynamojax.config.table import BY_NAME, SECTIONS
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.simulate.smoothing import Smoothing
from dynamojax.surface.activity import Activity, Emergence
from dynamojax.surface.convection import Convection
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


def test_laws_and_degree_are_those_of_the_code():
    law = BY_NAME["limb_darkening"].by_name["law"]
    assert law.choices == tuple(limb_darkening.LAWS)
    assert BY_NAME["simulation"].by_name["degree"].default == limb_darkening.DEFAULT_DEGREE


def test_sampling_and_convection_are_those_of_the_code():
    for name in ("n_disc", "n_cap", "n_planet"):
        assert BY_NAME["spectra"].by_name[name].default is None is getattr(DiscConfig(), name)
    assert BY_NAME["spectra"].by_name["smoothing"].default == Smoothing().over
    for name, default in defaults(Convection.solar).items():
        assert BY_NAME["convection"].by_name[name].default == default


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
    page = Path(__file__).parents[2] / "docs" / "configuration.md"
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
        ({"velocities": [{"name": "kepler"}]}, ("two are called 'kepler'",)),
        ({"spectra": {"n_disc": [64]}}, ("spectra.n_disc = [64]", "two whole numbers")),
        ({"spectra": {"n_disc": [64.5, 16]}}, ("spectra.n_disc", "list of whole numbers")),
        ({"output": {"layouts": ["cfits"]}}, ("output.layouts", "table, survey")),
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


def test_any_one_kind_of_instrument_will_do():
    for data in (
        {"photometers": PHOTOMETERS},
        {"spectrographs": [{"preset": "lamost"}]},
        {"velocities": [{}]},
    ):
        assert check(data)
    with pytest.raises(ValueError, match="output.animate needs a photometer"):
        check({"velocities": [{}], "output": {"animate": True}})


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
