"""From the arrays of a file to a grid on the device: which nodes, which wavelengths, held how."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from dynamojax.atmosphere.grid_fill import Model, fill
from dynamojax.atmosphere.grid_layout import AXES, VALUES, Segment, encoded
from dynamojax.atmosphere.intensity_grid import IntensityGrid
from dynamojax.atmosphere.low_rank import MOST_ROWS, low_rank
from dynamojax.atmosphere.rebinning import Rebinning, rebinning

_LN10 = math.log(10.0)
_LEAST = 4  # nodes of an axis that the interpolation needs


@dataclass(frozen=True, eq=False)
class Cut:
    """What to take of a file.

    Attributes:
        nodes: A slice of each axis.
        segment: Stretch of wavelengths.
        start: First wavelength to read.
        stop: End of the wavelengths to read.
        rebin: To a lower resolution, or None.
        representation: On the device.
        rank: Of a basis made on the way.
    """

    nodes: tuple[slice, ...]
    segment: Segment
    start: int
    stop: int
    rebin: Rebinning | None
    representation: str
    rank: int

    @property
    def axis(self):
        """Wavelengths of the result."""
        return self.rebin.axis if self.rebin else self.segment.axis.part(self.start, self.stop)

    def n_bytes(self, n_mu: int) -> int:
        """Memory that the grid will take on the device."""
        real = jnp.result_type(float).itemsize
        lengths = [max(s.stop - s.start, _LEAST) for s in self.nodes]
        cube = math.prod(lengths)
        n_values, size, basis = self.axis.n, real, 0
        if self.representation == "int16":
            size = 2
        elif self.representation == "low_rank":
            n_values, basis = self.rank, self.rank * self.axis.n
        return cube * (n_mu * (n_values * size + real) + real + 1) + real * (
            sum(lengths) + self.axis.n + basis
        )


def node_slice(name: str, nodes: np.ndarray, wanted: tuple[float, float] | None) -> slice:
    """Nodes that surround a range and one more on each side, which the slopes need.

    Raises:
        ValueError: the range is not increasing, or not within the nodes.
    """
    n = len(nodes)
    if wanted is None:
        return slice(0, n)
    low, high = map(float, wanted)
    if not nodes[0] <= low <= high <= nodes[-1]:
        raise ValueError(
            f"{name} = ({low:g}, {high:g}) must increase and lie within {nodes[0]:g} to {nodes[-1]:g}, the "
            "nodes of the file; leave it out for all of them"
        )
    start = max(int(np.searchsorted(nodes, low, side="right")) - 2, 0)
    stop = min(int(np.searchsorted(nodes, high, side="left")) + 2, n)
    while stop - start < min(_LEAST, n):
        start, stop = max(start - 1, 0), min(stop + 1, n)
    return slice(start, stop)


def wavelength_part(
    segment: Segment, wanted: tuple[float, float] | None, resolution: float | None
) -> tuple[int, int, Rebinning | None]:
    """Start and stop of the wavelengths to read, and the rebinning, for a range [A] and a resolution.

    Raises:
        ValueError: the range is not within the segment, or not with the margin that the smoothing needs.
    """
    axis = segment.axis
    whole = None if resolution is None else rebinning(axis, segment.resolution, resolution)
    if wanted is None:
        return 0, axis.n, whole
    low, high = map(float, wanted)
    ends = axis.ends if whole is None else whole.axis.ends
    slack = 1e-9
    if not ends[0] * (1 - slack) <= low < high <= ends[1] * (1 + slack):
        raise ValueError(
            f"wavelength = ({low:g}, {high:g}) must increase and lie within {ends[0]:.2f} to "
            f"{ends[1]:.2f} A, what segment {segment.name!r} holds"
            + ("" if whole is None else f" at resolution = {resolution:g}")
        )
    start, stop = axis.covering(low, high)
    if whole is None or resolution is None:
        return max(start, 0), min(max(stop, start + 2), axis.n), None
    # From a bin of the whole segment's on, and on to the end of one: its bins, and all of the range.
    start = max(start - whole.margin - whole.factor, 0) // whole.factor * whole.factor
    stop = min(stop + whole.margin + 2 * whole.factor, axis.n)
    return start, stop, rebinning(axis.part(start, stop), segment.resolution, resolution)


def cut_grid(
    group: Any, cut: Cut, axes: Mapping[str, np.ndarray], exists: np.ndarray, mu_nodes: tuple[float, ...]
) -> IntensityGrid:
    """Read what the cut names from the open group of its segment, and put it on the device."""
    everything, every, *_ = padded(exists, [axes[name] for name in AXES])
    exists = exists[cut.nodes]
    nodes = [axes[name][s] for name, s in zip(AXES, cut.nodes, strict=True)]
    same = cut.rebin is None and cut.representation == cut.segment.representation
    if same and cut.representation == "low_rank":
        same = cut.rank == group["basis"].shape[0]
    arrays, outside = (_as_stored if same else _converted)(group, cut, exists, len(mu_nodes))
    basis, mean = arrays.get("basis"), arrays["mean"]
    cubes = (arrays[name] for name in ("level", "step", "values"))
    exists, nodes, level, step, values = padded(exists, nodes, *cubes)
    box = tuple(slice(s.start, s.start + n) for s, n in zip(cut.nodes, exists.shape, strict=True))
    fill((level, step, values), everything, every, box, outside)
    centre = mean.mean()
    if basis is not None:  # what all wavelengths share goes to the level: float32 keeps more digits
        shared = basis.mean(axis=1)
        level, basis = level + values @ shared, basis - shared[:, None]
    return IntensityGrid(
        *nodes,
        exists=jnp.asarray(exists),
        mean=_LN10 * (mean - centre),
        level=_LN10 * (level + centre),
        step=_LN10 * step,
        values=values,
        basis=basis,
        axis=cut.axis,
        mu_nodes=mu_nodes,
        resolution=cut.rebin.resolution if cut.rebin else cut.segment.resolution,
    )


Read = tuple[dict[str, np.ndarray], Callable[[tuple[int, ...]], Model]]  # arrays; a model outside the cut


def _as_stored(group: Any, cut: Cut, exists: np.ndarray, n_mu: int) -> Read:
    """The file's own numbers: nothing is rounded again."""
    low = cut.representation == "low_rank"
    part = slice(None) if low else slice(cut.start, cut.stop)
    stored = group[VALUES[cut.representation]]
    arrays = {
        "mean": group["mean"][cut.start : cut.stop],
        "values": stored[(*cut.nodes, slice(None), part)],
    }
    if low:
        arrays |= {"level": np.zeros((*exists.shape, n_mu)), "step": np.ones(exists.shape)}
        arrays["basis"] = group["basis"][:, cut.start : cut.stop].astype(np.float64)
    else:
        arrays |= {name: group[name][cut.nodes] for name in ("level", "step")}

    def outside(node: tuple[int, ...]) -> Model:
        values = stored[(*node, slice(None), part)]
        return (np.zeros(n_mu), values) if low else (group["level"][node], group["step"][node] * values)

    return arrays, outside


def node_reader(group: Any, segment: Segment, start: int, stop: int) -> Callable[..., np.ndarray]:
    """A function of the indices of a node: its log10 I [n_mu, stop - start], float64."""
    mean, values = group["mean"][start:stop], group[VALUES[segment.representation]]
    if segment.representation == "low_rank":
        basis = group["basis"][:, start:stop].astype(np.float64)
        return lambda node: mean + values[node] @ basis
    level, step = group["level"][()], group["step"][()]
    return lambda node: (
        mean + level[node][:, None] + step[node] * values[(*node, slice(None), slice(start, stop))]
    )


def _converted(group: Any, cut: Cut, exists: np.ndarray, n_mu: int) -> Read:
    """One model after the other: read, rebinned, held in another way."""
    read = node_reader(group, cut.segment, cut.start, cut.stop)
    axis, rebin = cut.segment.axis.part(cut.start, cut.stop), cut.rebin
    offset = np.array([s.start for s in cut.nodes])
    held = "int16" if cut.representation == "int16" else "float32"

    def rebinned(log10: np.ndarray) -> np.ndarray:
        return log10 if rebin is None else np.log10(rebin(10.0**log10, axis))

    def model(node: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, float]:
        return encoded(rebinned(read(node)), mean, held)

    nodes = list(map(tuple, (np.argwhere(exists) + offset).tolist()))
    mean = rebinned(group["mean"][cut.start : cut.stop])
    arrays, n_values, some = {"mean": mean}, cut.axis.n, {}
    if low := cut.representation == "low_rank":
        some = {node: model(node) for node in nodes[:: -(-len(nodes) * n_mu // MOST_ROWS)]}
        more, basis, _ = low_rank(np.concatenate([rows for rows, *_ in some.values()]), cut.rank)
        arrays, n_values = {"mean": mean + more, "basis": basis}, cut.rank
    values = np.zeros((*exists.shape, n_mu, n_values), held)
    level, step = np.zeros((*exists.shape, n_mu)), np.ones(exists.shape)
    for node in nodes:
        at = tuple(node - offset)
        residual, level[at], step[at] = some.pop(node, None) or model(node)
        values[at] = (residual - more) @ basis.T if low else residual

    def outside(node: tuple[int, ...]) -> Model:
        residual, own_level, own_step = model(node)
        return own_level, own_step * ((residual - more) @ basis.T if low else residual)

    return arrays | {"level": level, "step": step, "values": values}, outside


def padded(exists: np.ndarray, nodes: list[np.ndarray], *cubes: np.ndarray) -> tuple[Any, ...]:
    """Axes of fewer nodes than the interpolation needs get absent ones: they are valid at their own only."""
    missing = [max(_LEAST - len(axis), 0) for axis in nodes]
    nodes = [
        np.append(axis, axis[-1] + (axis[-1] - axis[-2] if len(axis) > 1 else 1.0) * np.arange(1, n + 1))
        for axis, n in zip(nodes, missing, strict=True)
    ]

    def pad(cube):
        return (
            np.pad(cube, [*((0, n) for n in missing), *[(0, 0)] * (cube.ndim - 3)]) if any(missing) else cube
        )

    return pad(exists), nodes, *map(pad, cubes)
