"""Spectra and velocities of a simulation, to FITS and HDF5 and back."""

import dataclasses
import os

import h5py
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable

from dynamojax.constants import C_KM_S
from dynamojax.files import (
    Record,
    SpectralRecording,
    VelocityRecording,
    read_apstar,
    read_lamost,
    read_simulation,
    read_spectrum,
    write_simulation,
    write_spectra,
    write_velocities,
)
from dynamojax.files.recorded_spectra import survey_of
from dynamojax.instruments import spectrograph_presets as presets
from dynamojax.instruments.photometer import Photometer
from dynamojax.system import Planets, SpotMap, Star, System


def spectra(spectrograph, *, noise=True):
    rng = np.random.default_rng(1)
    shape = len(spectrograph.times), spectrograph.n_pixels
    flux = (3e-14 * rng.uniform(0.5, 1.0, shape)).astype("float32")
    error = np.full(shape, 1e-16 if noise else 0.0, "float32")
    good = rng.uniform(size=shape) > 0.01 if noise else np.ones(shape, bool)
    velocity = -12.5 + np.arange(shape[0])
    return SpectralRecording(
        spectrograph, flux, flux + error, error, good, velocity, 11.5 if noise else np.nan
    )


def velocities(bands=("johnson_v",)):
    rng = np.random.default_rng(2)
    photometer = Photometer("rv", bands, np.arange(30) * 0.1, 0.01)
    per_band = {
        n: rng.normal(size=(len(bands), 30)) for n in ("velocity", "rotation", "convection", "transit")
    }
    error = np.full((len(bands), 30), 0.003)
    more = {"reflex": np.zeros(30), "systemic": np.array(4.0), "blueshift": np.full(len(bands), -0.3)}
    return VelocityRecording(
        photometer, noisy=per_band["velocity"] + error, error=error, flux=1 - error, **per_band, **more
    )


def record(*spectrographs, noise=True, series=()):
    system = System(Star.from_degrees(teff=5500.0), SpotMap.empty(), Planets.empty())
    seen = {s.name: spectra(s, noise=noise) for s in spectrographs}
    return Record(
        "my star", system, {}, 2454833.25, 7, "[star]\n", seen, {s.photometer.name: s for s in series}
    )


def test_one_file_for_each_spectrum_and_layout(tmp_path):
    given = record(presets.lamost(epochs=2), presets.apogee(), presets.gaia_rvs())
    paths = write_spectra(tmp_path, given, ("table", "survey"))
    names = {"my-star_lamost_1.fits", "my-star_lamost_2.fits", "my-star_apogee.fits", "my-star_gaia_rvs.fits"}
    survey = {"spec-my-star_lamost_1.fits", "spec-my-star_lamost_2.fits", "apStar-my-star_apogee.fits"}
    assert {p.name for p in paths} == set(os.listdir(tmp_path)) == names | survey
    assert {p.name for p in write_spectra(tmp_path, given, ("survey",))} == survey


def test_a_spectrum_comes_back_with_its_weights_velocity_and_time(tmp_path):
    given = record(presets.lamost([0.5, 1.5], exposure_s=600))
    second = write_spectra(tmp_path, given)[1]
    back, seen = read_spectrum(second), given.spectra["lamost"]
    np.testing.assert_allclose(back.flux, seen.noisy[1], rtol=1e-12)
    np.testing.assert_allclose(back.ivar, np.where(seen.good[1], 1e32, 0.0), rtol=1e-6)  # of float32
    np.testing.assert_array_equal(back.good, seen.good[1])
    assert back.rv == -11.5 and back.frame == "barycentre" and back.medium == "vacuum"
    assert back.meta["time"] == 1.5 and back.meta["star.teff"] == 5500.0 and back.meta["noise_mag"] == 11.5
    header = fits.getheader(second)
    assert header["BJD_MID"] == 2454834.75 and header["EXPTIME"] == pytest.approx(600.0)
    np.testing.assert_array_equal(seen.ivar > 0, seen.good)


def test_layouts_of_surveys_hold_the_same(tmp_path):
    given = record(presets.lamost(), presets.apogee())
    write_spectra(tmp_path, given, ("survey",))
    lamost = read_lamost(tmp_path / "spec-my-star_lamost.fits")
    np.testing.assert_allclose(lamost.flux, given.spectra["lamost"].noisy[0], rtol=2e-7)  # rows are float32
    assert lamost.rv == pytest.approx(-12.5, rel=1e-9)
    apogee, seen = read_apstar(tmp_path / "apStar-my-star_apogee.fits"), given.spectra["apogee"]
    assert apogee.frame == "barycentre" and apogee.good.sum() == seen.good.sum()
    np.testing.assert_allclose(apogee.flux[apogee.good], seen.noisy[0][seen.good[0]], rtol=1e-12)


def test_velocities_of_a_moving_observatory_say_what_they_are_relative_to(tmp_path):
    """An apStar file's VHELIO is barycentric whatever the frame of its wavelengths; VRAD is what is seen."""
    star, towards = 12.0, 25.0
    factor = np.sqrt((1 + star / C_KM_S) / (1 - star / C_KM_S)) / (1 + towards / C_KM_S)
    seen = C_KM_S * (factor**2 - 1) / (factor**2 + 1)  # -12.999 km/s
    one = spectra(presets.apogee())
    one = dataclasses.replace(one, velocity=np.array([seen]), observer=np.array([towards]))
    given = dataclasses.replace(record(), spectra={"apogee": one})
    (path,) = write_spectra(tmp_path, given, ("survey",))
    header = fits.getheader(path)
    assert header["VHELIO"] == pytest.approx(star, abs=1e-10)
    assert (header["FRAME"], header["VRAD"], header["BC"]) == ("observatory", seen, towards)
    assert read_apstar(path).rv == seen
    with fits.open(path, mode="update") as hdus:
        del hdus[0].header["VRAD"]
    assert np.isnan(read_apstar(path).rv)  # what is left is relative to something else
    (table,) = write_spectra(tmp_path, given, ("table",))
    assert read_spectrum(table).rv == seen
    assert read_spectrum(table).meta["barycentric_velocity"] == towards


def test_the_frame_of_spectra_is_in_the_hdf5_file(tmp_path):
    at_rest, moving = spectra(presets.apogee(epochs=2)), spectra(presets.lamost(epochs=2))
    moving = dataclasses.replace(moving, observer=np.array([25.0, -3.0]))
    given = dataclasses.replace(record(), spectra={"apogee": at_rest, "lamost": moving})
    path = write_simulation(tmp_path, given)
    back = read_simulation(path)["spectra"]
    assert (back["apogee"]["frame"], back["lamost"]["frame"]) == ("barycentre", "observatory")
    np.testing.assert_array_equal(back["apogee"]["barycentric_velocity"], [0.0, 0.0])
    np.testing.assert_array_equal(back["lamost"]["barycentric_velocity"], [25.0, -3.0])
    with h5py.File(path) as file:
        assert file["spectra/lamost/barycentric_velocity"].attrs["unit"] == "km/s"


def test_without_noise_there_are_no_weights_and_no_survey_file(tmp_path):
    given = record(presets.apogee(), presets.galah(), noise=False)
    paths = write_spectra(tmp_path, given, ("table", "survey"))
    assert [p.name for p in paths] == ["my-star_apogee.fits", "my-star_galah.fits"]
    with fits.open(paths[0]) as hdus:
        assert hdus["SPECTRUM"].data.names == ["wavelength", "flux", "mask"]
    back = read_spectrum(paths[1])
    assert back.medium == "air" and back.good.all() and not back.ivar.any()
    np.testing.assert_allclose(back.flux, given.spectra["galah"].flux[0], rtol=1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("noise", [True, False])
def test_specutils_opens_them(tmp_path, noise):
    specutils = pytest.importorskip("specutils")
    given = record(presets.lamost(), noise=noise)
    (path,) = write_spectra(tmp_path, given)
    opened = specutils.Spectrum.read(path)
    np.testing.assert_allclose(opened.flux.value, given.spectra["lamost"].noisy[0], rtol=1e-12)
    assert (opened.uncertainty is not None) == noise and str(opened.spectral_axis.unit) == "Angstrom"


def test_pixels_of_surveys_are_known():
    assert survey_of(presets.lamost()) == survey_of(presets.lamost().within(5000, 6000)) == "lamost"
    assert survey_of(presets.apogee()) == "apogee"
    for other in (presets.lamost_mrs(), presets.galah(), presets.gaia_rvs()):
        assert survey_of(other) is None


def test_velocities_are_a_table_with_units(tmp_path):
    given = record(series=[velocities(("kepler", "tess"))])
    (path,) = write_velocities(tmp_path, given)
    seen, table = given.velocities["rv"], QTable.read(path, hdu="VELOCITIES")
    assert path.name == "my-star_rv.fits" and str(table["RV_tess"].unit) == "km / s"
    np.testing.assert_array_equal(table["RV_tess"].value, seen.noisy[1])
    np.testing.assert_array_equal(table["MODEL_RV_kepler"].value, seen.velocity[0])
    np.testing.assert_allclose(table["TIME"].value, seen.photometer.times + 0.25, rtol=1e-15)
    header = fits.getheader(path, "VELOCITIES")
    assert (header["BJDREFI"], header["SYSTEMIC"], header["BAND2"]) == (2454833, 4.0, "tess")
    assert fits.getheader(path)["STAR teff"] == 5500.0


def test_everything_is_in_the_hdf5_file(tmp_path):
    given = record(presets.apogee(epochs=2), series=[velocities()])
    back = read_simulation(write_simulation(tmp_path, given))
    assert back["light_curves"] == {}
    got, seen = back["spectra"]["apogee"], given.spectra["apogee"]
    for name, value in {"model_flux": seen.flux, "flux": seen.noisy, "good": seen.good}.items():
        np.testing.assert_array_equal(got[name], value)
    np.testing.assert_array_equal(got["wavelength"], seen.spectrograph.wavelength)
    np.testing.assert_array_equal(got["ivar"], seen.ivar)
    assert got["arms"] == ("blue", "green", "red") and got["medium"] == "vacuum" and got["noise_mag"] == 11.5
    series = back["velocities"]["rv"]
    np.testing.assert_array_equal(series["velocity"], given.velocities["rv"].noisy)
    np.testing.assert_array_equal(series["model_velocity"], given.velocities["rv"].velocity)
    assert series["bands"] == ("johnson_v",) and series["systemic"] == 4.0


@pytest.mark.parametrize("write", [write_spectra, write_velocities])
def test_a_fault_while_writing_leaves_no_file(tmp_path, monkeypatch, write):
    def full(hdus, part, **kwargs):
        part.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(fits.HDUList, "writeto", full)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path, record(presets.lamost(), series=[velocities()]))
    assert os.listdir(tmp_path) == []
