"""The absent nodes of a cut: what stands in for them is what does in the whole file."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dynamojax.atmosphere.grid_layout import fixed_point
from dynamojax.atmosphere.holes import fill_passes

Pass = tuple[np.ndarray, ...]
Model = tuple[np.ndarray, np.ndarray]  # level and real values: log10 I = mean + level + values [@ basis]


def fill(
    cubes: Sequence[np.ndarray],
    exists: np.ndarray,
    axes: list[np.ndarray],
    box: tuple[slice, ...],
    outside: Callable[[tuple[int, ...]], Model],
) -> None:
    """Fill the absent nodes of a cut in place; the lines that lead to them may begin outside of it.

    Args:
        cubes: Level, step and values of the cut.
        exists: Cube of the nodes of the whole file that hold a model.
        axes: Nodes of the whole file.
        box: Where the cut lies in it.
        outside: Reads the model of a node that is not in the cut.
    """
    level, step, values = (cube.reshape(-1, *cube.shape[3:]) for cube in cubes)
    flat = np.arange(exists.size).reshape(exists.shape)[box].ravel().tolist()
    inside = {node: i for i, node in enumerate(flat)}
    beyond: dict[int, Model] = {}  # absent nodes outside the cut

    def model(node: int) -> Model:
        if node in inside:
            return level[inside[node]], step[inside[node]] * values[inside[node]]
        return (
            beyond[node] if node in beyond else outside(tuple(map(int, np.unravel_index(node, exists.shape))))
        )

    for node, entries in _needed(exists, axes, inside):
        new_level, real = _mean(entries, model)
        if node not in inside:
            beyond[node] = new_level, real
            continue
        i = inside[node]
        level[i] = new_level
        if values.dtype == np.int16:
            values[i], step[i] = fixed_point(real)
        else:
            values[i], step[i] = real, 1.0


def _needed(exists: np.ndarray, axes: list[np.ndarray], inside: Mapping[int, int]) -> list[tuple[int, list]]:
    """The absent nodes to fill, in order: those inside, and those that they are made from.

    Each with its entries (near, far, ratio).
    """
    passes = list(fill_passes(exists, axes))
    wanted = {int(node) for to, *_ in passes for node in to if int(node) in inside}
    found = []
    for to, near, far, ratio in reversed(passes):
        entries: dict[int, list] = {}
        for node, *entry in zip(to.tolist(), near.tolist(), far.tolist(), ratio.tolist(), strict=True):
            if node in wanted:
                entries.setdefault(node, []).append(entry)
        wanted |= {source for some in entries.values() for near_, far_, _ in some for source in (near_, far_)}
        found = [*entries.items(), *found]
    return found


def _mean(entries: list, model: Callable[[int], Model]) -> Model:
    """Mean of near + ratio (near - far) over the entries."""
    level, real = 0.0, 0.0
    for near, far, ratio in entries:
        some_level, some = model(near)
        other_level, other = model(far) if ratio else (some_level, some)
        level = level + some_level + ratio * (some_level - other_level)
        real = real + some + ratio * (some - other)
    return np.asarray(level) / len(entries), np.asarray(real) / len(entries)
