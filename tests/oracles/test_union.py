"""The brute-force union against cases with a closed answer."""

import numpy as np
import pytest

from tests.oracles.union import (
    covered_fraction,
    dense_map,
    union_moments,
    union_moments_and_error,
    unit_vectors,
)

# one jittered point in each sub-cell of a cut cell: about 3 ppm of the disc at 700 x 700 cells
PPM = np.pi * 1e-6
TOLERANCE = 10 * PPM


def test_single_cap_off_the_limb_has_its_projected_area():
    centre = unit_vectors([0.3], [0.4], 1.1)
    moment = union_moments(centre, [0.2], 1, n_cells=700)
    assert abs(moment[0] - np.pi * np.sin(0.2) ** 2 * centre[0, 2]) < TOLERANCE


def test_a_cap_and_its_copy_count_once():
    centre, radii = unit_vectors([0.3, 0.3], [0.4, 0.4], 1.1), [0.2, 0.2]
    both = union_moments(centre, radii, n_cells=300)
    one = union_moments(centre[:1], radii[:1], n_cells=300)
    np.testing.assert_array_equal(both, one)


def test_the_near_hemisphere_is_the_disc_and_the_far_one_nothing():
    poles = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    disc = union_moments(poles[:1], [np.pi / 2], 3, n_cells=300)
    np.testing.assert_allclose(disc, 2 * np.pi / np.array([2, 3, 4]), rtol=1e-4)
    np.testing.assert_array_equal(union_moments(poles[1:], [1.5], 3, n_cells=300), 0.0)


@pytest.mark.slow
def test_stated_error_covers_the_scatter_on_a_dense_map():
    lat, lon, radius = dense_map(seed=1)
    centres = unit_vectors(lat, lon, 1.0)
    fine, error = union_moments_and_error(centres, radius, n_cells=700)
    other = union_moments(centres, radius, n_cells=500, seed=7)
    assert np.all(np.abs(other - fine) < 5 * TOLERANCE)
    assert np.all(error < 5 * TOLERANCE)


def test_dense_map_is_as_dense_as_asked_and_overlaps():
    lat, lon, radius = dense_map(seed=0)
    assert lat.shape == lon.shape == radius.shape == (200,)
    assert abs(covered_fraction(unit_vectors(lat, lon, 0.5), radius) - 0.2) < 2e-3
    assert np.sum(1 - np.cos(radius)) / 2 > 0.25  # the sum of areas exceeds that of the union
