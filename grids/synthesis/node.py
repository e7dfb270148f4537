"""Intensities of one model: gas, opacity, formal solution, means over the stored bins."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from grids.synthesis import hydrogen, structures
from grids.synthesis.gas import Gas, Library, microturbulence
from grids.synthesis.lines import Lines
from grids.synthesis.structures import Structure

_MARGIN = 60.0  # lines this far outside a segment are still summed [A]


@dataclass(frozen=True)
class Segment:
    """Bins of a stretch of wavelengths, even in ln(wavelength), and the points averaged into each.

    Attributes:
        name: Of the group in the file.
        low, high: Wavelengths that the bins' centres reach at least. [A]
        sampling: Bins per unit of ln(wavelength).
        points: Points of the synthesis in a bin.
    """

    name: str
    low: float
    high: float
    sampling: float
    points: int

    @property
    def n(self) -> int:
        """Number of bins."""
        return int(np.ceil(np.log(self.high / self.low) * self.sampling)) + 1

    @property
    def fine(self) -> tuple[float, float, int]:
        """Start, step and number of the points of the synthesis."""
        step = 1.0 / (self.sampling * self.points)
        return np.log(self.low) - 0.5 / self.sampling + 0.5 * step, step, self.n * self.points

    @property
    def wavelength(self) -> np.ndarray:
        """Centres of the bins. [A]"""
        return np.exp(np.log(self.low) + np.arange(self.n) / self.sampling)


SEGMENTS = (
    Segment("optical", 3250.0, 11150.0, 24000.0, 9),
    Segment("h_band", 14750.0, 18250.0, 60000.0, 4),
)


@lru_cache(maxsize=4)
def _samplings(start: float, step: float, n: int):
    """Where continuum and hydrogen are evaluated (ln wavelength), and matrices from one to the next."""
    at = start + step * np.arange(n)
    coarse = np.linspace(at[0] - 0.02, at[-1] + 0.02, max(int((at[-1] - at[0]) / 1e-3), 40))
    close = hydrogen.sampling(at[0], at[-1])
    return coarse, close, hydrogen.linear_matrix(close, coarse), hydrogen.spread_matrix(at, close)


def smooth_opacity(library: Library, grid, with_hydrogen: bool = True) -> np.ndarray:
    """Continuum and hydrogen lines on a grid (start, step, n of ln wavelength), [n, n_layer]. [cm2/g]"""
    coarse, close, to_close, to_all = _samplings(*grid)
    total = np.exp(to_close @ np.log(library.continuum(np.exp(coarse))))
    if with_hydrogen:
        total += library.hydrogen_lines(np.exp(close))
    return np.exp(to_all @ np.log(total))


def add_lines(total: np.ndarray, structure: Structure, gas: Gas, lines: Lines, grid) -> None:
    """Add the opacity of atoms and molecules to `total`."""
    from grids.synthesis import kernel  # Numba, which only the synthesis needs

    start, step, n = grid
    some, s = lines.between(np.exp(start) - _MARGIN, np.exp(start + step * n) + _MARGIN), structure
    state = (gas.population, gas.doppler, gas.mass, s.temperature, gas.electrons, gas.neutrals)
    deepest = int(np.searchsorted(s.log_tau, 1.5))
    kernel.add_lines(total, total.copy(), start, step, some.data, some.which, state, kernel.SERIES, deepest)


def synthesise(folder: Path, lines: Lines, label: tuple[float, float, float], mu: np.ndarray):
    """Mean intensities of every bin: {segment: (n_mu, n_bin)} [erg/s/cm2/A/sr], None without a structure."""
    from grids.synthesis import kernel

    structure = structures.read(folder, *label)
    if structure is None:
        return None
    library = Library(
        structure,
        microturbulence(*label[:2]),
        lines.species,
        (SEGMENTS[0].low - _MARGIN, SEGMENTS[-1].high + _MARGIN),
    )
    gas, result = library.gas(lines.species), {}
    for segment in SEGMENTS:
        total = smooth_opacity(library, segment.fine)
        add_lines(total, structure, gas, lines, segment.fine)
        out = np.empty((len(mu), segment.n))
        s, (start, step, _) = structure, segment.fine
        kernel.emergent(total, s.column, s.temperature, start, step, mu, segment.points, out)
        result[segment.name] = out
    return result
