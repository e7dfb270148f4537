import numpy as np
import pytest

from dynamojax.evolution.filling import continued

MASS, FEH, ALPHA = np.log([1.0, 1.5, 2.0, 3.0]), np.array([-1.0, 0.0, 0.5]), np.array([0.0])


def _cube(f):
    """Values [4, 3, 1, 8, 1] of a function of ln mass, feh and phase, all tracks whole."""
    m, z, e = np.meshgrid(MASS, FEH, np.arange(8.0), indexing="ij")
    return f(m, z, e)[:, :, None, :, None], np.zeros((4, 3, 1), int), np.full((4, 3, 1), 7)


def test_whole_tracks_are_left_alone():
    values, first, last = _cube(lambda m, z, e: np.sin(m + z) * e)
    np.testing.assert_array_equal(continued(values, first, last, (MASS, FEH, ALPHA)), values)


def test_a_track_goes_on_as_its_longer_neighbour_from_where_it_stopped():
    values, first, last = _cube(lambda m, z, e: 10 * m + e**2)
    exact = values.copy()
    last[1, 1, 0], first[2, 0, 0] = 4, 3
    values[1, 1, 0, 5:] = np.nan
    values[2, 0, 0, :3] = 1e9  # what lies outside is ignored
    # Steps in phase do not depend on mass here, so that the neighbour's are the track's own.
    np.testing.assert_allclose(continued(values, first, last, (MASS, FEH, ALPHA)), exact, rtol=1e-12)


def test_an_absent_track_lies_on_the_line_of_two():
    values, first, last = _cube(lambda m, z, e: (2 + m + z + 0 * m * z) * (1 + e))
    exact = values.copy()
    for at in ((0, 1), (3, 2)):
        last[at] = -1
        values[at] = np.nan
    np.testing.assert_allclose(continued(values, first, last, (MASS, FEH, ALPHA)), exact, rtol=1e-12)


def test_a_metallicity_without_tracks_is_filled_too():
    values, first, last = _cube(lambda m, z, e: m + z + e)
    exact = values.copy()
    last[:, 2] = -1
    values[:, 2] = np.nan
    np.testing.assert_allclose(continued(values, first, last, (MASS, FEH, ALPHA)), exact, rtol=1e-12)


def test_no_track_at_all_is_an_error():
    values, first, last = _cube(lambda m, z, e: m + e)
    with pytest.raises(ValueError, match="no track"):
        continued(values, first, np.full_like(last, -1), (MASS, FEH, ALPHA))
