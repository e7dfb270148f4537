"""Data sets from the engine: every star once, the same bytes however they were computed, faults."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from dynamojax.population import engine
from dynamojax.population import manifest as book
from dynamojax.population.dataset import DataSet, read_description, read_shard
from dynamojax.population.program import build_program, free_memory, star_mesh
from dynamojax.population.recipe import about_of, plan
from dynamojax.population.stars import star_row
from tests.population.standin import BAD, recipe

pytest.importorskip("pyarrow")
ROOT = Path(__file__).parents[2]


def make(folder, made, *, resume=False, chunk=None, notes=None, stop_after=None):
    """A data set in one process, perhaps stopped after some shards."""
    note = (lambda text: None) if notes is None else notes.append
    with book.only_writer(folder):
        manifest, todo = engine.prepare(folder, plan(made), resume=resume, note=note)
        mesh = star_mesh(jax.local_devices()[:1])
        program = build_program(made.maker, made.root, mesh, manifest.shard_stars, chunk=chunk)
        about = about_of(made, manifest)
        report = engine.write_all(program, folder, manifest, about, todo[:stop_after])
        engine.finish(folder, manifest)
    return report


def digests(folder):
    """Of all files."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "set"
    report = make(folder, recipe())
    assert (report.n_stars, report.n_valid) == (30, 26)
    return folder


def test_every_star_is_there_once_and_in_order(whole):
    data = DataSet(whole)
    stars = data.columns(["star_id", "valid", "drawn"])
    np.testing.assert_array_equal(stars["star_id"], np.arange(30))
    assert set(np.flatnonzero(~stars["valid"])) == {7, 17, 27, BAD}
    assert set(np.flatnonzero(~stars["drawn"])) == {7, 17, 27}
    assert (data.n_finished, data.n_valid, len(data.paths)) == (30, 26, 4)


def test_a_star_that_fails_stays_as_a_row_without_observables(whole):
    shard = read_shard(DataSet(whole).paths[1])
    row = list(shard["star_id"]).index(BAD)
    assert np.isnan(shard["kepler_flux"][row]).all() and np.isnan(shard["kepler_flux_model"][row]).all()
    assert not shard["kepler_good"][row].any() and np.isfinite(shard["star_teff"][row])
    others = np.delete(shard["kepler_flux"], row, axis=0)
    assert np.isfinite(others).all()


def test_observables_are_those_of_the_simulator(whole):
    made = recipe()
    shard = read_shard(DataSet(whole).paths[2])
    sample = made.maker.sample(made.root, jax.numpy.asarray(18), made.maker.prior, None)
    row = list(shard["star_id"]).index(18)
    model = made.maker.simulator(sample.system).light_curves["kepler"].flux[0]
    # two programs of the same float32 arithmetic
    np.testing.assert_allclose(shard["kepler_flux_model"][row], model, rtol=2e-6)
    np.testing.assert_allclose(shard["spot_lat"][row], sample.system.spots.lat, rtol=1e-6)
    noise = (shard["kepler_flux"] - shard["kepler_flux_model"])[shard["valid"]] / 1e-4
    assert 0.8 < noise.std() < 1.2  # 168 draws of 100 ppm: 5 % is one sigma
    assert len(np.unique(noise)) > 100


@pytest.mark.parametrize("chunk", [1, 24, 40])
def test_bytes_do_not_depend_on_the_chunk(whole, tmp_path, chunk):
    make(tmp_path / "set", recipe(), chunk=chunk)
    assert digests(tmp_path / "set") == digests(whole)


def test_a_star_does_not_depend_on_its_shard(whole, tmp_path):
    make(tmp_path / "set", recipe(shard_stars=11))
    names = ["star_id", "kepler_flux", "kepler_flux_model", "spot_lon", "age_gyr"]
    here, there = DataSet(tmp_path / "set").columns(names), DataSet(whole).columns(names)
    for name in names:
        np.testing.assert_array_equal(here[name], there[name])


def test_resume_makes_what_is_missing_and_nothing_else(whole, tmp_path):
    folder = tmp_path / "set"
    make(folder, recipe(), stop_after=2)
    times = [path.stat().st_mtime_ns for path in DataSet(folder).paths]
    report = make(folder, recipe(), resume=True)
    assert report.n_stars == 14
    assert [path.stat().st_mtime_ns for path in DataSet(folder).paths[:2]] == times
    assert digests(folder) == digests(whole)
    assert make(folder, recipe(), resume=True).n_stars == 0
    assert digests(folder) == digests(whole)


def test_a_data_set_that_is_there_is_never_begun_again(whole):
    with pytest.raises(ValueError, match="--resume goes on"):
        make(whole, recipe())


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    for resume in (False, True):
        with pytest.raises(ValueError, match="no data set"):
            make(tmp_path, recipe(), resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_corrupted_shard_is_made_again(whole, tmp_path, harm):
    folder, notes = tmp_path / "set", []
    make(folder, recipe())
    path = DataSet(folder).paths[1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    {"flip": lambda: path.write_bytes(content), "cut": lambda: path.write_bytes(content[:-9]),
     "remove": path.unlink}[harm]()  # fmt: skip
    report = make(folder, recipe(), resume=True, notes=notes)
    assert report.n_stars == 8 and len(notes) == 1 and "shard 1" in notes[0] and "made again" in notes[0]
    assert digests(folder) == digests(whole)


def test_a_torn_line_of_the_journal_is_a_shard_to_be_made(whole, tmp_path):
    folder = tmp_path / "set"
    make(folder, recipe(), stop_after=2)
    journal = folder / book.JOURNAL
    journal.write_text(journal.read_text()[:-30])
    (folder / "data" / ".train-00002-of-00004.part99.parquet").write_bytes(b"half")
    assert make(folder, recipe(), resume=True).n_stars == 22
    assert digests(folder) == digests(whole)


def test_a_changed_configuration_is_named(tmp_path):
    folder = tmp_path / "set"
    make(folder, recipe(), stop_after=1)
    before = digests(folder)
    other = recipe(n_times=16, inputs={"bands": "new"})
    with pytest.raises(ValueError, match=r"photometers\[0\].n: 24 became 16") as error:
        make(folder, other, resume=True)
    assert "bands: None became 'new'" in str(error.value) and "--output" in str(error.value)
    assert digests(folder) == before


def test_another_version_is_not_mixed_in_and_another_jax_is_noted(tmp_path):
    folder, notes = tmp_path / "set", []
    make(folder, recipe(), stop_after=1)
    path = folder / book.MANIFEST
    content = json.loads(path.read_text())
    content["made_with"]["jax"] = "0.0.1"
    path.write_text(json.dumps(content))
    make(folder, recipe(), resume=True, notes=notes, stop_after=1)
    assert "0.0.1" in notes[0] and "agree to rounding" in notes[0]
    content["made_with"]["dynamojax"] = "0.0.2"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="0.0.2"):
        make(folder, recipe(), resume=True)


def test_a_damaged_manifest_is_one_message(tmp_path):
    make(tmp_path / "set", recipe(), stop_after=1)
    path = tmp_path / "set" / book.MANIFEST
    path.write_text(path.read_text()[:100])
    with pytest.raises(ValueError, match="damaged"):
        make(tmp_path / "set", recipe(), resume=True)


def test_two_processes_cannot_write_one_data_set(tmp_path):
    with book.only_writer(tmp_path), pytest.raises(ValueError, match="another process"):
        with book.only_writer(tmp_path):
            pass
    with book.only_writer(tmp_path):
        pass


def test_a_label_with_the_name_of_a_column_is_an_error():
    made = recipe()

    def sample(*arguments):
        drawn = made.maker.sample(*arguments)
        return type(drawn)(drawn.system, None, {"kepler_flux": drawn.valid}, drawn.valid)

    changed = type(made.maker)(
        **{**{name: value for name, value in vars(made.maker).items()}, "sample": sample}
    )
    with pytest.raises(ValueError, match="kepler_flux"):
        jax.eval_shape(star_row, changed, made.root, jax.numpy.int32(0))


def test_the_description_says_units_axes_configuration_and_versions(whole):
    about = read_description(DataSet(whole).paths[0])
    assert about["columns"]["kepler_flux"]["axis"] == "kepler_time"
    assert about["columns"]["star_teff"]["unit"] == "K" and about["columns"]["age_gyr"]["unit"] == "Gyr"
    assert about["axes"]["kepler_time"]["values"] == (np.arange(24) / 8).tolist()
    assert about["configuration"]["generate"]["stars"] == 30
    assert about["made_with"]["jax"] == jax.__version__


def test_memory_bounds_the_chunk_and_too_little_is_an_error():
    made = recipe()
    mesh = star_mesh(jax.local_devices()[:1])
    wide = build_program(made.maker, made.root, mesh, 64)
    assert wide.chunk == 32 and free_memory(jax.local_devices()[0]) > 2**26
    narrow = build_program(made.maker, made.root, mesh, 64, memory=wide.bytes_needed - 1)
    assert narrow.chunk < wide.chunk and narrow.bytes_needed < wide.bytes_needed
    with pytest.raises(ValueError, match="do not hold 16 stars"):
        build_program(made.maker, made.root, mesh, 64, memory=1000)


def test_sizes_of_shards_follow_from_the_rows():
    many = plan(recipe(n_stars=10**6, shard_stars=None))
    assert many.shard_stars == 2**17 and many.n_shards == 8
    assert plan(recipe(n_stars=2 * 10**9, shard_stars=None)).n_shards == 2 * 10**9 // 2**17 + 1
    with pytest.raises(ValueError, match="99999 shards"):
        plan(recipe(n_stars=10**6, shard_stars=1))


def test_hdf5_holds_the_same(whole, tmp_path):
    make(tmp_path / "a", recipe(file_format="hdf5"))
    make(tmp_path / "b", recipe(file_format="hdf5"), chunk=24)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    here, there = (DataSet(folder) for folder in (tmp_path / "a", whole))
    for name, values in read_shard(there.paths[0]).items():
        np.testing.assert_array_equal(read_shard(here.paths[0], [name])[name], values)
    assert here.description()["columns"] == there.description()["columns"]


SPREAD = """
import sys
from tests.population.test_engine import digests, make
from tests.population.standin import recipe
from dynamojax.population.program import build_program, star_mesh
from dynamojax.population import engine
from dynamojax.population.recipe import about_of, plan
from pathlib import Path
import jax
assert len(jax.local_devices()) == 2
folder, made = Path(sys.argv[1]), recipe()
manifest, todo = engine.prepare(folder, plan(made), resume=False)
program = build_program(made.maker, made.root, star_mesh(), manifest.shard_stars)
assert program.n_devices == 2 and program.chunk == 32
devices = {shard.device for shard in program(0, 7)["kepler_flux"].addressable_shards}
assert len(devices) == 2
engine.write_all(program, folder, manifest, about_of(made, manifest), todo)
engine.finish(folder, manifest)
"""


@pytest.mark.slow
def test_two_devices_share_the_stars_and_give_the_same_bytes(whole, tmp_path):
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    subprocess.run(
        [sys.executable, "-c", SPREAD, str(tmp_path / "set")], cwd=ROOT, env=environment, check=True
    )
    assert digests(tmp_path / "set") == digests(whole)
