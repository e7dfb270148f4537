"""Absent nodes of a grid: what stands in for them, so that slopes at the edge of the models exist.

A cell with an absent corner is never interpolated. But the slope at the outermost models takes their
outer neighbour too; where there is no model, it lies on the line of the two before it. One value
a node for all cells keeps the interpolation once differentiable.
"""

from collections.abc import Iterator

import numpy as np


def fill_passes(exists: np.ndarray, axes: list[np.ndarray]) -> Iterator[tuple[np.ndarray, ...]]:
    """How to fill the absent nodes, from the models outwards.

    Args:
        exists: Cube of the nodes that hold a model.
        axes: Nodes of its three axes.

    Yields:
        Passes, each to be done after those before it: flat indices `to`, `near`, `far` and a `ratio`; the
        node `to` is the mean, over its entries, of near + ratio (near - far). Where no line of two filled
        nodes leads to any absent one, it copies neighbours (ratio 0).

    Raises:
        ValueError: no model at all.
    """
    filled = np.asarray(exists).copy()
    if not filled.any():
        raise ValueError("exists holds no model, so no node can be filled; the grid is too sparse")
    flat = np.arange(filled.size).reshape(filled.shape)
    while not filled.all():
        entries = _entries(filled, flat, axes, lines=True) or _entries(filled, flat, axes, lines=False)
        to, near, far, ratio = (np.concatenate(column) for column in zip(*entries, strict=True))
        filled.flat[to] = True
        yield to, near, far, ratio


def _entries(filled: np.ndarray, flat: np.ndarray, axes: list[np.ndarray], lines: bool) -> list:
    entries = []
    for k, axis in enumerate(axes):
        for step in (1, -1):
            x = axis[::step]
            f, index = (np.moveaxis(a, k, 0)[::step] for a in (filled, flat))
            if lines:
                good = f[:-2] & f[1:-1] & ~f[2:]
                ratio = ((x[2:] - x[1:-1]) / (x[1:-1] - x[:-2]))[:, None, None]
                parts = index[2:], index[1:-1], index[:-2], np.broadcast_to(ratio, good.shape)
            else:
                good = f[:-1] & ~f[1:]
                parts = index[1:], index[:-1], index[:-1], np.zeros(good.shape)
            if good.any():
                entries.append(tuple(part[good] for part in parts))
    return entries


def filled(cube: np.ndarray, exists: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    """The cube [n_teff, n_logg, n_feh, ...] with its absent nodes filled, see `fill_passes`."""
    rows = cube.reshape(exists.size, -1).copy()
    for to, near, far, ratio in fill_passes(exists, axes):
        total = np.zeros_like(rows)
        np.add.at(total, to, rows[near] + ratio[:, None] * (rows[near] - rows[far]))
        count = np.bincount(to, minlength=len(rows))
        new = count > 0
        rows[new] = total[new] / count[new, None]
    return rows.reshape(cube.shape)
