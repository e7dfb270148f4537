import numpy as np
import pytest

from dynamojax.atmosphere.holes import fill_passes, filled

AXES = [np.array([0.0, 1.0, 3.0, 4.0]), np.arange(4.0), np.arange(5.0)]


def cube():
    x, y, z = np.meshgrid(*AXES, indexing="ij")
    return (2 * x - y + 0.5 * z)[..., None] * np.array([1.0, -3.0])


def test_lines_are_continued_whatever_the_spacing():
    exists = np.ones((4, 4, 5), bool)
    exists[3, 3, :] = exists[0, 0, 0] = exists[2, :2, 1] = False
    holed = np.where(exists[..., None], cube(), np.nan)
    np.testing.assert_allclose(filled(holed, exists, AXES), cube(), atol=1e-12)


def test_models_are_left_as_they_are():
    exists = np.random.default_rng(1).random((4, 4, 5)) < 0.5
    holed = np.where(exists[..., None], cube() ** 2, np.nan)
    got = filled(holed, exists, AXES)
    np.testing.assert_array_equal(got[exists], (cube() ** 2)[exists])
    assert np.isfinite(got).all()


def test_a_lone_model_is_copied():
    exists = np.zeros((4, 4, 5), bool)
    exists[1, 2, 3] = True
    assert (filled(np.where(exists, 7.0, np.nan), exists, AXES) == 7.0).all()


def test_no_model():
    with pytest.raises(ValueError, match="too sparse"):
        list(fill_passes(np.zeros((4, 4, 5), bool), AXES))
