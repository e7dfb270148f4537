"""Files of spectral intensities: opened lazily, cut before anything goes to the device."""

import json
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dynamojax.atmosphere.grid_cut import Cut, cut_grid, node_slice, wavelength_part
from dynamojax.atmosphere.grid_layout import AXES, FORMAT, FORMAT_VERSION, Segment
from dynamojax.atmosphere.intensity_grid import IntensityGrid
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.locations import grid_path
from dynamojax.atmosphere.wavelengths import LogAxis
from dynamojax.reading import reading

EMBEDDED = Path(__file__).parents[1] / "data" / "spectra.h5"
DEFAULT_MAX_BYTES = 4 * 2**30
DEFAULT_RANK = 64


def opened(path: Path) -> AbstractContextManager[Any]:
    """An open grid file; what goes wrong inside because of its bytes is a ValueError."""
    return reading(
        path,
        FORMAT,
        FORMAT_VERSION,
        "fetch or build a grid with dynamojax grid, or leave the path out for the embedded one",
    )


@dataclass(frozen=True, eq=False)
class GridFile:
    """What a file of spectral intensities holds; intensities stay in the file until `cut`.

    Attributes:
        path: Of the file.
        teff: Nodes. [K]
        logg: Nodes. [dex]
        feh: Nodes. [dex]
        mu_nodes: Cosines of the heliocentric angle.
        exists: Which nodes hold a model.
        segments: Stretches of wavelengths by name.
        ranks: Rows of the basis of the segments of low rank.
        attributes: source, licence, provenance, limb, created_by, content (a digest of all numbers).
    """

    path: Path
    teff: np.ndarray
    logg: np.ndarray
    feh: np.ndarray
    mu_nodes: tuple[float, ...]
    exists: np.ndarray
    segments: dict[str, Segment]
    ranks: dict[str, int]
    attributes: dict[str, Any]

    def info(self) -> dict[str, Any]:
        """Ranges, sizes, origin: what a person asks first. Wavelengths in vacuum [A], size in bytes."""
        axes = {name: getattr(self, name).tolist() for name in AXES}
        segments = {
            name: {
                "wavelength": s.axis.ends,
                **{"n_wavelength": s.axis.n, "sampling": s.axis.sampling, "resolution": s.resolution},
                **{"representation": s.representation, "rank": self.ranks.get(name)},
            }
            for name, s in self.segments.items()
        }
        return {
            **{"path": str(self.path), "n_bytes": self.path.stat().st_size, **axes},
            **{"n_models": int(self.exists.sum()), "n_nodes": self.exists.size, "n_mu": len(self.mu_nodes)},
            **{"segments": segments, **self.attributes},
        }

    def segment(self, name: str | None = None, wavelength: tuple[float, float] | None = None) -> Segment:
        """The segment of this name, or the one that holds these wavelengths [A], or the only one.

        Raises:
            ValueError: none, or more than one.
        """
        if name is not None:
            if name not in self.segments:
                raise ValueError(f"segment = {name!r}, the file holds: {', '.join(self.segments)}")
            return self.segments[name]
        fits = list(self.segments.values())
        if wavelength is not None and len(fits) > 1:
            middle = math.sqrt(wavelength[0] * wavelength[1])
            fits = [s for s in fits if s.axis.ends[0] <= middle <= s.axis.ends[1]]
        if len(fits) != 1:
            spans = ", ".join("{} {:.0f}-{:.0f} A".format(n, *s.axis.ends) for n, s in self.segments.items())
            raise ValueError(
                f"wavelength = {wavelength} fits {len(fits)} segments ({spans}); name one with segment="
            )
        return fits[0]

    def cut(
        self,
        teff: tuple[float, float] | None = None,
        logg: tuple[float, float] | None = None,
        feh: tuple[float, float] | None = None,
        wavelength: tuple[float, float] | None = None,
        resolution: float | None = None,
        *,
        segment: str | None = None,
        representation: str | None = None,
        rank: int | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
    ) -> IntensityGrid:
        """The part of the grid that a study needs, on the device; `n_bytes` of the result is its memory.

        Nothing else is read. Inside the ranges the interpolation is that of the whole file.

        Args:
            teff: Range to cover, within the nodes; all where left out, like the others. [K]
            logg: [dex]
            feh: [dex]
            wavelength: In vacuum. [A]
            resolution: Resolving power to smooth and rebin to, energy kept; as stored where left out. [1]
            segment: Name of the stretch of wavelengths; needed where the wavelengths do not tell.
            representation: "float32", "int16" or "low_rank"; as stored where left out.
            rank: Of a basis made here; the file's own where left out and there is one.
            max_bytes: Allowed on the device.

        Raises:
            ValueError: a range outside the file, a resolution above the file's, no model inside, more memory
                than allowed, or a damaged file.
        """
        chosen = self.segment(segment, wavelength)
        ranges = {"teff": teff, "logg": logg, "feh": feh}
        nodes = tuple(node_slice(name, getattr(self, name), wanted) for name, wanted in ranges.items())
        kind = representation or chosen.representation
        plan = Cut(
            nodes,
            chosen,
            *wavelength_part(chosen, wavelength, resolution),
            representation=Segment(chosen.name, chosen.axis, representation=kind).representation,
            rank=self.ranks.get(chosen.name, DEFAULT_RANK) if rank is None else rank,
        )
        self._check_size(plan, max_bytes)
        if not self.exists[nodes].any():
            raise ValueError(f"teff = {teff}, logg = {logg}, feh = {feh} hold no model; widen them")
        axes = {name: getattr(self, name) for name in AXES}
        with opened(self.path) as file:
            group = file[f"segments/{chosen.name}"]
            return cut_grid(group, plan, axes, self.exists, self.mu_nodes)

    def _check_size(self, plan: Cut, max_bytes: int) -> None:
        size = plan.n_bytes(len(self.mu_nodes))
        if size > max_bytes:
            raise ValueError(
                f"the cut takes {size / 1e6:.0f} MB on the device, max_bytes = {max_bytes / 1e6:.0f} MB; "
                "narrow teff, logg, feh or wavelength, lower resolution, take representation='int16' or "
                "'low_rank', or raise max_bytes"
            )


def open_grid(path: str | Path | None = None) -> GridFile:
    """Open a grid file; reads its axes only.

    Args:
        path: A file, or the name of a grid that `dynamojax grid build` has put into the cache, such as
            "phoenix"; the embedded grid where left out.

    Raises:
        ValueError: no such file, another kind of file, a newer version, or a damaged one.
    """
    path = EMBEDDED if path is None else grid_path(path)
    with opened(path) as file:
        axes = {name: np.asarray(file[name][()], np.float64) for name in AXES}
        mu, exists = file["mu"][()], file["exists"][()].astype(bool)
        segments = {name: _segment(path, name, group) for name, group in file["segments"].items()}
        _check_axes(path, axes, mu, exists)
        for name, segment in segments.items():
            _check_segment(path, file[f"segments/{name}"], segment, exists, len(mu))
        ranks = {
            name: file[f"segments/{name}/basis"].shape[0]
            for name, s in segments.items()
            if s.representation == "low_rank"
        }
        attributes = _attributes(path, file.attrs)
    teff, logg, feh = axes.values()
    return GridFile(path, teff, logg, feh, tuple(mu.tolist()), exists, segments, ranks, attributes)


def _attributes(path: Path, attributes: Mapping) -> dict[str, Any]:
    texts = {name: str(attributes[name]) for name in ("source", "licence", "limb", "created_by", "content")}
    try:
        return {**texts, "provenance": json.loads(attributes["provenance"])}
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: provenance is no JSON ({error}); build it again") from None


def _segment(path: Path, name: str, group: Any) -> Segment:
    if group is None:  # a link to nowhere
        raise KeyError(f"segments/{name}")
    attributes = group.attrs
    try:
        axis = LogAxis(
            float(attributes["ln_wavelength_start"]),
            float(attributes["ln_wavelength_step"]),
            int(attributes["n_wavelength"]),
        )
        return Segment(name, axis, float(attributes["resolution"]), str(attributes["representation"]))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}; build it again") from None


def _check_axes(path: Path, axes: Mapping[str, np.ndarray], mu: np.ndarray, exists: np.ndarray) -> None:
    for name, axis in axes.items():
        if axis.ndim != 1 or not np.all(np.diff(axis) > 0):
            raise ValueError(f"{path} is damaged: {name} = {axis} must increase; build it again")
    if not np.allclose(quadrature_nodes(len(mu))[0], mu, atol=1e-9):
        raise ValueError(f"{path}: mu = {mu} must be quadrature_nodes({len(mu)}); build it again")
    if exists.shape != tuple(len(axis) for axis in axes.values()):
        raise ValueError(f"{path} is damaged: exists has shape {exists.shape}; build it again")


def _check_segment(path: Path, group: Any, segment: Segment, exists: np.ndarray, n_mu: int) -> None:
    n = segment.axis.n
    shapes = {"mean": (n,)}
    if segment.representation == "low_rank":
        rank = group["basis"].shape[0]
        shapes |= {"basis": (rank, n), "coefficients": (*exists.shape, n_mu, rank)}
    else:
        cube = exists.shape
        shapes |= {"residual": (*cube, n_mu, n), "level": (*cube, n_mu), "step": cube}
    for name, shape in shapes.items():
        if group[name].shape != shape:
            raise ValueError(
                f"{path} is damaged: segments/{segment.name}/{name} has shape {group[name].shape}, "
                f"expected {shape}; build it again"
            )
