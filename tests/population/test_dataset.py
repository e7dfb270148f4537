"""Shards open as they are in the tools that people train with."""

import numpy as np
import pytest

from dynamojax.population.dataset import DataSet, arrow_schema, read_description, read_shard
from tests.population.standin import BAD, recipe
from tests.population.test_engine import make

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "set"
    make(folder, recipe())
    return folder


@pytest.fixture(scope="module")
def expected(whole):
    return DataSet(whole).columns(["star_id", "valid", "kepler_flux", "kepler_good", "spot_lat", "age_gyr"])


def test_pyarrow_knows_units_and_shapes(whole):
    from pyarrow import parquet

    schema = parquet.read_schema(DataSet(whole).paths[0])
    field = schema.field("kepler_flux_model")
    assert field.type.list_size == 24 and str(field.type.value_type) == "float"
    assert field.metadata[b"unit"] == b"1" and field.metadata[b"axis"] == b"kepler_time"
    assert schema.field("star_teff").metadata[b"unit"] == b"K"
    assert schema == arrow_schema(DataSet(whole).manifest.columns, read_description(DataSet(whole).paths[0]))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_polars(whole, expected):
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(whole / "data" / "*.parquet")
    assert frame["kepler_flux"].dtype == polars.Array(polars.Float32, 24)
    for name, values in expected.items():
        np.testing.assert_array_equal(frame[name].to_numpy(), values)
    lazy = polars.scan_parquet(whole / "data").filter(polars.col("valid")).select("star_id").collect()
    assert len(lazy) == 26


@pytest.mark.filterwarnings("ignore")
def test_hugging_face_datasets(whole, expected, tmp_path):
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(whole), cache_dir=str(tmp_path), split="train")
    assert loaded.num_rows == 30 and loaded.column_names == list(DataSet(whole).manifest.columns)
    assert loaded.features["kepler_flux"].length == 24
    numbers = loaded.with_format("numpy")[:]
    for name, values in expected.items():
        np.testing.assert_array_equal(np.asarray(numbers[name]), values)
    stream = datasets.load_dataset(str(whole), split="train", streaming=True)
    assert [row["star_id"] for row in stream.take(3)] == [0, 1, 2]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ray_data(whole, expected):
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR", ignore_reinit_error=True)
    loaded = ray.data.read_parquet(str(whole / "data"))
    assert loaded.count() == 30
    rows = sorted(loaded.take_all(), key=lambda row: row["star_id"])
    for name, values in expected.items():
        np.testing.assert_array_equal(np.stack([row[name] for row in rows]), values)
    ray.shutdown()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pandas(whole, expected):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(DataSet(whole).paths[1])
    np.testing.assert_array_equal(np.stack(frame["kepler_flux"]), expected["kepler_flux"][8:16])
    assert not frame.set_index("star_id").loc[BAD, "valid"]


def test_a_file_that_is_no_shard_is_one_message(tmp_path):
    for name in ("a.parquet", "a.h5"):
        (tmp_path / name).write_text("no")
        with pytest.raises(ValueError, match="damaged or no shard"):
            read_shard(tmp_path / name)
        with pytest.raises(ValueError, match="damaged or no shard"):
            read_description(tmp_path / name)


def test_a_folder_without_a_data_set_is_one_message(tmp_path):
    with pytest.raises(ValueError, match="is not a data set"):
        DataSet(tmp_path)
