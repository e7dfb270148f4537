"""What is wrong with a file is said with its name and a remedy."""

import h5py
import pytest

from dynamojax.reading import reading


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs.update({"format": "kind", "format_version": 3})
        file["x"] = [1.0, 2.0]
    return tmp_path / "a.h5"


def _x(path, kind="kind", version=3):
    with reading(path, kind, version, "make one") as file:
        return file["x"][()].tolist()


def test_a_good_file(path):
    assert _x(path) == [1.0, 2.0]


def test_each_fault_is_told_apart(path, tmp_path):
    with pytest.raises(ValueError, match="b.h5 does not exist; make one"):
        _x(tmp_path / "b.h5")
    with pytest.raises(ValueError, match="a.h5: format = 'kind', expected 'other'"):
        _x(path, kind="other")
    with pytest.raises(ValueError, match="format_version = 3, this release reads 2; update"):
        _x(path, version=2)
    with pytest.raises(ValueError, match="a.h5 is damaged or not HDF5.*nothing"):
        with reading(path, "kind", 3, "make one") as file:
            file["nothing"]
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="a.h5 is damaged or not HDF5"):
        _x(path)
    with pytest.raises(ValueError, match="damaged or not HDF5"):
        _x(tmp_path)


def test_a_version_of_another_type_is_another_version(path):
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = "newest"
    with pytest.raises(ValueError, match="format_version = newest"):
        _x(path)


def test_errors_of_the_block_that_are_no_bytes_pass_through(path):
    with pytest.raises(ValueError, match="^of its own$"):
        with reading(path, "kind", 3, "make one"):
            raise ValueError("of its own")
