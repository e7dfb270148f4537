"""A fit in files: everything in HDF5, the parameters as a table that a person reads too."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dynamojax.files.fit_record import FitRecord, FittedData, FittedParameter, SpotMapPosterior
from dynamojax.writing import hdf5_file, replacing

FORMAT = "dynamojax fit"
FORMAT_VERSION = 1
_DATA_UNITS = {
    "values": "median flux",
    "errors": "median flux",
    "good": "1",
    "model": "median flux",
    "residual": "1",
    "arm": "1",
}
_SCALARS = ("start", "low", "high", "value", "error", "r_hat", "n_effective", "is_at_bound", "is_open")


def write_fit(folder: Path, record: FitRecord) -> list[Path]:
    """Write `fit.h5` and `parameters.ecsv`, each completely or not at all."""
    path = folder / "fit.h5"
    with replacing(path) as part, hdf5_file(part) as file:
        file.attrs.update({"format": FORMAT, "format_version": FORMAT_VERSION, "name": record.name})
        file.attrs["status"] = record.status
        file.attrs.update(record.about)
        file["configuration"] = record.configuration
        _put_parameters(file.create_group("parameters"), record)
        _put_posterior(file.create_group("posterior"), record)
        _put_ends(file.create_group("starts"), record)
        for name, data in record.data.items():
            _put_data(file.create_group(f"data/{name}"), data)
        file.create_group("system")
        for owner, leaves in record.system.items():
            for name, value in leaves.items():
                file[f"system/{owner}/{name}"] = value
        for group, values in (("statistics", record.statistics), ("period", record.period)):
            file.create_group(group).attrs.update(values)
        file["statistics"].attrs["bics"] = np.array(record.bics)
        if record.spot_map is not None:
            _put_map(file.create_group("spot_map"), record.spot_map)
    return [path, _write_table(folder / "parameters.ecsv", record)]


def _put_parameters(group: Any, record: FitRecord) -> None:
    rows = record.parameters
    for name in ("name", "unit", "prior"):
        group[name] = np.array([getattr(row, name) for row in rows], dtype=h5py.string_dtype())
    for name in _SCALARS:
        group[name] = np.array([getattr(row, name) for row in rows])
    for name in ("interval_68", "interval_95"):
        group[name] = np.array([getattr(row, name) for row in rows])


def _put_posterior(group: Any, record: FitRecord) -> None:
    group.attrs["covariance_kind"] = record.covariance_kind
    group.attrs["sampler"], group.attrs["n_chains"] = record.sampler, record.n_chains
    group.attrs["faults"] = json.dumps(record.faults)
    group.attrs["open_directions"] = json.dumps(record.open_directions)
    if record.covariance is not None:
        group["covariance"] = record.covariance
    if record.draws is not None:
        group["draws"] = record.draws


def _put_ends(group: Any, record: FitRecord) -> None:
    group["name"] = np.array(record.end_names, dtype=h5py.string_dtype())
    group["values"] = record.ends
    for name, column in record.end_columns.items():
        group[name] = column


def _put_data(group: Any, data: FittedData) -> None:
    group.attrs["kind"], group.attrs["scale"] = data.kind, data.scale
    name, unit = ("time", "d") if data.kind == "light_curve" else ("wavelength", "angstrom")
    group.create_dataset(name, data=data.where).attrs["unit"] = unit
    for field, unit in _DATA_UNITS.items():
        group.create_dataset(field, data=getattr(data, field)).attrs["unit"] = unit


def _put_map(group: Any, spot_map: SpotMapPosterior) -> None:
    for field in fields(spot_map):
        value = getattr(spot_map, field.name)
        if isinstance(value, np.ndarray):
            group[field.name] = value
        else:
            group.attrs[field.name] = value


def _write_table(path: Path, record: FitRecord) -> Path:
    from astropy.table import Table

    rows = record.parameters
    columns = {name: [getattr(row, name) for row in rows] for name in ("name", "unit", "value", "error")}
    for share in ("68", "95"):
        for i, end in enumerate(("low", "high")):
            columns[f"{end}_{share}"] = [getattr(row, f"interval_{share}")[i] for row in rows]
    columns["lowest"], columns["highest"] = [row.low for row in rows], [row.high for row in rows]
    for name in ("start", "prior", "is_at_bound", "is_open", "r_hat", "n_effective"):
        columns[name] = [getattr(row, name) for row in rows]
    about = {"star": record.name, "status": record.status, **record.about, **record.statistics}
    table = Table(columns, meta=about)
    with replacing(path) as part:
        table.write(part, format="ascii.ecsv", overwrite=True)
    return path


def read_fit_results(path: str | Path) -> FitRecord:
    """What `write_fit` wrote; `path` is fit.h5 or its folder.

    Raises:
        ValueError: no such file, or of another kind.
    """
    path = Path(path)
    path = path / "fit.h5" if path.is_dir() else path
    try:
        with h5py.File(path, "r") as opened:
            file: Any = opened  # its stubs do not know groups from datasets
            if file.attrs.get("format") != FORMAT or file.attrs["format_version"] > FORMAT_VERSION:
                raise ValueError(
                    f"{path}: format = {file.attrs.get('format')!r}, this release reads {FORMAT!r} up to "
                    f"{FORMAT_VERSION}; update dynamojax or give another file"
                )
            return _record(file)
    except (OSError, KeyError) as error:
        raise ValueError(f"{path} is damaged or not HDF5 ({error}); fit again") from None


def _record(file: Any) -> FitRecord:
    own = ("format", "format_version", "name", "status")
    posterior, ends, statistics = file["posterior"], file["starts"], dict(file["statistics"].attrs)
    bics = statistics.pop("bics")
    return FitRecord(
        name=str(file.attrs["name"]),
        status=str(file.attrs["status"]),
        parameters=_parameters(file["parameters"]),
        covariance=posterior["covariance"][()] if "covariance" in posterior else None,
        covariance_kind=str(posterior.attrs["covariance_kind"]),
        draws=posterior["draws"][()] if "draws" in posterior else None,
        n_chains=int(posterior.attrs["n_chains"]),
        sampler=str(posterior.attrs["sampler"]),
        faults=tuple(json.loads(posterior.attrs["faults"])),
        data={name: _data(group) for name, group in file["data"].items()},
        ends=ends["values"][()],
        end_names=tuple(ends["name"].asstr()[()]),
        end_columns={name: x[()] for name, x in ends.items() if name not in ("name", "values")},
        open_directions=tuple((s, parts) for s, parts in json.loads(posterior.attrs["open_directions"])),
        statistics={name: _plain(x) for name, x in statistics.items()},
        bics=tuple(float(x) for x in bics),
        period={name: _plain(x) for name, x in file["period"].attrs.items()},
        system={owner: {name: x[()] for name, x in group.items()} for owner, group in file["system"].items()},
        spot_map=_map(file["spot_map"]) if "spot_map" in file else None,
        about={name: _plain(x) for name, x in file.attrs.items() if name not in own},
        configuration=file["configuration"].asstr()[()],
    )


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


def _parameters(group: Any) -> tuple[FittedParameter, ...]:
    columns = {name: group[name].asstr()[()] for name in ("name", "unit", "prior")}
    columns |= {name: group[name][()].tolist() for name in (*_SCALARS, "interval_68", "interval_95")}
    rows = []
    for i in range(len(columns["name"])):
        row = {name: column[i] for name, column in columns.items()}
        row |= {name: tuple(row[name]) for name in ("interval_68", "interval_95")}
        rows.append(FittedParameter(**row))
    return tuple(rows)


def _data(group: Any) -> FittedData:
    kind = str(group.attrs["kind"])
    where = group["time" if kind == "light_curve" else "wavelength"][()]
    arrays = {name: group[name][()] for name in _DATA_UNITS}
    return FittedData(kind, where, scale=float(group.attrs["scale"]), **arrays)


def _map(group: Any) -> SpotMapPosterior:
    return SpotMapPosterior(
        **{name: x[()] for name, x in group.items()}, **{n: _plain(x) for n, x in group.attrs.items()}
    )
