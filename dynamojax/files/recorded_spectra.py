"""Spectra and velocities of a simulation as FITS: a file for each spectrum and each series of velocities."""

from pathlib import Path

import numpy as np
from astropy.io import fits

from dynamojax.constants import DAY_S
from dynamojax.files.light_curves import parameter_cards
from dynamojax.files.observed import ObservedSpectrum, simulated
from dynamojax.files.records import Record, SpectralRecording, VelocityRecording
from dynamojax.files.spectra import write_apstar, write_lamost, write_spectrum
from dynamojax.files.writing import file_stem, provenance, replacing
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.instruments.spectrograph_presets import APOGEE_ORIGIN, APOGEE_STEP

_REFERENCE = 2454833  # [day] of the times of velocities, Kepler's as in light curves of other instruments
_LAMOST_STEP = 1e-4  # in log10 of the wavelength


def write_spectra(folder: str | Path, record: Record, layouts: tuple[str, ...] = ("table",)) -> list[Path]:
    """Write one file for each spectrum and layout.

    Args:
        folder: It exists.
        record: The spectra.
        layouts: "table", which specutils opens; "survey", rows as in LAMOST's files (`spec-...`) or APOGEE's
            apStar (`apStar-...`) where pixels are theirs and there is noise, which these files cannot lack.

    Returns:
        Names of the files: star, spectrograph and, where there are several epochs, their number from 1.
    """
    paths = []
    for recording in record.spectra.values():
        n = len(recording.spectrograph.times)
        for epoch in range(n):
            number = f"{epoch + 1:0{len(str(n))}d}"
            names = [record.name, recording.spectrograph.name, number][: 3 if n > 1 else 2]
            name, spectrum = f"{file_stem(*names)}.fits", one_spectrum(record, recording, epoch)
            if "table" in layouts:
                paths.append(write_spectrum(Path(folder) / name, spectrum))
            survey = survey_of(recording.spectrograph)
            if "survey" in layouts and survey is not None and np.any(spectrum.ivar > 0):
                prefix, write = _SURVEYS[survey]
                paths.append(write(Path(folder) / f"{prefix}-{name}", spectrum))
    return paths


_SURVEYS = {"lamost": ("spec", write_lamost), "apogee": ("apStar", write_apstar)}


def survey_of(spectrograph: Spectrograph) -> str | None:
    """The survey whose pixels, or some of them, these are."""
    log10 = np.log10(spectrograph.wavelength)
    for survey, origin, step in (("lamost", 0.0, _LAMOST_STEP), ("apogee", APOGEE_ORIGIN, APOGEE_STEP)):
        place = (log10 - origin) / step
        index = np.round(place)
        if np.all(np.abs(place - index) < 1e-3) and (survey == "apogee" or np.all(np.diff(index) == 1)):
            return survey
    return None


def one_spectrum(record: Record, recording: SpectralRecording, epoch: int) -> ObservedSpectrum:
    """One epoch, with what it was computed from as meta data; without noise `ivar` is 0 everywhere."""
    spectrograph = recording.spectrograph
    time = float(spectrograph.times[epoch])
    meta = {
        "BJD_MID": record.epoch_bjd + time,
        "EXPTIME": spectrograph.exposure * DAY_S,
        "time": time,
        "noise_seed": record.noise_seed,
        "noise_mag": recording.noise_mag if np.isfinite(recording.noise_mag) else None,
        **{f"star.{name}": float(value) for name, value in vars(record.system.star).items()},
    }
    if recording.observer is not None:
        meta["barycentric_velocity"] = float(recording.observer[epoch])
    stated = {"rv": float(recording.velocity[epoch]), "frame": recording.frame, "meta": meta}
    columns = recording.noisy[epoch], recording.error[epoch], recording.good[epoch]
    if np.any(recording.error[epoch] > 0):
        return simulated(record.name, spectrograph, *columns, **stated)
    order = np.argsort(spectrograph.wavelength, kind="stable")
    flux, _, good = (column[order] for column in columns)
    return ObservedSpectrum(
        record.name,
        spectrograph.name,
        spectrograph.wavelength[order],
        np.asarray(flux, np.float64),
        np.zeros(flux.size),
        good,
        medium=spectrograph.medium,
        **stated,
    )


def write_velocities(folder: str | Path, record: Record) -> list[Path]:
    """Write one FITS table for each series: time, and for each band velocity, error and their terms.

    Returns:
        Names of the files: star and series.
    """
    paths = []
    for name, recording in record.velocities.items():
        path = Path(folder) / f"{file_stem(record.name, name)}.fits"
        hdus = fits.HDUList([_velocity_header(record, name), _velocity_table(record, recording)])
        with replacing(path) as part:
            hdus.writeto(part, overwrite=True)
        paths.append(path)
    return paths


def _velocity_header(record: Record, name: str) -> fits.PrimaryHDU:
    header, about = fits.PrimaryHDU().header, provenance()
    header["ORIGIN"] = ("dynamojax", "simulated, not observed")
    header["PROCVER"] = (about["version"], "version of dynamojax")
    header["OBJECT"] = (record.name, "name of the star")
    header["INSTRUME"] = name
    header["NSPOTS"] = (record.system.spots.n_spots, "spots; their map is in the HDF5 file")
    for key, value in parameter_cards(record):
        header[key] = value
    return fits.PrimaryHDU(header=header)


def _velocity_table(record: Record, recording: VelocityRecording) -> fits.BinTableHDU:
    photometer = recording.photometer
    times = photometer.times + (record.epoch_bjd - _REFERENCE)
    columns = [fits.Column("TIME", "D", "d", array=times)]
    bands = photometer.bands
    by_band = {
        **{"RV": recording.noisy, "RV_ERR": recording.error, "MODEL_RV": recording.velocity},
        **{"ROTATION": recording.rotation, "CONVECTION": recording.convection, "TRANSIT": recording.transit},
        "FLUX": recording.flux,
    }
    for i, band in enumerate(bands):
        tail = f"_{band}" if len(bands) > 1 else ""
        columns += [
            fits.Column(f"{name}{tail}", "D", None if name == "FLUX" else "km/s", array=values[i])
            for name, values in by_band.items()
        ]
    columns.append(fits.Column("REFLEX", "D", "km/s", array=recording.reflex))
    hdu = fits.BinTableHDU.from_columns(columns, name="VELOCITIES")
    header = hdu.header
    header["TIMESYS"], header["TIMEREF"] = "TDB", "SOLARSYSTEM"
    header["BJDREFI"], header["BJDREFF"] = (_REFERENCE, "integer part of the reference of TIME"), 0.0
    header["TIMEUNIT"], header["EXPOSURE"] = "d", (photometer.exposure, "[d] length of each exposure")
    header["SYSTEMIC"] = (float(recording.systemic), "[km/s] of the barycentre, in RV")
    for i, band in enumerate(bands):
        header[f"BAND{i + 1}"] = band
        header[f"BLUESH{i + 1}"] = (float(recording.blueshift[i]), "[km/s] of the immaculate star, not in RV")
    return hdu
