"""A low-rank basis of spectra, on the host."""

import numpy as np

MOST_ROWS = 3000  # spectra that the basis is made from; the others are projected on it


def low_rank(log10_intensity: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, basis and coefficients: log10 I = mean + coefficients @ basis, best in least squares.

    Args:
        log10_intensity: Spectra [n, n_wavelength].
        rank: Rows of the basis, at most n.

    Returns:
        Mean [n_wavelength], orthonormal basis [rank, n_wavelength], coefficients [n, rank], float64.

    Raises:
        ValueError: rank out of range.
    """
    n = len(log10_intensity)
    if not 0 < rank <= min(log10_intensity.shape):
        raise ValueError(
            f"rank = {rank}, allowed: 1 to {min(log10_intensity.shape)}, the spectra or wavelengths there are"
        )
    chosen = np.unique(np.linspace(0, n - 1, max(min(n, MOST_ROWS), rank)).astype(int))
    sample = log10_intensity[chosen].astype(np.float64)
    mean = sample.mean(axis=0)
    sample -= mean
    # Of the rows' products: as small as the number of spectra, not of wavelengths.
    values, vectors = np.linalg.eigh(sample @ sample.T)
    basis = vectors[:, ::-1][:, :rank].T @ sample
    basis /= np.maximum(np.linalg.norm(basis, axis=1, keepdims=True), np.finfo(float).tiny)
    coefficients = np.concatenate(
        [(rows - mean) @ basis.T for rows in np.array_split(log10_intensity, -(-n // 512))]
    )
    return mean, basis, coefficients
