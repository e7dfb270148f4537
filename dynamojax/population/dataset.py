"""Shards of a data set on disk: Parquet, with its own description in the schema, or HDF5.

A shard's bytes depend on its rows and on the description alone. Arrays are lists of fixed size, which
pyarrow, polars, Hugging Face `datasets` and Ray Data read as they are.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from dynamojax.population.manifest import Manifest, Record, Shard, file_digest, read_manifest, read_records
from dynamojax.writing import hdf5_file, replacing

if TYPE_CHECKING:
    import pyarrow as pa

KEY = b"dynamojax"  # of the schema's metadata: the description as JSON
FORMAT = "dynamojax data set shard"
Arrays = dict[str, np.ndarray]


def require_parquet():
    """The modules `pyarrow` and `pyarrow.parquet`.

    Raises:
        ValueError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ValueError(
            "pyarrow is not installed, which Parquet needs; install dynamojax[generate], or set "
            'generate.file_format = "hdf5"'
        ) from None
    return pyarrow, pyarrow.parquet


def description(manifest: Manifest, axes: dict[str, dict], provenance: dict) -> dict:
    """What a shard says of itself: columns with units, axes, configuration, versions, grids."""
    return {
        "digest": manifest.digest,
        "columns": manifest.columns,
        "axes": axes,
        "configuration": manifest.configuration,
        "inputs": manifest.inputs,
        "sizes": manifest.sizes,
        "made_with": manifest.made_with,
        "provenance": provenance,
        "text": manifest.text,
    }


def arrow_schema(columns: dict[str, dict], about: dict) -> "pa.Schema":
    """The schema of a shard; unit and meaning of a column are its field's metadata, too."""
    pa, _ = require_parquet()
    fields = []
    for name, column in columns.items():
        kind = pa.from_numpy_dtype(np.dtype(column["dtype"]))
        for size in reversed(column["shape"]):
            kind = pa.list_(kind, size)
        said = {key: column[key] for key in ("unit", "help", "axis") if column[key]}
        fields.append(pa.field(name, kind, metadata=said))
    return pa.schema(fields, metadata={KEY: json.dumps(about)})


def _arrow_column(pa, values: np.ndarray, kind):
    array = pa.array(values.reshape(-1))
    for size in reversed(values.shape[1:]):
        array = pa.FixedSizeListArray.from_arrays(array, size)
    return array.cast(kind) if array.type != kind else array


def write_shard(folder: Path, shard: Shard, arrays: Arrays, about: dict, manifest: Manifest) -> Record:
    """Write one shard, completely or not at all.

    Args:
        folder: The data set.
        shard: Which one.
        arrays: By column, the first axis along stars.
        about: `description`.
        manifest: Of the data set.

    Raises:
        OSError: the disk is full, or the folder cannot be written to; nothing is left behind.
    """
    path = folder / shard.name
    write = _write_parquet if manifest.file_format == "parquet" else _write_hdf5
    with replacing(path) as part:
        write(part, arrays, about, manifest)
        n_bytes, digest = part.stat().st_size, file_digest(part)
    n_valid = int(np.count_nonzero(arrays["valid"]))
    return Record(shard.index, shard.name, shard.n_stars, n_valid, n_bytes, digest)


def _write_parquet(path: Path, arrays: Arrays, about: dict, manifest: Manifest) -> None:
    pa, parquet = require_parquet()
    schema = arrow_schema(manifest.columns, about)
    table = pa.table(
        [_arrow_column(pa, arrays[field.name], field.type) for field in schema], schema=schema
    )  # fmt: skip
    scalars = [name for name, column in manifest.columns.items() if not column["shape"]]
    floats = [_leaf_of(name, column) for name, column in manifest.columns.items() if _is_float(column)]
    parquet.write_table(
        table,
        path,
        row_group_size=manifest.row_group,
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
        use_byte_stream_split=floats,
        write_statistics=scalars,
    )


def _is_float(column: dict) -> bool:
    return np.dtype(column["dtype"]).kind == "f"


def _leaf_of(name: str, column: dict) -> str:
    """Path of a column's numbers inside a Parquet file."""
    return name + ".list.element" * len(column["shape"])


def _write_hdf5(path: Path, arrays: Arrays, about: dict, manifest: Manifest) -> None:
    with hdf5_file(path, libver="latest") as file:
        file.attrs["format"] = FORMAT
        file["about"] = json.dumps(about)
        for name, column in manifest.columns.items():
            values = arrays[name]
            options = (
                {"compression": "gzip", "compression_opts": 1, "shuffle": True} if values.ndim > 1 else {}
            )
            dataset = file.create_dataset(f"stars/{name}", data=values.astype(column["dtype"]), **options)
            dataset.attrs.update({key: column[key] for key in ("unit", "help", "axis") if column[key]})


def read_shard(path: str | Path, columns: Sequence[str] | None = None) -> Arrays:
    """Columns of one shard as arrays, all if none are named.

    Raises:
        ValueError: not a shard, or a damaged one.
    """
    path = Path(path)
    parquet = None if path.suffix == ".h5" else require_parquet()[1]
    try:
        return _read_hdf5(path, columns) if parquet is None else _read_parquet(parquet, path, columns)
    except (OSError, KeyError, ValueError) as error:  # of a damaged file pyarrow raises the last
        raise ValueError(f"{path} is damaged or no shard ({error}); make it again with --resume") from None


def _read_parquet(parquet, path: Path, columns: Sequence[str] | None) -> Arrays:
    table = parquet.read_table(path, columns=None if columns is None else list(columns), partitioning=None)
    return {name: _to_numpy(table[name].combine_chunks()) for name in table.column_names}


def _to_numpy(array: Any) -> np.ndarray:
    shape = [len(array)]
    while hasattr(array.type, "list_size"):
        shape.append(array.type.list_size)
        array = array.flatten()
    return array.to_numpy(zero_copy_only=False).reshape(shape)


def _read_hdf5(path: Path, columns: Sequence[str] | None) -> Arrays:
    with h5py.File(path, "r") as opened:
        group: Any = opened["stars"]
        return {name: group[name][()] for name in (group if columns is None else columns)}


def read_description(path: str | Path) -> dict:
    """What a shard says of itself.

    Raises:
        ValueError: not a shard, or a damaged one.
    """
    path = Path(path)
    parquet = None if path.suffix == ".h5" else require_parquet()[1]
    try:
        if parquet is not None:
            return json.loads(parquet.read_schema(path).metadata[KEY])
        with h5py.File(path, "r") as opened:
            file: Any = opened
            return json.loads(file["about"].asstr()[()])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged or no shard ({error}); make it again with --resume") from None


class DataSet:
    """A data set on disk: `DataSet(folder)`, finished or not.

    Attributes:
        folder: Where it lies.
        manifest: What it is to be.
        records: Its finished shards by number.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.manifest = read_manifest(folder)
        self.records = read_records(folder)

    @property
    def paths(self) -> list[Path]:
        """Files of the finished shards, in order."""
        return [self.folder / self.records[index].name for index in sorted(self.records)]

    @property
    def n_finished(self) -> int:
        """Stars in them."""
        return sum(record.n_stars for record in self.records.values())

    @property
    def n_valid(self) -> int:
        """Valid stars in them."""
        return sum(record.n_valid for record in self.records.values())

    def description(self) -> dict:
        """What the first finished shard says of itself: columns with units, axes, configuration, grids.

        Raises:
            ValueError: none is finished.
        """
        if not self.records:
            raise ValueError(f"{self.folder} has no finished shard yet; run generate with --resume")
        return read_description(self.paths[0])

    def columns(self, names: Sequence[str], n_shards: int | None = None) -> Arrays:
        """Columns of all finished shards, or of so many of them, evenly chosen."""
        paths = self.paths
        if n_shards is not None and n_shards < len(paths):
            paths = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, n_shards).astype(int))]
        parts = [read_shard(path, names) for path in paths]
        return {name: np.concatenate([part[name] for part in parts]) for name in names}
