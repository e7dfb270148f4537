import shutil

import h5py
import jax
import numpy as np
import pytest

from dynamojax.atmosphere import grid_file
from dynamojax.atmosphere.grid_file import open_grid
from tests.atmosphere import spectra


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return spectra.write(tmp_path_factory.mktemp("grids") / "grid.h5", representation="int16")


@pytest.fixture
def copy(path, tmp_path):
    return shutil.copy(path, tmp_path / "grid.h5")


def test_info_says_what_is_inside(path):
    info = open_grid(path).info()
    assert info["n_models"] == 6 * 4 * 5 - 2 * 5 - 1 and info["n_nodes"] == 120 and info["n_mu"] == 4
    assert info["teff"] == list(spectra.TEFF)
    assert info["n_bytes"] == path.stat().st_size
    optical = info["segments"]["optical"]
    assert optical["wavelength"] == pytest.approx((5000.0, 6000.0), rel=1e-3)
    assert optical["sampling"] == pytest.approx(2000.0) and optical["resolution"] == 2000.0
    assert optical["representation"] == "int16" and optical["rank"] is None
    assert info["source"] == "closed form" and info["provenance"] == {"made": "by the tests"}
    assert info["limb"] == "intensity"


def test_opening_reads_no_intensities(path, monkeypatch):
    read = []
    original = h5py.Dataset.__getitem__

    def counted(self, key):
        read.append(self.name)
        return original(self, key)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", counted)
    open_grid(path)
    assert set(read) == {"/teff", "/logg", "/feh", "/mu", "/exists"}


def test_the_segment_is_found(path):
    file = open_grid(path)
    assert file.segment(wavelength=(15600.0, 15700.0)).name == "h_band"
    assert file.segment("optical").name == "optical"
    for name, wavelength in ((None, None), (None, (7000.0, 8000.0))):
        with pytest.raises(
            ValueError, match="segments .h_band 15500-16000 A, optical 5000-6001 A.; name one"
        ):
            file.segment(name, wavelength)
    with pytest.raises(ValueError, match="segment = 'far', the file holds: h_band, optical"):
        file.segment("far")


def test_not_there(tmp_path):
    with pytest.raises(ValueError, match="does not exist; fetch or build"):
        open_grid(tmp_path / "none.h5")


@pytest.mark.parametrize("size", [0, 100, 3000])
def test_cut_short(copy, size):
    with open(copy, "r+b") as file:
        file.truncate(size)
    with pytest.raises(ValueError, match="damaged or not HDF5.*fetch or build it again"):
        open_grid(copy)


def test_cut_short_by_a_little(copy):
    with open(copy, "r+b") as file:
        file.truncate(copy.stat().st_size - 50)
    with pytest.raises(ValueError, match="damaged"):
        open_grid(copy)


def test_no_hdf5(tmp_path):
    (tmp_path / "a.h5").write_text("wavelength flux\n")
    with pytest.raises(ValueError, match="damaged or not HDF5"):
        open_grid(tmp_path / "a.h5")


def test_foreign(copy):
    with h5py.File(copy, "r+") as file:
        file.attrs["format"] = "dynamojax band grid"
    with pytest.raises(
        ValueError, match="format = 'dynamojax band grid', expected 'dynamojax intensity grid'"
    ):
        open_grid(copy)
    with h5py.File(copy, "r+") as file:
        del file.attrs["format"]
    with pytest.raises(ValueError, match="format = None"):
        open_grid(copy)


def test_newer(copy):
    with h5py.File(copy, "r+") as file:
        file.attrs["format_version"] = 2
    with pytest.raises(ValueError, match="format_version = 2, this release reads 1; update"):
        open_grid(copy)


def test_a_bit_that_fell_over_is_noticed_when_read(copy):
    with h5py.File(copy) as file:
        stored = file["segments/optical/residual"].id.get_chunk_info_by_coord((3, 1, 2, 0, 0))
    with open(copy, "r+b") as file:
        file.seek(stored.byte_offset + stored.size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 4]))
    opened = open_grid(copy)
    with pytest.raises(ValueError, match="damaged"):
        opened.cut(wavelength=(5100.0, 5200.0))
    assert opened.cut(segment="h_band").n_bytes > 0


@pytest.mark.parametrize(
    "name", ["teff", "exists", "mu", "segments/optical/step", "segments/h_band/mean", "segments"]
)
def test_parts_missing(copy, name):
    with h5py.File(copy, "r+") as file:
        del file[name]
    with pytest.raises(ValueError, match="damaged"):
        open_grid(copy)


@pytest.mark.parametrize(
    "name,value,message",
    [
        ("teff", [1.0, 3.0, 2.0, 4.0, 5.0, 6.0], "teff .* must increase"),
        ("mu", [0.1, 0.2, 0.3, 0.4], "must be quadrature_nodes"),
        ("exists", np.ones((2, 2), bool), "exists has shape"),
        ("segments/optical/level", np.zeros(3), "optical/level has shape"),
    ],
)
def test_parts_of_another_shape(copy, name, value, message):
    with h5py.File(copy, "r+") as file:
        del file[name]
        file[name] = value
    with pytest.raises(ValueError, match=message):
        open_grid(copy)


@pytest.mark.parametrize(
    "name,value,message",
    [
        ("representation", "float64", "representation = 'float64'"),
        ("ln_wavelength_step", "fine", "could not convert"),
        ("n_wavelength", 0, "n >= 2"),
        ("resolution", -1.0, "must be positive"),
    ],
)
def test_impossible_attributes(copy, name, value, message):
    with h5py.File(copy, "r+") as file:
        file["segments/optical"].attrs[name] = value
    with pytest.raises(ValueError, match=f"{copy.name} is damaged.*{message}"):
        open_grid(copy)


def test_provenance_that_is_no_json(copy):
    with h5py.File(copy, "r+") as file:
        file.attrs["provenance"] = "{made"
    with pytest.raises(ValueError, match=f"{copy.name} is damaged: provenance"):
        open_grid(copy)


def test_a_link_to_nowhere(copy):
    with h5py.File(copy, "r+") as file:
        del file["segments/h_band"]
        file["segments/h_band"] = h5py.SoftLink("/nowhere")
    with pytest.raises(ValueError, match="damaged"):
        open_grid(copy)


@pytest.mark.parametrize("name", ["teff", "segments/optical/mean", "segments/optical/level", "exists"])
def test_a_bit_that_fell_over_in_a_small_array_is_noticed(copy, name):
    with h5py.File(copy) as file:
        stored = file[name].id.get_chunk_info(0)
    content = bytearray(copy.read_bytes())
    content[stored.byte_offset] ^= 1
    copy.write_bytes(content)
    with pytest.raises(ValueError, match=f"{copy.name} is damaged"):
        open_grid(copy).cut(segment="optical")


def test_memory_is_bounded_before_anything_is_read(path, monkeypatch):
    opened = open_grid(path)
    monkeypatch.setattr(grid_file, "cut_grid", None)
    with pytest.raises(ValueError, match=r"takes .* MB on the device, max_bytes = 0 MB; narrow teff"):
        opened.cut(segment="optical", max_bytes=10_000)


@pytest.mark.parametrize("representation", ["float32", "int16", "low_rank"])
@pytest.mark.parametrize("resolution", [None, 200.0])
def test_the_size_said_is_the_size_taken(path, representation, resolution):
    options = {"segment": "optical", "representation": representation, "resolution": resolution, "rank": 5}
    for x64 in (False, True):
        with jax.enable_x64(x64):
            size = open_grid(path).cut(**options).n_bytes
            open_grid(path).cut(**options, max_bytes=size)
            with pytest.raises(ValueError, match="max_bytes"):
                open_grid(path).cut(**options, max_bytes=size - 1)


def test_no_model_inside(path, tmp_path):
    empty = spectra.write(tmp_path / "g.h5", hole=lambda t, g, f: t < 5900.0)
    with pytest.raises(ValueError, match="hold no model; widen"):
        open_grid(empty).cut(teff=(4000.0, 4400.0), segment="optical")
