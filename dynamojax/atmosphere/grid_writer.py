"""Writing a file of spectral intensities one model at a time: memory does not grow with their number."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dynamojax.atmosphere.grid_layout import AXES, FORMAT, FORMAT_VERSION, VALUES, Segment, encoded
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.writing import replacing

_BLOCK = 4096  # wavelengths of a chunk: a cut in wavelength reads little more than it needs


class GridWriter:
    """A grid file in the making; it takes its name when the `with` block ends well.

        with GridWriter(path, teff=..., logg=..., feh=..., n_mu=8, segments=[...], source=..., ...) as writer:
            for each model: writer.add(teff, logg, feh, {"optical": log10_intensity})

    Nodes that no model was added for are holes. Models may come in any order, each once.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        teff,
        logg,
        feh,
        n_mu: int,
        segments: Sequence[Segment],
        source: str,
        licence: str,
        provenance: Mapping,
        limb: str = "intensity",
        means: Mapping[str, np.ndarray] | None = None,
        bases: Mapping[str, np.ndarray] | None = None,
    ):
        """See the class.

        Args:
            path: Of the file, to end in .h5.
            teff: Nodes, increasing. [K]
            logg: Nodes, increasing. [dex]
            feh: Nodes, increasing. [dex]
            n_mu: Intensities are at `quadrature_nodes(n_mu)`.
            segments: Stretches of wavelengths.
            source: Of the models, a sentence with the citation.
            licence: Of the models.
            provenance: How the file came to be; anything that JSON holds.
            limb: "intensity", or the name of the law for sources that give fluxes only.
            means: By segment, the mean of log10 I at each wavelength, which is taken out before rounding;
                needed for a low rank, otherwise the mean over mu of the first model added: add one from the
                middle of the range first.
            bases: By segment of low rank, the basis [rank, n_wavelength].

        Raises:
            ValueError: axes that do not increase, a name twice, a basis missing or of another length.
        """
        self.path = Path(path)
        self.axes = {n: _nodes(n, axis) for n, axis in zip(AXES, (teff, logg, feh), strict=True)}
        self.mu, self.mu_weight = quadrature_nodes(n_mu)
        self.segments = {segment.name: segment for segment in segments}
        if len(self.segments) != len(segments) or not segments:
            raise ValueError(f"segments = {[s.name for s in segments]} need different names, at least one")
        self._means = {name: np.asarray(mean, np.float64) for name, mean in (means or {}).items()}
        self._bases = dict(bases or {})
        self._attributes = {
            **{"format": FORMAT, "format_version": FORMAT_VERSION, "source": source, "licence": licence},
            **{"provenance": json.dumps(dict(provenance)), "limb": limb, "created_by": version("dynamojax")},
        }
        self._check_bases()
        cube = tuple(len(axis) for axis in self.axes.values())
        self.exists = np.zeros(cube, bool)
        dense = [name for name, s in self.segments.items() if s.representation != "low_rank"]
        self._level = {name: np.full((*cube, n_mu), np.nan) for name in dense}
        self._step = {name: np.full(cube, np.nan) for name in dense}
        self._digest = hashlib.blake2b(repr((self._attributes, self.segments)).encode(), digest_size=16)

    def _check_bases(self) -> None:
        for name, segment in self.segments.items():
            n = segment.axis.n
            if name in self._means and self._means[name].shape != (n,):
                raise ValueError(f"means[{name!r}] has shape {self._means[name].shape}, expected ({n},)")
            if segment.representation != "low_rank":
                continue
            if name not in self._means or name not in self._bases:
                raise ValueError(f"{name}: a low rank needs means[{name!r}] and bases[{name!r}]")
            shape = np.shape(self._bases[name])
            if len(shape) != 2 or shape[1] != n:
                raise ValueError(f"bases[{name!r}] has shape {shape}, expected (rank, {n})")

    def __enter__(self) -> "GridWriter":
        self._stack = ExitStack()
        with ExitStack() as stack:  # closes what was opened if the rest fails
            part = stack.enter_context(replacing(self.path))
            self._file: Any = stack.enter_context(h5py.File(part, "w", libver="latest"))
            for name, axis in (self.axes | {"mu": self.mu, "mu_weight": self.mu_weight}).items():
                _put_checked(self._file, name, axis)
            for segment in self.segments.values():
                self._create(segment)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *failure) -> bool | None:
        try:
            if failure[0] is None:
                self._finish()
        except BaseException as error:
            self._stack.__exit__(type(error), error, error.__traceback__)
            raise
        return self._stack.__exit__(*failure)

    def _create(self, segment: Segment) -> None:
        group = self._file.create_group(f"segments/{segment.name}")
        axis = segment.axis
        group.attrs.update(
            {
                **{"ln_wavelength_start": axis.ln_start, "ln_wavelength_step": axis.ln_step},
                **{"n_wavelength": axis.n, "resolution": segment.resolution},
                "representation": segment.representation,
            }
        )
        checked = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}
        n = axis.n
        if segment.representation == "low_rank":
            basis = np.asarray(self._bases[segment.name])
            group.create_dataset("basis", data=basis, chunks=(1, n), **checked)
            n = len(basis)
        group.create_dataset(
            VALUES[segment.representation],
            shape=(*self.exists.shape, len(self.mu), n),
            dtype="int16" if segment.representation == "int16" else "float32",
            chunks=(1, 1, 1, len(self.mu), min(n, _BLOCK)),
            **checked,
        )

    def add(self, teff: float, logg: float, feh: float, spectra: Mapping[str, np.ndarray]) -> None:
        """Add one model.

        Args:
            teff: One of the nodes. [K]
            logg: One of the nodes. [dex]
            feh: One of the nodes. [dex]
            spectra: By segment, log10 of the intensity in erg/s/cm2/A/sr, [n_mu, n_wavelength]; for a low
                rank its coefficients, [n_mu, rank].

        Raises:
            ValueError: not a node, there already, a segment missing, another shape, values not finite.
        """
        node = tuple(self._index(n, x) for n, x in zip(AXES, (teff, logg, feh), strict=True))
        model = f"model teff = {teff}, logg = {logg}, feh = {feh}"
        if self.exists[node]:
            raise ValueError(f"{model} was added before; each node takes one")
        if set(spectra) != set(self.segments):
            raise ValueError(f"{model}: segments {sorted(spectra)}, expected {sorted(self.segments)}")
        for name, values in spectra.items():
            self._put(name, node, np.asarray(values), model)
        self.exists[node] = True

    def _index(self, name: str, x: float) -> int:
        axis = self.axes[name]
        i = int(np.argmin(np.abs(axis - x)))
        if not np.isclose(axis[i], x, rtol=1e-9, atol=1e-6):
            raise ValueError(f"{name} = {x} is not a node; the nodes are {axis.tolist()}")
        return i

    def _put(self, name: str, node: tuple[int, ...], values: np.ndarray, model: str) -> None:
        segment = self.segments[name]
        dataset = self._file[f"segments/{name}/{VALUES[segment.representation]}"]
        if values.shape != dataset.shape[3:]:
            raise ValueError(f"{model}, {name}: shape {values.shape}, expected {dataset.shape[3:]}")
        if not np.isfinite(values).all():
            bad = int((~np.isfinite(values)).sum())
            raise ValueError(f"{model}, {name}: {bad} values are not finite; intensities must be positive")
        if segment.representation != "low_rank":
            values = self._residual(name, node, values)
        stored = np.ascontiguousarray(values, dtype=dataset.dtype)
        dataset[node] = stored
        self._digest.update(repr((name, node)).encode() + stored.tobytes())

    def _residual(self, name: str, node: tuple[int, ...], values: np.ndarray) -> np.ndarray:
        values = values.astype(np.float64)
        mean = self._means.setdefault(name, values.mean(axis=0))
        residual, level, step = encoded(values, mean, self.segments[name].representation)
        self._level[name][node], self._step[name][node] = level, step
        return residual

    def _finish(self) -> None:
        if not self.exists.any():
            raise ValueError(f"{self.path}: no model was added; the file is not kept")
        _put_checked(self._file, "exists", self.exists)
        small = [self._means, self._bases, self._level, self._step]
        for name in self.segments:
            group = self._file[f"segments/{name}"]
            _put_checked(group, "mean", self._means[name])
            if name in self._level:
                _put_checked(group, "level", self._level[name])
                _put_checked(group, "step", self._step[name])
            for arrays in small:
                self._digest.update(np.ascontiguousarray(arrays.get(name, 0.0)).tobytes())
        # Written last: a file without them was not finished.
        self._file.attrs.update(self._attributes | {"content": self._digest.hexdigest()})


def _nodes(name: str, axis) -> np.ndarray:
    """An axis in float64.

    Raises:
        ValueError: not finite, increasing nodes.
    """
    nodes = np.array(axis, np.float64)
    if nodes.ndim != 1 or len(nodes) == 0 or not (np.diff(nodes) > 0).all() or not np.isfinite(nodes).all():
        raise ValueError(f"{name} = {nodes} must be finite, increasing nodes")
    return nodes


def _put_checked(group: Any, name: str, values: np.ndarray) -> None:
    """A small array in one chunk, with a checksum like the spectra."""
    group.create_dataset(name, data=values, chunks=values.shape, fletcher32=True)
