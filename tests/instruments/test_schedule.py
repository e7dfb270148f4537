import numpy as np
import pytest

from dynamojax.instruments.schedule import check_schedule, regular_times, sub_exposures


def test_times_are_given_or_made_from_start_number_and_cadence():
    np.testing.assert_array_equal(regular_times("x", [3.0, 5.0]), [3.0, 5.0])
    np.testing.assert_array_equal(regular_times("x", 7.5), [7.5])
    np.testing.assert_array_equal(regular_times("x", epochs=3, start=10.0, cadence=0.5), [10.0, 10.5, 11.0])


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"epochs": 1.5}, {"cadence": 0.0}, {"start": np.nan}])
def test_impossible_schedules_are_named(wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=f"{name} = {value!r}"):
        regular_times("x", **wrong)


def test_counts_must_be_whole_numbers():
    check_schedule("x", np.array([1.0]), 0.1, n_sub=2)
    with pytest.raises(ValueError, match="n_sub = 0"):
        check_schedule("x", np.array([1.0]), 0.1, n_sub=0)


def test_sub_exposures_integrate_polynomials_over_the_exposure():
    offsets, weights = sub_exposures(0.3, 3)
    # Three Gauss-Legendre points are exact to degree 5.
    for power in range(6):
        exact = (0.15 ** (power + 1) - (-0.15) ** (power + 1)) / (0.3 * (power + 1))
        np.testing.assert_allclose(np.sum(weights * offsets**power), exact, atol=1e-16)
