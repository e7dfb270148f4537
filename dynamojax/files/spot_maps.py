"""Spot maps: saved exactly, read back exactly, or read from a table that a person wrote."""

from pathlib import Path
from typing import Any

import h5py
import jax.numpy as jnp
import numpy as np

from dynamojax.files.writing import provenance, replacing
from dynamojax.system import SpotMap
from dynamojax.units import SPOT_UNITS
from dynamojax.writing import hdf5_file

FORMAT = "dynamojax spot map"
_ANGLES = ("lat", "lon", "radius")
_HDF5 = (".h5", ".hdf5")
_TABLES = {".ecsv": "ascii.ecsv", ".csv": "ascii.csv"}


def write_spots(path: str | Path, spots: SpotMap) -> Path:
    """Save the spots of one star, every bit of them.

    Args:
        path: Ends in .h5, .hdf5 or .ecsv.
        spots: Of one star.

    Raises:
        ValueError: another ending, or a population.
    """
    path = Path(path)
    if spots.lat.ndim != 1:
        raise ValueError(f"spots.lat has shape {spots.lat.shape}: one star is expected; take one")
    if path.suffix not in (*_HDF5, ".ecsv"):
        raise ValueError(f"path = {path} must end in .h5, .hdf5 or .ecsv")
    with replacing(path) as part:
        if path.suffix == ".ecsv":
            _write_table(part, spots)
        else:
            with hdf5_file(part) as file:
                file.attrs.update({"format": FORMAT, **provenance()})
                put_spots(file, spots)
    return path


def put_spots(group: h5py.Group, spots: SpotMap) -> None:
    """Datasets of the spots, with units, in an open HDF5 group."""
    for name, unit in SPOT_UNITS.items():
        group.create_dataset(name, data=np.asarray(getattr(spots, name))).attrs["unit"] = unit


def _write_table(path: Path, spots: SpotMap) -> None:
    from astropy.table import Table

    columns = {name: np.asarray(getattr(spots, name)) for name in SPOT_UNITS}
    table = Table(columns, units=SPOT_UNITS, meta={"format": FORMAT, **provenance()})
    table.write(path, format="ascii.ecsv", overwrite=True)  # shortest digits that read back the same


def read_spots(path: str | Path) -> SpotMap:
    """The spots in a file: of `write_spots`, of a simulation, or a table that a person wrote.

    A table (.ecsv, .csv) has the columns lat_deg, lon_deg and radius_deg [deg], or lat, lon and radius [rad],
    and may have t_max, tau_emerge and tau_decay [day].

    Raises:
        ValueError: no such file, another ending, or a column that is missing or holds no finite numbers.
    """
    path = Path(path)
    if path.suffix not in (*_HDF5, *_TABLES):
        raise ValueError(f"spot map {path} must end in .h5, .hdf5, .ecsv or .csv")
    try:
        columns = _read_hdf5(path) if path.suffix in _HDF5 else _read_table(path)
    except (OSError, KeyError) as error:
        raise ValueError(f"spot map {path} cannot be read ({error}); give a file of write_spots") from None
    return SpotMap(**{name: jnp.asarray(values) for name, values in columns.items()})


def _read_hdf5(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path, "r") as file:
        group: Any = file["system/spots"] if "system" in file else file
        return {name: group[name][()] for name in SPOT_UNITS}


def _read_table(path: Path) -> dict[str, np.ndarray]:
    from astropy.table import Table

    try:
        table = Table.read(path, format=_TABLES[path.suffix])
    except (ValueError, TypeError) as error:
        raise ValueError(f"spot map {path} is not such a table: {error}") from None
    for name in table.colnames:
        if table[name].dtype.kind not in "fiu":
            raise ValueError(f"spot map {path}: column {name} is not of numbers; give rad, deg and days")
    columns: dict = {"t_max": 0.0, "tau_emerge": np.inf, "tau_decay": np.inf}
    for name in SPOT_UNITS:
        if name in table.colnames:
            columns[name] = np.asarray(table[name].data)
        elif name in _ANGLES and f"{name}_deg" in table.colnames:
            columns[name] = np.deg2rad(np.asarray(table[f"{name}_deg"].data))
        elif name in _ANGLES:
            raise ValueError(
                f"spot map {path} has no column {name} [rad] or {name}_deg, only {', '.join(table.colnames)}"
            )
    return dict(zip(columns, np.broadcast_arrays(*columns.values()), strict=True))
