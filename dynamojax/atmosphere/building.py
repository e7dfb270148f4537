"""A grid file from models of any library, one model in memory at a time."""

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dynamojax.atmosphere.grid_layout import Segment
from dynamojax.atmosphere.grid_writer import GridWriter
from dynamojax.atmosphere.resampling import Resampling, resampling

Node = tuple[float, float, float]  # teff [K], logg, feh [dex]
Spectra = dict[str, np.ndarray]
Tell = Callable[[int, int], None]


class Unsuited(ValueError):
    """What is wanted cannot be made of these files; no file is to blame."""


@dataclass(frozen=True)
class Stretch:
    """Wavelengths that a grid is to hold.

    Attributes:
        name: Of the segment in the file.
        low: In vacuum. [A]
        high: In vacuum. [A]
        resolution: Resolving power, wavelength over FWHM. [1]
    """

    name: str
    low: float
    high: float
    resolution: float

    def resampling(self) -> Resampling:
        """From any samples to those of the grid.

        Raises:
            ValueError: naming the segment.
        """
        try:
            return resampling(self.low, self.high, self.resolution)
        except ValueError as error:
            raise Unsuited(f"segment {self.name}: {error}") from None


def read_stretch(text: str) -> Stretch:
    """From NAME:LOW:HIGH:RESOLUTION, as the command line takes it.

    Raises:
        ValueError: another form.
    """
    name, *numbers = text.split(":")
    try:
        low, high, resolution = (float(number) for number in numbers)
    except ValueError:
        low = high = resolution = math.nan
    if not name.isidentifier() or math.isnan(resolution):
        raise ValueError(
            f"segment {text!r} must be NAME:LOW:HIGH:RESOLUTION, such as optical:3000:10000:5000"
        )
    return Stretch(name, low, high, resolution)


def check_sampling(stretch: Stretch, edges: np.ndarray, origin: Path) -> tuple[int, int]:
    """Start and stop of the samples that a stretch needs.

    Args:
        stretch: What is wanted.
        edges: Of the samples. [A]
        origin: Their file.

    Raises:
        Unsuited: the file does not reach as far, or its samples are too coarse for the resolution.
    """
    low, high = stretch.resampling().reach
    if not edges[0] <= low <= high <= edges[-1]:
        raise Unsuited(
            f"segment {stretch.name} needs {low:.1f} to {high:.1f} A, its ends smoothed, and {origin} has "
            f"{edges[0]:.1f} to {edges[-1]:.1f} A"
        )
    start, stop = np.searchsorted(edges, low, side="right") - 1, np.searchsorted(edges, high, side="left")
    # Where they are finest, relative to the wavelength; towards the other end the samples set the resolution.
    finest = float(np.max(edges[start + 1 : stop + 1] / np.diff(edges[start : stop + 1])))
    if stretch.resolution > 0.5 * finest:
        raise Unsuited(
            f"segment {stretch.name}: resolution = {stretch.resolution:g} is more than the samples of "
            f"{origin} hold, two to a FWHM: at most {0.5 * finest:.0f}"
        )
    return int(start), int(stop)


@dataclass
class Built:
    """What a build did.

    Attributes:
        path: The grid file.
        n_models: Models in it.
        n_nodes: Nodes, holes included.
        damaged: Files that were left out, and why.
    """

    path: Path
    n_models: int
    n_nodes: int
    damaged: dict[Path, str] = field(default_factory=dict)


def build_grid(
    path: str | Path,
    files: Mapping[Node, Path],
    read: Callable[[Node, Path], Spectra],
    stretches: Sequence[Stretch],
    *,
    n_mu: int,
    source: str,
    licence: str,
    provenance: Mapping,
    limb: str = "intensity",
    representation: str = "int16",
    skip_damaged: bool = False,
    tell: Tell = lambda done, total: None,
) -> Built:
    """Write a grid file; it takes its name when it is complete.

    Args:
        path: Of the grid.
        files: Of each model; combinations of their parameters without a file become holes.
        read: Intensities [n_mu, n_wavelength] by segment of one file, at `quadrature_nodes(n_mu)` and the
            stretches' resampled wavelengths. [erg/s/cm2/A/sr]
        stretches: Wavelengths of each segment.
        n_mu: Number of mu.
        source: Of the models, with the citation.
        licence: Of the models.
        provenance: How the file came to be.
        limb: "intensity", or the name of the law.
        representation: How intensities are stored.
        skip_damaged: Whether a file that cannot be read leaves a hole, instead of ending the build.
        tell: Called with the numbers of models done and of all.

    Raises:
        ValueError: no files, a file that cannot be read, or wavelengths that it does not have.
    """
    if not files:
        raise ValueError(f"no files to build {path} of; fetch them first")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _clean(path)
    axes = [sorted({node[i] for node in files}) for i in range(3)]
    segments = [
        Segment(s.name, s.resampling().axis, s.resolution, representation=representation) for s in stretches
    ]
    built = Built(path, 0, math.prod(len(axis) for axis in axes))
    with GridWriter(
        path,
        **dict(zip(("teff", "logg", "feh"), axes, strict=True)),
        n_mu=n_mu,
        segments=segments,
        source=source,
        licence=licence,
        provenance=provenance,
        limb=limb,
    ) as writer:
        _add_all(writer, files, read, built, skip_damaged, tell)
    return built


def _add_all(
    writer: GridWriter,
    files: Mapping[Node, Path],
    read: Callable[[Node, Path], Spectra],
    built: Built,
    skip_damaged: bool,
    tell: Tell,
) -> None:
    """Add every model to the file, and count them in `built`."""
    for done, node in enumerate(_from_the_middle(files)):
        tell(done, len(files))
        try:
            spectra = {name: _log10(s, files[node]) for name, s in read(node, files[node]).items()}
        except Unsuited:
            raise
        except ValueError as error:
            if not skip_damaged:
                raise
            built.damaged[files[node]] = str(error)
            continue
        writer.add(*node, spectra)
        built.n_models += 1
    tell(len(files), len(files))


def _log10(intensity: np.ndarray, origin: Path) -> np.ndarray:
    if not (np.isfinite(intensity).all() and intensity.min() > 0):
        bad = int(np.sum(~(intensity > 0) | ~np.isfinite(intensity)))
        raise ValueError(
            f"{origin}: {bad} intensities are not positive and finite; fetch it again, or narrow the segments"
        )
    return np.log10(intensity)


def _from_the_middle(files: Iterable[Node]) -> list[Node]:
    """The middle one first: the writer takes its spectrum as the one to store differences from."""
    nodes = sorted(files)
    return [nodes.pop(len(nodes) // 2), *nodes]


def _clean(path: Path) -> None:
    """Remove what a killed build left, gigabytes perhaps; its temporary name holds its process."""
    for part in path.parent.glob(f".{path.stem}.part*{path.suffix}"):
        number = part.name.removeprefix(f".{path.stem}.part").removesuffix(path.suffix)
        if number.isdigit() and not _runs(int(number)):
            part.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    if os.name == "nt":
        return True  # signal 0 would end it there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
