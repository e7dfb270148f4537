"""Light curves as FITS tables that `lightkurve` opens.

With the telescope Kepler, lightkurve.read gives a KeplerLightCurve, with TESS a TessLightCurve, of
PDCSAP_FLUX; with any other a LightCurve of FLUX. SAP_FLUX has the offsets and drifts that a mission's
pipeline removes, MODEL_FLUX no noise. Missing data are NaN and flagged as the mission does, so that
the default quality mask drops them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits

from dynamojax.files.records import Record, Recording
from dynamojax.files.writing import file_stem, provenance, replacing
from dynamojax.units import PLANET_UNITS, STAR_UNITS

# Telescope, keyword of its magnitude, name and value of the flag of missing data (Kepler Archive Manual,
# KDMC-10008-006, table 2-3: no data; TESS SDPDD, EXP-TESS-ARC-ICD-0014, table 32: manual exclude),
# and reference of its times.
_MISSIONS = {
    "kepler": ("Kepler", "KEPMAG", "SAP_QUALITY", 1 << 16, 2454833),
    "tess": ("TESS", "TESSMAG", "QUALITY", 1 << 7, 2457000),
}
_OTHER = ("", "MAG", "QUALITY", 1, 2454833)


def write_light_curves(folder: str | Path, record: Record) -> list[Path]:
    """Write one FITS file for each band of each photometer.

    Args:
        folder: It exists.
        record: The light curves.

    Returns:
        Names of the files: star, photometer and, where there are several, band.
    """
    paths = []
    for recording in record.recordings.values():
        bands = recording.photometer.bands
        for i, band in enumerate(bands):
            names = [record.name, recording.photometer.name, band][: 3 if len(bands) > 1 else 2]
            path = Path(folder) / f"{file_stem(*names)}.fits"
            hdus = fits.HDUList([_primary(record, recording, i), _table(record, recording, i)])
            with replacing(path) as part:
                hdus.writeto(part, overwrite=True)
            paths.append(path)
    return paths


def _mission(recording: Recording, i: int) -> tuple[str, str, str, int, int]:
    return _MISSIONS.get(recording.photometer.bands[i], _OTHER)


def _primary(record: Record, recording: Recording, i: int) -> fits.PrimaryHDU:
    telescope, mag_key, *_ = _mission(recording, i)
    header = fits.PrimaryHDU().header
    about = provenance()
    header["ORIGIN"] = ("dynamojax", "simulated, not observed")
    header["PROCVER"] = (about["version"], "version of dynamojax")
    header["OBJECT"] = (record.name, "name of the star")
    if telescope:
        # lightkurve knows an official light curve by CREATOR and TELESCOP, any other by their absence.
        header["TELESCOP"], header["MISSION"] = telescope, telescope
        header["CREATOR"] = "dynamojax LightCurve"
    header["INSTRUME"] = recording.photometer.name
    header["FILTER"] = recording.photometer.bands[i]
    if np.isfinite(recording.noise_mag[i]):
        header[mag_key] = (float(recording.noise_mag[i]), "[mag] magnitude that sets the noise")
    header["ABMAG"] = (float(recording.ab_mag[i]), "[mag] AB, without spots and planets")
    header["VEGAMAG"] = (float(recording.vega_mag[i]), "[mag] Vega, without spots and planets")
    header["BASELINE"] = (float(recording.baseline[i]), "[erg/s/cm2/A] flux at relative flux 1")
    header["NSPOTS"] = (record.system.spots.n_spots, "spots; their map is in the HDF5 file")
    for key, value in parameter_cards(record):
        header[key] = value
    header["DEVICE"], header["JAXVER"] = about["device"], about["jax"]
    header["FLOATS"] = (str(recording.flux.dtype), "precision of the computation")
    return fits.PrimaryHDU(header=header)


def parameter_cards(record: Record) -> Iterator[tuple[str, object]]:
    """Star and planets as HIERARCH cards, with units, and the seed of the noise."""
    star, planets = record.system.star, record.system.planets
    for name, unit in STAR_UNITS.items():
        yield f"HIERARCH STAR {name}", (float(getattr(star, name)), f"[{unit}]")
    for j in range(planets.n_planets):
        for name, unit in PLANET_UNITS.items():
            yield f"HIERARCH PLANET{j + 1} {name}", (float(getattr(planets, name)[j]), f"[{unit}]")
    yield "HIERARCH NOISE seed", record.noise_seed


def _table(record: Record, recording: Recording, i: int) -> fits.BinTableHDU:
    telescope, _, flag_name, flag, reference = _mission(recording, i)
    photometer, good = recording.photometer, recording.good[i]
    # References first: a Julian date with its fraction would be rounded to 40 microseconds.
    times = photometer.times + (record.epoch_bjd - reference)

    def seen(values):
        return np.where(good, values[i], np.nan).astype(values.dtype)

    names = ("PDCSAP_FLUX", "PDCSAP_FLUX_ERR") if telescope else ("FLUX", "FLUX_ERR")
    columns = {
        "TIME": times,
        "CADENCENO": np.arange(times.size, dtype=np.int32),
        names[0]: seen(recording.corrected),
        names[1]: seen(recording.error),
        "SAP_FLUX": seen(recording.simple),
        "SAP_FLUX_ERR": seen(recording.error),
        flag_name: np.where(good, 0, flag).astype(np.int32),
        "MODEL_FLUX": recording.flux[i],
        "SPOT_FRACTION": recording.spot_fraction,
        "FACULA_FRACTION": recording.facula_fraction,
    }
    units = {"TIME": f"BJD - {reference}"}
    codes = {"float64": "D", "float32": "E", "int32": "J"}
    hdu = fits.BinTableHDU.from_columns(
        [fits.Column(n, codes[str(x.dtype)], units.get(n), array=x) for n, x in columns.items()],
        name="LIGHTCURVE",
    )
    _put_times(hdu.header, photometer, telescope, reference)
    return hdu


def _put_times(header: fits.Header, photometer, telescope: str, reference: int) -> None:
    if telescope:
        header["TELESCOP"] = telescope
    header["TIMESYS"], header["TIMEREF"] = "TDB", "SOLARSYSTEM"
    header["BJDREFI"], header["BJDREFF"] = (reference, "integer part of the reference of TIME"), 0.0
    header["TIMEUNIT"] = "d"
    header["TIMEPIXR"] = (0.5, "TIME is the middle of an exposure")
    header["EXPOSURE"] = (photometer.exposure, "[d] length of each exposure")
    header["FLUXUNIT"] = ("relative", "1 is the star without spots and planets")
