"""Low rank: rows of log10 I as a mean plus coefficients times a basis in half precision. Plain NumPy."""

import numpy as np

_ROUNDED_TWICE = 6  # leading components whose rounding errors are components of their own


def leading(rows: np.ndarray, rank: int, seed: int = 0) -> np.ndarray:
    """Orthonormal basis [rank, n] of the leading right singular vectors of rows, by subspace iteration.

    Source: Halko, Martinsson & Tropp (2011), SIAM Rev. 53, 217, algorithm 4.4.
    """
    width = min(rank + 20, *rows.shape)
    sample = np.random.default_rng(seed).standard_normal((rows.shape[1], width)).astype(rows.dtype)
    for _ in range(2):
        left, _ = np.linalg.qr(rows @ sample)
        sample, _ = np.linalg.qr(rows.T @ left)
    _, _, right = np.linalg.svd(rows @ sample, full_matrices=False)
    return (right @ sample.T)[:rank]


def half_precision(basis: np.ndarray) -> np.ndarray:
    """The basis in float16, rows scaled to a maximum of 1, and the rounding errors of the first rows.

    The leading components carry decades of intensity, of which float16 would lose 1e-3.
    """
    scaled = basis / np.abs(basis).max(axis=1, keepdims=True)
    rounded = scaled.astype(np.float16)
    lost = (scaled - rounded)[:_ROUNDED_TWICE]
    lost = lost / np.maximum(np.abs(lost).max(axis=1, keepdims=True), 1e-30)
    return np.concatenate([rounded, lost.astype(np.float16)])


def compressed(rows: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean [n], basis [rank, n] float16 and coefficients [n_rows, rank] float32 of log10 I.

    Args:
        rows: Log10 of intensities, float32; the mean is taken out in place.
        rank: Number of rows of the basis.
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    rows -= mean.astype(rows.dtype)
    basis = half_precision(leading(rows, rank - _ROUNDED_TWICE))
    full = basis.astype(np.float32)
    # Least squares on the rounded basis, in blocks; float64 where it is small.
    gram = (full @ full.T).astype(np.float64)
    right = (rows @ full.T).astype(np.float64)
    ridge = 1e-9 * np.trace(gram) / len(gram)
    coefficients = np.linalg.solve(gram + ridge * np.eye(len(gram)), right.T).T
    return mean, basis, coefficients.astype(np.float32)


def restored(mean: np.ndarray, basis: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Log10 I."""
    return mean + coefficients @ basis.astype(np.float32)
