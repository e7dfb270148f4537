"""Configurations of data sets: what is wrong is said, what is right becomes a recipe."""

from pathlib import Path

import numpy as np
import pytest

from dynamojax import units
from dynamojax.config.generation_keys import GROUPS
from dynamojax.config.generation_reading import check_generation, read_generation
from dynamojax.population import columns

SHORT = """
[generate]
stars = 20
seed = 5
shard_stars = 8
[population]
n_spots = 60
age = "uniform 1 9"
teff_low = 4500
[[photometers]]
preset = "kepler"
days = 2
[[spectrographs]]
preset = "lamost"
wavelength = [5100, 5200]
epochs = 2
barycentric_velocity = [12.5, -7.25]
[[velocities]]
times = [0.5, 1.0, 1.5]
error_m_s = 10
[spectra]
n_disc = [12, 6]
n_cap = [2, 6]
"""


def write(folder, text):
    path = folder / "a.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[generate]\nstars = 5", "photometers"),
        ("[generate]\n[[photometers]]\npreset = 'kepler'", "generate.stars is missing"),
        ("[[photometers]]\npreset = 'kepler'", r"\[generate\] is missing"),
        ("[generate]\nstars = 0\n[[photometers]]\npreset = 'kepler'", "out of range"),
        ("[generate]\nstar = 5\n[[photometers]]\npreset = 'kepler'", "did you mean stars"),
        ("[generate]\nstars = 5\n[star]\nteff = 5000\n[[photometers]]\npreset = 'kepler'", "for one star"),
        ("[generate]\nstars = 5\ncolumns = ['flux']\n[[photometers]]\npreset = 'kepler'", "holds 'flux'"),
        ("[generate\n", "not TOML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_generation(write(tmp_path, text))


def test_a_missing_file_is_one_message(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        read_generation(tmp_path / "none.toml")


def test_the_template_names_every_key_and_is_a_configuration():
    import re
    import tomllib

    from dynamojax.config import documents

    text = documents.template(documents.OF_DATA_SETS)
    own, shared = check_generation(tomllib.loads(text))
    assert own[0]["stars"] == 1000 and own[1]["n_spots"] is None and shared["photometers"]
    lines = re.findall(r"^(?:# )?(\[\[?\w+\]\]?|\w+ = .*)$", text, flags=re.M)
    everything = tomllib.loads("\n".join(lines))
    for section in documents.OF_DATA_SETS:
        table = everything[section.name]
        assert set(table[0] if section.is_list else table) == set(section.by_name)


def test_the_example_is_a_configuration():
    example = read_generation(Path(__file__).parents[2] / "examples" / "population.toml")
    assert example.generate["stars"] == 64 and len(example.settings["spectrographs"]) == 2


def test_groups_of_columns_are_those_that_there_are():
    assert GROUPS == columns.GROUPS


def test_units_of_all_parameters_are_known():
    import dynamojax as dj

    assert set(units.STAR_UNITS) == set(dj.Star.__dataclass_fields__)
    assert set(units.SPOT_UNITS) == set(dj.SpotMap.__dataclass_fields__)
    assert set(units.PLANET_UNITS) == set(dj.Planets.__dataclass_fields__)


def test_defaults_are_filled_in():
    own, shared = check_generation({"generate": {"stars": 3}, "photometers": [{"preset": "tess"}]})
    assert own[0]["seed"] == 0 and own[0]["file_format"] == "parquet" and own[1]["prior"] == "kepler"
    assert shared["photometers"][0]["days"] == 27.0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('age = "gamma 1 2"', "'gamma' is no distribution"),
        ('age = "uniform 1"', "takes 2 numbers: low, high"),
        ('feh = "fixed x"', "takes 1 numbers"),
        ('age = "uniform 3 3"', "low = 3 must be below high = 3"),
        ('mass = "loguniform 0 2"', "low = 0 must be above 0"),
        ('feh = "normal 0 -0.2 -1 0.4"', "deviation = -0.2 must be above 0"),
        ("teff_low = 7000\nteff_high = 6000", "teff_low = 7000 must be below"),
    ],
)
def test_a_prior_that_is_not_possible_is_said(line, message):
    import tomllib

    from dynamojax.config.population import population

    data = {"generate": {"stars": 3}, "photometers": [{"preset": "tess"}], "population": tomllib.loads(line)}
    (_, table), _ = check_generation(data)
    with pytest.raises(ValueError, match=message):
        population(table, (0.0, 27.0))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    from dynamojax.config.generation import recipe

    generation = read_generation(write(tmp_path_factory.mktemp("config"), SHORT))
    return generation, recipe(generation)


@pytest.mark.slow
def test_a_recipe_has_what_was_asked_for(made):
    from dynamojax.population.recipe import columns_of, plan

    table, manifest = columns_of(made[1]), plan(made[1])
    assert (manifest.n_stars, manifest.shard_stars, manifest.n_shards) == (20, 8, 3)
    assert table["lamost_flux"]["shape"][0] == 2 and table["lamost_flux"]["axis"] == "lamost_wavelength"
    assert table["kepler_flux"]["shape"] == table["kepler_flux_model"]["shape"] == [97]
    assert table["rv_velocity"]["shape"] == [3] and made[1].axes["rv_time"]["values"] == [0.5, 1.0, 1.5]
    assert made[1].axes["lamost_wavelength"]["frame"] == "observatory"
    assert made[1].axes["lamost_barycentric_velocity"] == {"unit": "km/s", "values": [12.5, -7.25]}
    assert table["spot_lat"]["shape"] == [60] and table["age_gyr"]["unit"] == "Gyr"
    assert all(column["unit"] for name, column in table.items()), "a unit is missing"
    assert set(manifest.inputs) == {"bands", "tracks", "spectra"}
    assert manifest.configuration["population"]["age"] == "uniform 1 9"
    prior = made[1].maker.prior
    assert float(prior.stop) < 3.0 and prior.n_ages == 1 and float(prior.light_power) == 0.0


@pytest.mark.slow
def test_sizes_given_are_kept(made):
    from dynamojax.config.generation import recipe

    generation, first = made
    assert first.sizes["n_spots"] == 60
    wanted = {name: value + 8 for name, value in first.sizes.items()} | {"n_nodes": 4 * 10**4}
    again = recipe(generation, wanted)
    assert again.sizes == wanted and again.maker.simulator.crossing.n_epochs == wanted["n_epochs"]
    assert again.maker.simulator.surface.n_neighbours == wanted["n_neighbours"]
    assert again.maker.prior.emergence.n_spots == 68


@pytest.mark.slow
def test_rows_of_the_real_population_with_spectra(made):
    import jax

    import dynamojax as dj
    from dynamojax.population.program import build_program, star_mesh

    recipe = made[1]
    program = build_program(recipe.maker, recipe.root, star_mesh(jax.local_devices()[:1]), 8)
    out = {name: np.asarray(value)[:8] for name, value in program(0, 7).items()}
    assert out["valid"].sum() >= 6
    valid = out["valid"]
    for name in ("kepler_flux", "lamost_flux", "lamost_flux_model", "lamost_velocity"):
        assert np.isfinite(out[name][valid]).all(), name
    # what the observatory sees: its own velocity towards the star is taken off, but for the products' 0.001
    moved = out["lamost_velocity"][valid] - out["star_rv"][valid, None]
    np.testing.assert_allclose(moved, np.tile([-12.5, 7.25], (len(moved), 1)), atol=5e-3)
    error = (out["rv_velocity"] - out["rv_velocity_model"])[valid]
    assert 0.003 < np.std(error) < 0.03  # a dozen draws of 10 m/s
    ratio = (out["lamost_flux"] / out["lamost_flux_model"])[valid]
    assert 0.0 < np.std(ratio) < 0.5 and not np.array_equal(ratio[0, 0], ratio[0, 1])
    same = dj.sample_population(recipe.root, 8, recipe.maker.prior)
    np.testing.assert_allclose(out["star_teff"], same.system.star.teff, rtol=1e-5)


def test_a_seed_that_would_be_cut_is_refused():
    import jax

    data = {"generate": {"stars": 3, "seed": 2**32}, "photometers": [{"preset": "tess"}]}
    with pytest.raises(ValueError, match=r"seed = 4294967296 is out of range; allowed: \[0, 4294967295\]"):
        check_generation(data)
    cut, first, last = (jax.random.key_data(jax.random.key(seed)) for seed in (2**32, 0, 2**32 - 1))
    assert (cut == first).all() and not (last == first).all()  # why it is
