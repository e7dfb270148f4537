"""Filter curves: the embedded ones, and a user's own from two columns."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

_EMBEDDED = Path(__file__).parents[1] / "data" / "bands.h5"
_ANGSTROM = {"angstrom": 1.0, "nm": 10.0, "um": 1e4}
_SHORTEST = 2600.0  # [A], where the spectra behind the grid begin


@dataclass(frozen=True, eq=False)
class Bandpass:
    """A filter curve, on the host. Two with the same content are equal.

    Attributes:
        name: What the band is called in a grid and in a photometer.
        wavelength: Strictly increasing, in vacuum. [A]
        throughput: Not negative; only its shape matters. [any unit]
        photon_counting: Whether the throughput multiplies photons (CCDs) or energy (as in Bessell 1990).
    """

    name: str
    wavelength: np.ndarray
    throughput: np.ndarray
    photon_counting: bool = True

    def __post_init__(self):
        for field in ("wavelength", "throughput"):
            values = np.array(getattr(self, field), dtype=np.float64)
            values.flags.writeable = False
            object.__setattr__(self, field, values)
        _validate(self)

    @property
    def _content(self):
        arrays = self.wavelength.tobytes(), self.throughput.tobytes()
        return self.name, bool(self.photon_counting), *arrays

    def __eq__(self, other):
        return isinstance(other, Bandpass) and self._content == other._content

    def __hash__(self):
        return hash(self._content)

    @staticmethod
    def from_file(
        path: str | Path, name: str, *, unit: str = "angstrom", photon_counting: bool = True
    ) -> "Bandpass":
        """Read two columns, wavelength and throughput, apart by blanks or a comma; # begins a comment.

        Args:
            path: Text file.
            name: Name of the band.
            unit: Of the wavelengths: angstrom, nm or um.
            photon_counting: As in the class.
        """
        if unit not in _ANGSTROM:
            raise ValueError(f"unit = {unit!r}, allowed: {', '.join(_ANGSTROM)}")
        try:
            lines = (line.replace(",", " ") for line in Path(path).read_text().splitlines())
            table = np.loadtxt(lines, ndmin=2)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{path} is not a table of two columns ({error}); give wavelength, throughput"
            ) from None
        if table.shape[1] < 2:
            raise ValueError(f"{path} has {table.shape[1]} column, two are needed: wavelength and throughput")
        return Bandpass(name, table[:, 0] * _ANGSTROM[unit], table[:, 1], photon_counting)


def _validate(band: Bandpass) -> None:
    w, t = band.wavelength, band.throughput
    if w.ndim != 1 or w.shape != t.shape or len(w) < 3:
        raise ValueError(
            f"{band.name}: wavelength {w.shape} and throughput {t.shape} need one common length, at least 3"
        )
    if not (np.isfinite(w).all() and np.isfinite(t).all()):
        raise ValueError(f"{band.name}: wavelength or throughput is not finite; remove those rows")
    if np.any(np.diff(w) <= 0):
        row = int(np.argmax(np.diff(w) <= 0)) + 1
        raise ValueError(
            f"{band.name}: wavelength = {w[row]} A in row {row} must exceed {w[row - 1]} A; sort the rows"
        )
    if t.min() < 0 or t.max() <= 0:
        raise ValueError(
            f"{band.name}: throughput runs from {t.min()} to {t.max()}, allowed: 0 or more, not all 0"
        )
    if w[-1] < _SHORTEST:
        raise ValueError(
            f"{band.name}: wavelength ends at {w[-1]} A, the models begin at {_SHORTEST:.0f} A; "
            "if this is nm or um, give angstrom (unit='nm' or 'um' in from_file)"
        )


def embedded_names() -> tuple[str, ...]:
    """Names of the embedded filter curves."""
    with h5py.File(_EMBEDDED, "r") as file:
        bands: Any = file["bands"]
        return tuple(name.decode() for name in bands[()])


def load_bandpass(name: str) -> Bandpass:
    """One embedded filter curve.

    Raises:
        ValueError: no such filter; the message lists those there are.
    """
    names = embedded_names()
    if name not in names:
        raise ValueError(
            f"name = {name!r} is not an embedded filter; allowed: {', '.join(names)}; "
            "or read your own with Bandpass.from_file"
        )
    with h5py.File(_EMBEDDED, "r") as file:
        group: Any = file[f"filters/{name}"]
        photon_counting = bool(group.attrs["photon_counting"])
        return Bandpass(name, group["wavelength"][()], group["throughput"][()], photon_counting)
