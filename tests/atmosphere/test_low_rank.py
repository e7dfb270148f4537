import numpy as np
import pytest

from dynamojax.atmosphere.low_rank import low_rank


def test_it_is_the_best_in_least_squares():
    rng = np.random.default_rng(0)
    spectra = rng.normal(size=(40, 300)) @ np.diag(np.linspace(1, 0.01, 300)) + 5.0
    mean, basis, coefficients = low_rank(spectra, 7)
    singular = np.linalg.svd(spectra - spectra.mean(0), compute_uv=False)
    error = spectra - (mean + coefficients @ basis)
    assert np.linalg.norm(error) == pytest.approx(np.linalg.norm(singular[7:]), rel=1e-9)
    np.testing.assert_allclose(basis @ basis.T, np.eye(7), atol=1e-9)


def test_many_spectra_are_projected(monkeypatch):
    monkeypatch.setattr("dynamojax.atmosphere.low_rank.MOST_ROWS", 100)
    rng = np.random.default_rng(0)
    spectra = 1.0 + rng.normal(size=(400, 3)) @ rng.normal(size=(3, 50))
    mean, basis, coefficients = low_rank(spectra.astype(np.float32), 3)
    assert coefficients.shape == (400, 3)
    # Float32 input.
    np.testing.assert_allclose(mean + coefficients @ basis, spectra, atol=1e-5)


@pytest.mark.parametrize("rank", [0, 6, -1])
def test_impossible_ranks(rank):
    with pytest.raises(ValueError, match="allowed: 1 to 5"):
        low_rank(np.ones((5, 9)), rank)
