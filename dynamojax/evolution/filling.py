"""Tracks continued past their ends, so that slopes beside them exist; host code.

A star is only ever interpolated between phases that all tracks at the corners of its cell have. But slopes
across the cell take the outer neighbours too. Where such a neighbour has ended, it goes on as its longer
neighbour does, from where it stopped, so that nothing jumps; where there is none, it is extrapolated.
"""

import numpy as np


def continued(
    values: np.ndarray, first: np.ndarray, last: np.ndarray, axes: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Values with every phase of every track filled.

    Args:
        values: [n_mass, n_feh, n_alpha, n_eep, n_columns]; what lies outside first and last is ignored.
        first: Index of the first phase of each track.
        last: Index of the last phase; below `first` where there is no track.
        axes: Nodes in ln mass, feh and alpha.

    Raises:
        ValueError: no track at all.
    """
    exists = last > first
    if not exists.any():
        raise ValueError("last > first nowhere: the grid holds no track")
    out = np.array(values, dtype=float)
    for j, k in np.ndindex(exists.shape[1:]):
        column = out[:, j, k]
        present = np.flatnonzero(exists[:, j, k]).tolist()
        if not present:
            continue
        spans = [(i, int(first[i, j, k]), int(last[i, j, k])) for i in present]
        for (i, _, end), above in zip(spans[::-1], [None, *present[::-1][:-1]], strict=True):
            _carry_on(column, i, end, above, 1)
        for (i, begin, _), below in zip(spans, [None, *present[:-1]], strict=True):
            _carry_on(column, i, begin, below, -1)
    for axis, nodes in enumerate(axes):
        out, exists = _extrapolated(out, exists, nodes, axis)
    return out


def _carry_on(column: np.ndarray, i: int, end: int, neighbour: int | None, direction: int) -> None:
    """Continue track i of [n_mass, n_eep, n_columns] beyond `end` as its neighbour goes, or straight on."""
    n = column.shape[1]
    beyond = np.arange(end + 1, n) if direction > 0 else np.arange(end)
    if neighbour is not None:
        change = column[neighbour, beyond] - column[neighbour, end]
    else:
        inner = end - direction
        change = (beyond - end)[:, None] * direction * (column[i, end] - column[i, inner])
    column[i, beyond] = column[i, end] + change


def _extrapolated(out: np.ndarray, exists: np.ndarray, nodes: np.ndarray, axis: int):
    """Whole tracks that are absent, from the line through the two nearest along an axis, or a copy."""
    out, exists = np.moveaxis(out, axis, 0).copy(), np.moveaxis(exists, axis, 0).copy()
    for order in (range(1, len(nodes)), range(len(nodes) - 2, -1, -1)):
        step = 1 if order.step > 0 else -1
        for i in order:
            near, far = i - step, i - 2 * step
            new = ~exists[i] & exists[near]
            value = out[near]
            if 0 <= far < len(nodes):
                ratio = (nodes[i] - nodes[near]) / (nodes[near] - nodes[far])
                line = value + ratio * (value - out[far])
                value = np.where((exists[near] & exists[far])[..., None, None], line, value)
            out[i] = np.where(new[..., None, None], value, out[i])
            exists[i] |= new
    return np.moveaxis(out, 0, axis), np.moveaxis(exists, 0, axis)
