"""Configurations of fits: what is read, what is printed, what is refused."""

import copy
import tomllib
from pathlib import Path

import pytest

from dynamojax.config import documents
from dynamojax.config.fit_data_keys import APPLIES, DATA, FORMATS, NOISES
from dynamojax.config.fit_keys import METHODS
from dynamojax.config.fit_reading import check_fit, read_fit
from dynamojax.inference.data import NOISES as NOISES_OF_THE_CODE
from dynamojax.inference.data import NUISANCES
from dynamojax.inference.solvers import SOLVERS

GOOD = {
    "star": {"teff": 5200.0, "prot": 3.0},
    "spots": [{"radius_deg": 6.0}],
    "data": [{"kind": "light_curve", "path": "a.csv", "band": "kepler"}],
    "free": [{"name": "star.prot", "low": 2.0, "high": 4.0}],
}


def test_choices_are_those_of_the_code():
    assert NOISES == NOISES_OF_THE_CODE
    assert METHODS == ("auto", *SOLVERS)
    assert set(NUISANCES) <= set(DATA.by_name)
    assert {name for names in APPLIES.values() for name in names} < set(DATA.by_name)
    assert set(FORMATS) == set(APPLIES)


def test_what_is_printed_is_read_again():
    data = tomllib.loads(documents.template(documents.OF_FITS))
    assert set(data) >= {"star", "spots", "fit", "posterior"}
    # Files and names of parameters have no default.
    data["data"][0]["path"], data["free"][0]["name"] = "a.fits", "star.prot"
    own, shared = check_fit(data)
    assert own["fit"]["starts"] == 8 and shared["star"]["prot"] == 25.38
    assert "| `least_gain` |" in documents.markdown(documents.OF_FITS)


def test_a_good_one_has_defaults():
    own, shared = check_fit(GOOD)
    assert own["posterior"]["method"] == "laplace" and own["simulation"]["precision"] == "float64"
    assert own["data"][0]["trend_degree"] == 0 and shared["spots"][0]["radius_deg"] == 6.0


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("data", 0, "trend"), 1, "data[0].trend = 1 is not a key"),
        (("data", 0, "trend_degree"), -1, "out of range"),
        (("data", 0, "bin"), "5 km", "has the wrong unit: day"),
        (("data", 0, "kind"), "velocities", "allowed: light_curve, spectrum"),
        (("data", 0, "format"), "lamost", "allowed for a light_curve"),
        (("data", 0, "resolution"), 1800.0, "is for a spectrum, not for a light_curve"),
        (("data", 0, "start"), "x", "is not a number"),
        (("free", 0, "prior"), "normal", "belong together"),
        (("free", 0, "prior"), "isotropic", "is for star.inc_deg"),
        (("free", 0, "prior"), "on_sphere", "is for spots.lat_deg, not for star.prot"),
        (("free", 0, "maximum"), 3.0, "not a key of [[free]]"),
        (("fit",), {"starts": 0}, "fit.starts = 0 is out of range"),
        (("fit",), {"method": "simplex"}, "is not a choice"),
        (("posterior",), {"method": "mcmc"}, "allowed: none, laplace"),
        (("photometers",), [{"preset": "kepler"}], "[photometers] is not a section of a fit"),
        (("simulation",), {"epoch_bjd": 0.0}, "not a key of [simulation]"),
        (("star", "teff"), "5200 km", "has the wrong unit: K"),
    ],
)
def test_one_fault_is_named(path, value, words):
    data = copy.deepcopy(GOOD)
    target = data
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    with pytest.raises(ValueError) as caught:
        check_fit(data)
    assert words in str(caught.value)


def test_relations_are_named():
    with pytest.raises(ValueError, match=r"\[\[data\]\] is missing"):
        check_fit(GOOD | {"data": []})
    with pytest.raises(ValueError, match=r"\[\[free\]\] is missing"):
        check_fit({name: table for name, table in GOOD.items() if name != "free"})
    with pytest.raises(ValueError, match="repeats the one spot"):
        check_fit(GOOD | {"spots": 2 * GOOD["spots"], "fit": {"n_spots": 3}})
    with pytest.raises(ValueError, match="takes its places from"):
        check_fit({**GOOD, "fit": {"spots": "greedy"}, "spots": []})
    spectrum = {"kind": "spectrum", "path": "a.fits"}
    with pytest.raises(ValueError, match="needs a light curve"):
        check_fit(GOOD | {"data": [spectrum], "fit": {"find_period": True}})
    with pytest.raises(ValueError, match="start = 3 must be before stop = 2"):
        check_fit(GOOD | {"data": [GOOD["data"][0] | {"start": 3.0, "stop": 2.0}]})
    with pytest.raises(ValueError, match="two rising positive numbers"):
        check_fit(GOOD | {"data": [spectrum | {"wavelength": [2.0, 1.0]}]})
    with pytest.raises(ValueError, match="2 problems"):
        check_fit(GOOD | {"data": [GOOD["data"][0] | {"a": 1, "b": 2}]})


def test_the_digest_knows_configuration_and_data(tmp_path):
    text = Path("examples/fit.toml").read_text()
    data = Path("examples/fit_light_curve.csv").read_text()

    def digest(text, data):
        (tmp_path / "fit.toml").write_text(text)
        (tmp_path / "fit_light_curve.csv").write_text(data)
        return read_fit(tmp_path / "fit.toml").digest

    first = digest(text, data)
    assert digest("# a comment\n" + text, data) == first
    assert (
        digest(
            text.replace('"made-up"', '"made-up"', 1).replace("[output]\nfolder", "[output]\nfolder"), data
        )
        == first
    )
    assert digest(text.replace('folder = "made-up"', 'folder = "elsewhere"'), data) == first
    assert digest(text.replace("starts = 8", "starts = 9"), data) != first
    assert digest(text, data[:-2]) != first


def test_files_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        read_fit(tmp_path / "none.toml")
    (tmp_path / "a.toml").write_text("[star\n")
    with pytest.raises(ValueError, match="dynamojax config --fit"):
        read_fit(tmp_path / "a.toml")
