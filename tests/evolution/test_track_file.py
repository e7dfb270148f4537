import h5py
import numpy as np
import pytest

from dynamojax.evolution.track_file import EMBEDDED, load_tracks, track_grid

COLUMNS = ("log_teff", "log_luminosity", "log_mass")


def _parts():
    """A small grid with what track_grid takes."""
    axes = {"mass": np.arange(1.0, 5.0), "feh": np.arange(4.0), "alpha": np.zeros(1), "eep": np.arange(6)}
    values = np.ones((4, 4, 1, 6, 4)) * np.arange(6.0)[:, None]
    return axes, values, np.zeros((4, 4, 1), int), np.full((4, 4, 1), 5)


def test_embedded_tracks_are_small_and_say_where_they_come_from():
    assert EMBEDDED.stat().st_size < 10e6
    with h5py.File(EMBEDDED) as file:
        assert {"provenance", "licence", "citation", "units"} <= set(file.attrs)
        assert "lachesis-grids" in file.attrs["provenance"] and "Dotter" in file.attrs["citation"]


def test_embedded_tracks_reach_the_giant_branch():
    grid = load_tracks()
    tip = int(np.flatnonzero(np.asarray(grid.eep) == 605)[0])
    reach = np.asarray(grid.last)[:, :, 0] == tip
    mass = np.asarray(grid.mass)
    # All stars that reach it within 20 Gyr.
    assert reach[mass > 0.95].all()
    assert grid.columns == COLUMNS


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.attrs.__setitem__("format", "other"), "another kind of file"),
        (lambda file: file.attrs.__setitem__("format_version", 99), "update dynamojax"),
        (lambda file: file.__delitem__("log_teff"), "damaged"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, spoil, message):
    path = tmp_path / "tracks.h5"
    path.write_bytes(EMBEDDED.read_bytes())
    with h5py.File(path, "a") as file:
        spoil(file)
    with pytest.raises(ValueError, match=message):
        load_tracks(path)


def test_absent_and_truncated_files(tmp_path):
    with pytest.raises(ValueError, match="grids.build_tracks"):
        load_tracks(tmp_path / "none.h5")
    (tmp_path / "half.h5").write_bytes(EMBEDDED.read_bytes()[:1000])
    with pytest.raises(ValueError, match="damaged"):
        load_tracks(tmp_path / "half.h5")


def test_ages_that_do_not_increase_are_an_error():
    axes, values, first, last = _parts()
    values[2, 1, 0, 4, 0] = values[2, 1, 0, 3, 0]
    with pytest.raises(ValueError, match=r"mem: age does not increase at mass = 3.0, feh = 1.0.*eep = 3"):
        track_grid("mem", axes, values, first, last, COLUMNS)
    last[2, 1, 0] = 3  # beyond the end of a track it does not matter
    track_grid("mem", axes, values, first, last, COLUMNS)


def test_values_that_are_not_finite_are_an_error():
    axes, values, first, last = _parts()
    values[0, 0, 0, 2, 1] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        track_grid("mem", axes, values, first, last, COLUMNS)
    axes["feh"] = axes["feh"][::-1]
    with pytest.raises(ValueError, match="feh.*must increase"):
        track_grid("mem", axes, values, first, last, COLUMNS)
