"""Line masks: where lines are and what they weigh, for correlation with spectra. On the host, in vacuum."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from dynamojax.refraction import vacuum_from_air

_COLUMNS = ("lambda", "contrast")


@dataclass(frozen=True, eq=False)
class LineMask:
    """Lines of a kind of star.

    Attributes:
        name: Of the mask.
        wavelength: Of the lines, rising, in vacuum. [A]
        weight: Of each line in a correlation, positive. [1]
    """

    name: str
    wavelength: np.ndarray
    weight: np.ndarray

    def __post_init__(self):
        for field in ("wavelength", "weight"):
            values = np.array(getattr(self, field), dtype=np.float64)
            values.flags.writeable = False
            object.__setattr__(self, field, values)
        _validate(self)

    @property
    def n_lines(self) -> int:
        """Number of lines."""
        return self.wavelength.size

    @staticmethod
    def from_lines(name: str, wavelength, weight=None, *, medium: str = "vacuum") -> "LineMask":
        """Lines in any order.

        Args:
            name: Of the mask.
            wavelength: Of the lines. [A in `medium`]
            weight: Of the lines; all 1 if left out.
            medium: Of the wavelengths, vacuum or air.
        """
        if medium not in ("vacuum", "air"):
            raise ValueError(f"{name}: medium = {medium!r}, allowed: vacuum, air")
        wavelength = np.atleast_1d(np.asarray(wavelength, dtype=np.float64))
        weight = np.ones(wavelength.shape) if weight is None else np.asarray(weight, dtype=np.float64)
        if wavelength.ndim != 1 or weight.shape != wavelength.shape:
            raise ValueError(
                f"{name}: {wavelength.shape} wavelengths and {weight.shape} weights; one for each is needed"
            )
        order = np.argsort(wavelength)
        wavelength = wavelength[order]
        return LineMask(name, vacuum_from_air(wavelength) if medium == "air" else wavelength, weight[order])

    @staticmethod
    def from_table(path: str | Path, name: str | None = None, *, medium: str) -> "LineMask":
        """Read lines from text: wavelength and weight, or both edges of a hole and weight (HARPS .mas files).

        Args:
            path: Columns apart by blanks or a comma; # begins a comment.
            name: Of the mask; that of the file if left out.
            medium: Of the wavelengths [A], vacuum or air; masks of HARPS are in air.

        Raises:
            ValueError: no such table.
        """
        try:
            lines = (line.replace(",", " ") for line in Path(path).read_text().splitlines())
            table = np.loadtxt(lines, ndmin=2)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{path} is not a table of numbers ({error}); give wavelength and weight"
            ) from None
        if not table.size or table.shape[1] > 3:
            raise ValueError(f"{path} has {table.shape} numbers; give wavelength and weight")
        centre = table[:, :2].mean(axis=1) if table.shape[1] == 3 else table[:, 0]
        weight = table[:, -1] if table.shape[1] > 1 else None
        return LineMask.from_lines(name or Path(path).stem, centre, weight, medium=medium)

    def within(self, low: float | int, high: float | int) -> "LineMask":
        """The lines between two wavelengths in vacuum [A]."""
        here = (self.wavelength >= low) & (self.wavelength <= high)
        if not here.any():
            raise ValueError(
                f"{self.name}: no line between low = {low} and high = {high} A; {_ends(self)} in vacuum"
            )
        return LineMask(self.name, self.wavelength[here], self.weight[here])


def _ends(mask: LineMask) -> str:
    return f"its lines lie from {mask.wavelength[0]:.1f} to {mask.wavelength[-1]:.1f} A"


def _validate(mask: LineMask) -> None:
    w, weight = mask.wavelength, mask.weight
    if w.ndim != 1 or not w.size or weight.shape != w.shape:
        raise ValueError(
            f"{mask.name}: {w.shape} wavelengths, {weight.shape} weights; give one weight a line"
        )
    if not (np.isfinite(w).all() and w[0] > 0 and np.all(np.diff(w) >= 0)):
        raise ValueError(f"{mask.name}: wavelengths must be finite, positive and rising [A]; use from_lines")
    bad = ~(np.isfinite(weight) & (weight > 0))
    if bad.any():
        raise ValueError(f"{mask.name}: weight = {weight[bad][0]}, allowed: finite, above 0; drop the line")


def _folder() -> Path:
    found = find_spec("iCCF")
    if found is None or not found.submodule_search_locations:
        raise ValueError(
            "masks by name come with the package iccf, which is not installed; pip install 'dynamojax"
            "[velocities]' or 'iccf>=0.4.15', or give lines of your own: LineMask.from_lines, from_table"
        )
    return Path(next(iter(found.submodule_search_locations))) / "data"


def line_mask(name: str) -> LineMask:
    """A mask of the pipelines of HARPS, ESPRESSO, CORALIE or NIRPS, such as "HARPS_G2" or "NIRPS_M4".

    Names are INSTRUMENT_TYPE: F9, G2, G8, G9, K2, K6, M0, M2 to M5, for NIRPS G2, G6, G8, K4, K6, M1, M4.
    All the files give wavelengths in air, which they do not say: against synthetic spectra their lines lie
    within 1 km/s if taken so, 82 km/s off if not. Here they are in vacuum. They are where such stars show
    them, not where the laboratory does: in HARPS_G2 iron lines are some 0.3 km/s to the red. The weight of
    a line is the square of its contrast, as in ESPRESSO's pipeline.

    Raises:
        ValueError: iccf (MIT licence) is not installed, or has no such mask.
    """
    folder = _folder()
    path = folder / f"{name}.fits"
    if not path.exists():
        known = sorted(p.stem for p in folder.glob("*_*.fits") if "TELLURIC" not in p.stem)
        raise ValueError(f"name = {name!r} is no mask of iccf; allowed: {', '.join(known)}")
    table: Any = fits.getdata(path, 1)  # its stubs do not know what it holds
    wavelength, contrast = (np.asarray(table[column], dtype=np.float64) for column in _COLUMNS)
    return LineMask.from_lines(name, wavelength, contrast**2, medium="air")
