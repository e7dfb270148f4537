"""Light curves, spot maps and whole simulations, to files and back."""

import os
import subprocess
import sys
import textwrap

import h5py
import jax
import numpy as np
import pytest
from astropy.io import fits

from dynamojax.files import (
    Record,
    Recording,
    prepare_folder,
    read_simulation,
    read_spots,
    replacing,
    write_light_curves,
    write_simulation,
    write_spots,
)
from dynamojax.instruments.photometer import Photometer
from dynamojax.system import Planets, SpotMap, Star, System


def spots(dtype="float32", n=50):
    rng = np.random.default_rng(1)
    values = {name: rng.normal(size=n).astype(dtype) for name in ("lat", "lon", "t_max")}
    values |= {name: rng.uniform(size=n).astype(dtype) for name in ("radius", "tau_emerge", "tau_decay")}
    values["tau_decay"][0], values["radius"][-1] = np.inf, 0.0
    return SpotMap(**values)


def record(bands=("kepler",), name="kepler"):
    rng = np.random.default_rng(2)
    photometer = Photometer(name, bands, np.arange(100) * 0.02 + 1000.0, 0.02)
    shape = len(bands), 100
    flux, error = 1 - 0.01 * rng.uniform(size=shape), np.full(shape, 1e-4)
    good = rng.uniform(size=shape) > 0.1
    share, mags = np.zeros(100), np.full(len(bands), 12.0)
    values = (flux, flux + error, flux + 2 * error, error, good, share, share, mags, mags, mags, mags)
    recording = Recording(photometer, *(v.astype("float32") if v.dtype.kind == "f" else v for v in values))
    planets = Planets.from_degrees(radius_earth=[10.0], star_radius=1.0, period=[3.0])
    system = System(Star.from_degrees(teff=5500.0), spots(), planets)
    return Record("my star", system, {name: recording}, 2454833.25, 7, "[star]\n")


@pytest.mark.parametrize("ending", [".h5", ".ecsv"])
def test_spot_maps_come_back_exactly(tmp_path, ending, precision):
    given = spots(precision)
    path = write_spots(tmp_path / f"map{ending}", given)
    back = read_spots(path)
    for name, value in vars(given).items():
        assert getattr(back, name).dtype == value.dtype == precision
        np.testing.assert_array_equal(getattr(back, name), value)


def test_an_empty_spot_map_comes_back(tmp_path):
    for ending in (".h5", ".ecsv"):
        assert read_spots(write_spots(tmp_path / f"map{ending}", SpotMap.empty())).n_spots == 0


def test_a_table_that_a_person_wrote(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("lat_deg,lon_deg,radius_deg,t_max\n30,-90,5,2\n-10,180,2,3\n")
    back = read_spots(path)
    # float32 of a product in float64: one rounding.
    np.testing.assert_allclose(back.lat, np.deg2rad([30.0, -10.0]), rtol=1e-7)
    np.testing.assert_array_equal(back.t_max, [2.0, 3.0])
    assert np.all(np.isinf(back.tau_decay))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "lat_deg,lon_deg\n1,2\n", "no column radius"),
        ("a.csv", "lat_deg,lon_deg,radius_deg\n1,2,x\n", "not of numbers"),
        ("a.ecsv", "no table\n", "not such a table|cannot be read"),
        ("a.h5", "no hdf5\n", "cannot be read"),
        ("a.txt", "", "must end in"),
    ],
)
def test_spot_maps_that_cannot_be_read(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_spots(tmp_path / name)
    with pytest.raises(ValueError, match="cannot be read|must end"):
        read_spots(tmp_path / "missing" / name)


def test_spot_maps_that_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="must end in"):
        write_spots(tmp_path / "map.csv", spots())
    with pytest.raises(ValueError, match="one star"):
        write_spots(tmp_path / "map.h5", jax.tree.map(lambda x: x[None], spots()))


def test_simulation_comes_back_exactly(tmp_path):
    given = record(("gaia_g", "gaia_bp"), "gaia")
    path = write_simulation(tmp_path, given)
    back, recording = read_simulation(path), given.recordings["gaia"]
    curve = back["light_curves"]["gaia"]
    assert curve["bands"] == ("gaia_g", "gaia_bp") and curve["exposure"] == 0.02
    np.testing.assert_array_equal(curve["time"], recording.photometer.times)
    for name, value in {
        "model_flux": recording.flux,
        "flux": recording.corrected,
        "good": recording.good,
    }.items():
        np.testing.assert_array_equal(curve[name], value)
    assert back["star"]["teff"] == 5500.0 and back["planets"]["period"] == [3.0]
    assert back["settings"] == "[star]\n" and back["attributes"]["epoch_bjd"] == 2454833.25
    assert {"version", "jax", "device", "dtype"} <= set(back["attributes"])
    np.testing.assert_array_equal(read_spots(path).lat, given.system.spots.lat)
    with h5py.File(path) as file:
        assert file["system/star/teff"].attrs["unit"] == "K"
        assert file["light_curves/gaia/baseline"].attrs["unit"] == "erg/s/cm2/A"


def test_a_file_of_another_kind_or_a_damaged_one_is_refused(tmp_path):
    with pytest.raises(ValueError, match="this release reads"):
        read_simulation(write_spots(tmp_path / "map.h5", spots()))
    path = write_simulation(tmp_path, record())
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match="damaged"):
        read_simulation(path)


def test_fits_header_has_parameters_units_and_version(tmp_path):
    (path,) = write_light_curves(tmp_path, record())
    assert path.name == "my-star_kepler.fits"
    with fits.open(path) as hdus:
        header, table = hdus[0].header, hdus[1]
        assert (header["OBJECT"], header["TELESCOP"], header["MISSION"]) == ("my star", "Kepler", "Kepler")
        assert header["STAR teff"] == 5500.0 and "[K]" in header.comments["STAR teff"]
        assert header["PLANET1 period"] == 3.0 and "[d]" in header.comments["PLANET1 period"]
        assert header["PROCVER"] and header["NOISE seed"] == 7 and header["NSPOTS"] == 50
        # Times from the epoch 2454833.25, written from Kepler's 2454833, exact in float64.
        np.testing.assert_array_equal(table.data["TIME"], np.arange(100) * 0.02 + 1000.0 + 0.25)
        recording = record().recordings["kepler"]
        np.testing.assert_array_equal(table.data["MODEL_FLUX"], recording.flux[0])
        assert np.all(np.isnan(table.data["PDCSAP_FLUX"]) == ~recording.good[0])
        hdus.verify("exception")


def test_several_bands_are_several_files(tmp_path):
    paths = write_light_curves(tmp_path, record(("sdss_g", "sdss_r"), "sdss"))
    assert [p.name for p in paths] == ["my-star_sdss_sdss_g.fits", "my-star_sdss_sdss_r.fits"]


@pytest.mark.filterwarnings("ignore")  # lightkurve's and its dependencies' own
@pytest.mark.parametrize(
    ("band", "kind", "form", "offset"),
    [
        ("kepler", "KeplerLightCurve", "bkjd", 0.25),
        ("tess", "TessLightCurve", "btjd", 2454833.25 - 2457000),
        ("johnson_v", "LightCurve", "bkjd", 0.25),
    ],
)
def test_lightkurve_opens_it_as_a_light_curve(tmp_path, band, kind, form, offset):
    lightkurve = pytest.importorskip("lightkurve", minversion="2.0")
    given = record((band,), "mine")
    (path,) = write_light_curves(tmp_path, given)
    curve, recording = lightkurve.read(str(path)), given.recordings["mine"]
    good = recording.good[0]
    assert type(curve).__name__ == kind and curve.time.format == form and curve.time.scale == "tdb"
    assert curve.label == "my star"
    whole = kind == "LightCurve"  # the generic reader keeps flagged rows
    keep = np.ones_like(good) if whole else good
    np.testing.assert_array_equal(curve.time.value, recording.photometer.times[keep] + offset)
    np.testing.assert_array_equal(np.asarray(curve.flux.value)[good[keep]], recording.corrected[0][good])
    np.testing.assert_array_equal(np.asarray(curve.flux_err.value)[good[keep]], recording.error[0][good])
    assert np.all(np.asarray(curve["quality"]) == np.where(good[keep], 0, 1))
    simple = lightkurve.read(str(path), flux_column="sap_flux") if not whole else None
    if simple is not None:
        np.testing.assert_array_equal(np.asarray(simple.flux.value), recording.simple[0][good])
    folded = curve.remove_nans().flatten(window_length=11).fold(0.5)
    assert len(folded) == good.sum()


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    for error in (OSError("disc full"), KeyboardInterrupt()):
        with pytest.raises(type(error)), replacing(path) as part:
            part.write_text("half")
            raise error
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]
    with replacing(path) as part:
        part.write_text("new")
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("writer", ["fits", "hdf5", "spots", "ecsv"])
def test_a_fault_while_writing_leaves_no_file(tmp_path, monkeypatch, writer):
    def fault(*args, **kwargs):
        raise OSError("No space left on device")

    def full(hdus, part, **kwargs):
        part.write_bytes(b"half")
        fault()

    from astropy.table import Table

    monkeypatch.setattr(fits.HDUList, "writeto", full)
    monkeypatch.setattr(Table, "write", full)
    monkeypatch.setattr(h5py.Group, "create_dataset", fault)
    run = {
        "fits": lambda: write_light_curves(tmp_path, record()),
        "hdf5": lambda: write_simulation(tmp_path, record()),
        "spots": lambda: write_spots(tmp_path / "map.h5", spots()),
        "ecsv": lambda: write_spots(tmp_path / "map.ecsv", spots()),
    }[writer]
    with pytest.raises(OSError, match="No space"):
        run()
    assert os.listdir(tmp_path) == []


def test_a_killed_process_leaves_no_file_under_the_final_name(tmp_path):
    script = f"""
    import os, signal
    from dynamojax.files.writing import replacing
    with replacing({str(tmp_path / "a.txt")!r}) as part:
        part.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.returncode < 0
    assert not (tmp_path / "a.txt").exists()
    assert all(name.startswith(".") for name in os.listdir(tmp_path))


def test_a_folder_is_made_or_refused(tmp_path):
    assert prepare_folder(tmp_path / "a" / "b").is_dir() and os.listdir(tmp_path / "a" / "b") == []
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="--output"):
        prepare_folder(tmp_path / "file" / "b")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match="cannot be written"):
        prepare_folder(tmp_path)
