import numpy as np
import pytest

pytest.importorskip("scipy")

from dynamojax.evolution.track_file import load_tracks
from grids import build_tracks as build


def test_tracks_are_recovered_from_the_lines_between_them():
    rng = np.random.default_rng(0)
    truth = np.stack([np.cumsum(rng.uniform(-1, 0, len(build.KNOTS))), rng.normal(size=len(build.KNOTS))], 1)
    # Two points between neighbours pin the lines, as isochrones do below 0.7 M_sun.
    mass = np.sort(np.concatenate([build.KNOTS[:-1] + f * np.diff(build.KNOTS) for f in (0.2, 0.7)]))
    points = np.stack([np.interp(mass, build.KNOTS, column) for column in truth.T], axis=1)
    # The weight of the bends, 1e-6, is what is lost.
    np.testing.assert_allclose(build.recovered(mass, points, build.KNOTS), truth, atol=3e-6)


def test_where_points_leave_a_line_open_it_bends_as_its_neighbour():
    like = np.sin(8 * build.KNOTS)[:, None]
    keep = np.ones(len(build.KNOTS) - 1, bool)
    keep[5:7] = False  # no point in two segments: a knot is free
    mass = (build.KNOTS[:-1] + 0.5 * np.diff(build.KNOTS))[keep]
    mass = np.sort(np.append(mass, build.KNOTS[[0, 1, 5, 7, -1]] + [0, 0, 0, 0, -1e-9]))
    points = np.interp(mass, build.KNOTS, like[:, 0])[:, None] + 0.3
    np.testing.assert_allclose(build.recovered(mass, points, build.KNOTS, like), like + 0.3, atol=1e-6)


def test_ages_are_made_to_increase_and_otherwise_left():
    age = np.linspace(0, 1, 21)
    np.testing.assert_allclose(build.increasing(age), age, atol=1e-12)
    rough = age.copy()
    rough[10] -= 0.08
    smooth = build.increasing(rough)
    assert (np.diff(smooth) > 0).all() and np.abs(smooth - rough).max() < 0.06


def test_short_gaps_are_closed_and_long_ones_end_a_track():
    n = len(build.EEP)
    track = np.stack([np.linspace(-3, 1, n), *np.ones((3, n))], axis=1)
    track[50:53] = np.nan
    track[200:240] = np.nan
    cube, first, last, worst = build.cut(track[None])
    assert (first[0], last[0]) == (0, 199) and worst < 1e-12
    np.testing.assert_allclose(cube[0, 50:53, 0], np.linspace(-3, 1, n)[50:53], atol=1e-12)


def test_what_is_written_is_read(tmp_path):
    shape = (len(build.MASS), 5, 1)
    cube = np.ones((*shape, len(build.EEP), 4)) * 3.5
    cube[..., 0] = np.linspace(-3, 1, len(build.EEP))
    first, last = np.full(shape, 7, np.int16), np.full(shape, 300, np.int16)
    last[3, 2, 0] = -1
    data = {"mass": build.MASS, "feh": np.arange(5.0), "alpha": np.zeros(1), "eep": build.EEP}
    build.write(data | {"first": first, "last": last, "cube": cube, "repair": 0.0}, tmp_path / "t.h5")
    grid = load_tracks(tmp_path / "t.h5")
    assert int(grid.last[3, 2, 0]) == -1 and int(grid.first[0, 0, 0]) == 7
    # Half a step of storage and single precision.
    np.testing.assert_allclose(grid.log_age[0, 0, 0, 7:301], cube[0, 0, 0, 7:301, 0], atol=5e-7)
    np.testing.assert_allclose(grid.values[0, 0, 0, 7:301], 3.5, atol=3e-6)
