"""Reading one file of specific intensities: [n_mu, n_wavelength], mu in the second HDU.

The wavelengths are those of the header (CRVAL1, CDELT1, CRPIX1, CTYPE1), 1 A apart from 500 to 25999 A in
the library's own files; the intensities of a block are read when they are asked for.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

_LOG_KINDS = {"log10": ("LOGLAM", "LOG10", "WAVE-LOG10"), "ln": ("WAVE-LOG", "LOG", "LN", "LOGLAMBDA")}
_ANGSTROM = {"": 1.0, "angstrom": 1.0, "a": 1.0, "nm": 10.0, "um": 1e4, "micron": 1e4, "cm": 1e8}
_LABELS = {"PHXTEFF": "teff", "PHXLOGG": "logg", "PHXM_H": "feh", "PHXALPHA": "alpha"}


@dataclass(frozen=True)
class SpecInt:
    """An open file.

    Attributes:
        path: Its name.
        mu: Cosines of the heliocentric angle on the outermost sphere, increasing. [1]
        edges: Edges of the wavelength samples, one more than samples, in vacuum. [A]
        labels: teff [K], logg, feh, alpha [dex], as far as the header has them.
    """

    path: Path
    mu: np.ndarray
    edges: np.ndarray
    labels: dict[str, float]
    _image: Any
    _order: np.ndarray
    _factor: float

    def block(self, start: int, stop: int) -> np.ndarray:
        """Intensities [n_mu, stop - start], rows by increasing mu, float64. [erg/s/cm2/A/sr]"""
        return self._image[:, start:stop].astype(np.float64)[self._order] * self._factor


def _damaged(path: Path, why: object) -> ValueError:
    return ValueError(
        f"{path} is not a readable file of specific intensities ({why}); delete it, fetch again"
    )


@contextmanager
def open_specint(path: str | Path) -> Iterator[SpecInt]:
    """Open a file, having checked that all of it is there and of the right form.

    Raises:
        ValueError: naming the file, what is wrong and what to do.
    """
    path = Path(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # astropy's warnings of cut files; their sizes are checked below
        try:
            opened = fits.open(path, memmap=True, lazy_load_hdus=False)
        except (OSError, ValueError, TypeError, IndexError) as error:
            raise _damaged(path, error) from None
        with opened as hdus:
            try:
                content = _content(path, hdus)
            except (KeyError, IndexError, TypeError, AttributeError, OSError, fits.VerifyError) as error:
                raise _damaged(path, f"{type(error).__name__}: {error}") from None
            yield content


def _content(path: Path, hdus: Any) -> SpecInt:
    size = path.stat().st_size
    for hdu in hdus:
        info: Any = hdu.fileinfo()
        if info["datLoc"] + info["datSpan"] > size:
            raise _damaged(path, f"{size} bytes, {info['datLoc'] + info['datSpan']} expected")
    if len(hdus) < 2:
        raise _damaged(path, "no second HDU, which holds mu")
    image: Any = hdus[0]
    mu = np.asarray(hdus[1].data, dtype=np.float64).ravel()
    shape = tuple(image.header[f"NAXIS{i}"] for i in range(image.header["NAXIS"], 0, -1))
    if len(shape) != 2 or shape[0] != mu.size or mu.size < 4 or shape[1] < 2:
        raise _damaged(path, f"intensities of shape {shape} with {mu.size} values of mu")
    if not (
        np.isfinite(mu).all() and mu.min() >= 0 and mu.max() <= 1 + 1e-9 and np.unique(mu).size == mu.size
    ):
        raise _damaged(path, "values of mu that are not distinct and in [0, 1]")
    order = np.argsort(mu)
    header = image.header
    labels = {name: float(header[key]) for key, name in _LABELS.items() if key in header}
    edges, factor = _edges(path, header, shape[1]), _per_angstrom(path, header)
    return SpecInt(path, np.minimum(mu[order], 1.0), edges, labels, image.data, order, factor)


def _edges(path: Path, header: fits.Header, n: int) -> np.ndarray:
    """Edges of the samples from the header's linear or logarithmic axis. [A]"""
    pixel = np.arange(n + 1) + 0.5 - float(header.get("CRPIX1", 1.0))
    axis = float(header["CRVAL1"]) + float(header["CDELT1"]) * pixel
    kind = str(header.get("CTYPE1", "WAVE")).strip().upper()
    if kind in _LOG_KINDS["log10"]:
        axis = 10.0**axis
    elif kind in _LOG_KINDS["ln"]:
        axis = np.exp(axis)
    elif kind not in ("WAVE", "WAVELENGTH", "LAMBDA", "LINEAR", ""):
        raise _damaged(
            path, f"CTYPE1 = {kind!r}; WAVE and {', '.join(sum(_LOG_KINDS.values(), ()))} are known"
        )
    unit = str(header.get("CUNIT1", "")).strip().lower()
    if unit not in _ANGSTROM:
        raise _damaged(path, f"CUNIT1 = {unit!r}")
    axis = axis * _ANGSTROM[unit]
    if not (axis[0] > 0 and np.all(np.diff(axis) > 0)):
        raise _damaged(path, f"wavelengths from {axis[0]:g} to {axis[-1]:g} A do not increase from above 0")
    return axis


def _per_angstrom(path: Path, header: fits.Header) -> float:
    """Factor to erg/s/cm2/A/sr: the library's own unit is erg/s/cm2/cm/sr."""
    unit = str(header.get("BUNIT", "")).lower().replace("**", "").replace("^", "").replace(" ", "")
    if not unit:
        return 1e-8
    if "erg" not in unit or "cm2" not in unit.replace("cm-2", "cm2"):
        raise _damaged(path, f"BUNIT = {header['BUNIT']!r}; erg/s/cm2/cm/sr is expected")
    rest = unit.replace("cm-2", "").replace("cm2", "")
    if "angstrom" in rest or rest.replace("/sr", "").replace("sr-1", "").endswith(("/a", "a-1")):
        return 1.0
    if "/cm" in rest or "cm-1" in rest:
        return 1e-8
    raise _damaged(path, f"BUNIT = {header['BUNIT']!r}; erg/s/cm2/cm/sr is expected")
