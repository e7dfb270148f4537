"""A whole simulation in one HDF5 file: every photometer, with and without noise, the system, the settings."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dynamojax.files.light_curves import PLANET_UNITS, STAR_UNITS
from dynamojax.files.records import Record, Recording
from dynamojax.files.spot_maps import put_spots
from dynamojax.files.writing import file_stem, provenance, replacing
from dynamojax.system import System

FORMAT = "dynamojax simulation"
FORMAT_VERSION = 1
UNITS = {
    **{"time": "d", "model_flux": "1", "flux": "1", "sap_flux": "1", "flux_err": "1", "good": "1"},
    **{"spot_fraction": "1", "facula_fraction": "1", "baseline": "erg/s/cm2/A"},
    **{"ab_mag": "mag", "vega_mag": "mag", "noise_mag": "mag"},
}
_FIELDS = {"model_flux": "flux", "flux": "corrected", "sap_flux": "simple", "flux_err": "error"}


def write_simulation(folder: str | Path, record: Record) -> Path:
    """Write everything; the name of the file is the star's."""
    path = Path(folder) / f"{file_stem(record.name)}.h5"
    with replacing(path) as part, h5py.File(part, "w") as file:
        file.attrs.update({"format": FORMAT, "format_version": FORMAT_VERSION, **provenance()})
        file.attrs["dtype"] = str(record.system.star.teff.dtype)
        file.attrs["epoch_bjd"], file.attrs["noise_seed"] = record.epoch_bjd, record.noise_seed
        file["settings"] = record.settings
        _put_system(file, record.system)
        for name, recording in record.recordings.items():
            _put_recording(file.create_group(f"light_curves/{name}"), recording)
    return path


def _put_system(file: h5py.File, system: System) -> None:
    for part, units in (("star", STAR_UNITS), ("planets", PLANET_UNITS)):
        for name, unit in units.items():
            value = np.asarray(getattr(getattr(system, part), name))
            file.create_dataset(f"system/{part}/{name}", data=value).attrs["unit"] = unit
    put_spots(file.create_group("system/spots"), system.spots)


def _put_recording(group: h5py.Group, recording: Recording) -> None:
    photometer = recording.photometer
    group.attrs["bands"] = list(photometer.bands)
    group.attrs["exposure"] = photometer.exposure
    for name, unit in UNITS.items():
        value = photometer.times if name == "time" else getattr(recording, _FIELDS.get(name, name))
        group.create_dataset(name, data=value).attrs["unit"] = unit


def read_simulation(path: str | Path) -> dict:
    """What `write_simulation` wrote.

    Returns:
        `attributes`; `settings`, the text; `star` and `planets`, their arrays by name; `light_curves`, by
        photometer the arrays of `UNITS` with `bands` and `exposure`. Spots: `read_spots(path)`.

    Raises:
        ValueError: no such file, or of another kind.
    """
    path = Path(path)
    try:
        with h5py.File(path, "r") as opened:
            file: Any = opened  # its stubs do not know groups from datasets
            if file.attrs.get("format") != FORMAT or file.attrs["format_version"] > FORMAT_VERSION:
                found = file.attrs.get("format"), file.attrs.get("format_version")
                raise ValueError(
                    f"{path}: format = {found}, this release reads {FORMAT!r} up to "
                    f"{FORMAT_VERSION}; update dynamojax or give another file"
                )
            return {
                "attributes": dict(file.attrs),
                "settings": file["settings"].asstr()[()],
                **{part: _arrays(file[f"system/{part}"]) for part in ("star", "planets")},
                "light_curves": {name: _light_curve(group) for name, group in file["light_curves"].items()},
            }
    except (OSError, KeyError) as error:
        raise ValueError(f"{path} is damaged or not HDF5 ({error}); write it again") from None


def _arrays(group: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(dataset[()]) for name, dataset in group.items()}


def _light_curve(group: Any) -> dict:
    return _arrays(group) | {"bands": tuple(group.attrs["bands"]), "exposure": float(group.attrs["exposure"])}
