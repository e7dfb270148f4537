"""A whole simulation in one HDF5 file: every instrument, with and without noise, the system, the settings."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dynamojax.files.records import Record, Recording, SpectralRecording, VelocityRecording
from dynamojax.files.spot_maps import put_spots
from dynamojax.files.writing import file_stem, provenance, replacing
from dynamojax.system import System
from dynamojax.units import PLANET_UNITS, STAR_UNITS
from dynamojax.writing import hdf5_file

FORMAT = "dynamojax simulation"
FORMAT_VERSION = 1
KINDS = ("light_curves", "spectra", "velocities")
UNITS = {
    **{"time": "d", "model_flux": "1", "flux": "1", "sap_flux": "1", "flux_err": "1", "good": "1"},
    **{"spot_fraction": "1", "facula_fraction": "1", "baseline": "erg/s/cm2/A"},
    **{"ab_mag": "mag", "vega_mag": "mag", "noise_mag": "mag"},
}
_FLUX, _SPEED = "erg/s/cm2/A", "km/s"
SPECTRA_UNITS = {
    **{"time": "d", "wavelength": "angstrom", "resolution": "1", "arm": "1", "velocity": _SPEED},
    **{"model_flux": _FLUX, "flux": _FLUX, "flux_err": _FLUX, "ivar": f"({_FLUX})-2", "good": "1"},
    "barycentric_velocity": _SPEED,
}
VELOCITY_UNITS = {
    **{"time": "d", "model_velocity": _SPEED, "velocity": _SPEED, "velocity_err": _SPEED},
    **{name: _SPEED for name in ("rotation", "convection", "transit", "reflex", "systemic", "blueshift")},
    "flux": "1",
}
_FIELDS = {"model_flux": "flux", "flux": "corrected", "sap_flux": "simple", "flux_err": "error"}


def write_simulation(folder: str | Path, record: Record) -> Path:
    """Write everything; the name of the file is the star's."""
    path = Path(folder) / f"{file_stem(record.name)}.h5"
    with replacing(path) as part, hdf5_file(part) as file:
        file.attrs.update({"format": FORMAT, "format_version": FORMAT_VERSION, **provenance()})
        file.attrs["dtype"] = str(record.system.star.teff.dtype)
        file.attrs["epoch_bjd"], file.attrs["noise_seed"] = record.epoch_bjd, record.noise_seed
        file["settings"] = record.settings
        _put_system(file, record.system)
        for kind in KINDS:
            file.create_group(kind)
        for name, recording in record.recordings.items():
            _put_recording(file.create_group(f"light_curves/{name}"), recording)
        for name, spectra in record.spectra.items():
            _put_spectra(file.create_group(f"spectra/{name}"), spectra)
        for name, velocities in record.velocities.items():
            _put_velocities(file.create_group(f"velocities/{name}"), velocities)
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


def _put_arrays(group: h5py.Group, arrays: dict, units: dict[str, str]) -> None:
    for name, unit in units.items():
        group.create_dataset(name, data=arrays[name]).attrs["unit"] = unit


def _put_spectra(group: h5py.Group, recording: SpectralRecording) -> None:
    """Wavelengths are in vacuum whatever the instrument's files give, `medium`, and as seen from `frame`.

    `velocity` is relative to that frame; `barycentric_velocity`, of the observatory towards the star, is 0 in
    the barycentre's.
    """
    spectrograph = recording.spectrograph
    group.attrs["arms"] = [arm.name for arm in spectrograph.arms]
    group.attrs["exposure"], group.attrs["medium"] = spectrograph.exposure, spectrograph.medium
    group.attrs["noise_mag"], group.attrs["frame"] = recording.noise_mag, recording.frame
    arrays = {"time": spectrograph.times, "wavelength": spectrograph.wavelength}
    arrays |= {"resolution": spectrograph.resolution, "arm": spectrograph.arm_of_pixel}
    arrays |= {"velocity": recording.velocity, "model_flux": recording.flux, "flux": recording.noisy}
    arrays |= {"flux_err": recording.error, "ivar": recording.ivar, "good": recording.good}
    observer = recording.observer
    arrays["barycentric_velocity"] = np.zeros(len(spectrograph.times)) if observer is None else observer
    _put_arrays(group, arrays, SPECTRA_UNITS)


def _put_velocities(group: h5py.Group, recording: VelocityRecording) -> None:
    group.attrs["bands"] = list(recording.photometer.bands)
    group.attrs["exposure"] = recording.photometer.exposure
    arrays = vars(recording) | {"time": recording.photometer.times, "model_velocity": recording.velocity}
    arrays |= {"velocity": recording.noisy, "velocity_err": recording.error}
    _put_arrays(group, arrays, VELOCITY_UNITS)


def read_simulation(path: str | Path) -> dict:
    """What `write_simulation` wrote.

    Returns:
        `attributes`; `settings`, the text; `star` and `planets`, their arrays by name; `light_curves`,
        `spectra` and `velocities`, by instrument the arrays of `UNITS`, `SPECTRA_UNITS` and
        `VELOCITY_UNITS`, with `bands` or `arms`, `exposure` and what else was stated. Spots:
        `read_spots(path)`.

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
                **{kind: {n: _recorded(g) for n, g in file.get(kind, {}).items()} for kind in KINDS},
            }
    except (OSError, KeyError) as error:
        raise ValueError(f"{path} is damaged or not HDF5 ({error}); write it again") from None


def _arrays(group: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(dataset[()]) for name, dataset in group.items()}


def _recorded(group: Any) -> dict:
    stated = {name: tuple(x) if np.ndim(x) else x for name, x in group.attrs.items()}
    return _arrays(group) | stated
