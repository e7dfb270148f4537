"""ATLAS9 fluxes: Castelli & Kurucz's text files, one a metallicity, and STScI's FITS tables, one a teff.

Text (fp00k2odfnew.pck): a header, the wavelengths in nm, then for each model a line with TEFF and GRAVITY,
its fluxes H_nu in erg/s/cm2/Hz/sr and as many of the continuum, all in columns of ten characters.
FITS (ckp00_5750.fits): wavelength in A and a column for each gravity with the surface flux in
erg/s/cm2/A; zeros where there is no model.
Metallicities are in the names; models enhanced in alpha elements (fp00ak2...) are left out. At this
resolution air and vacuum make no difference.
"""

import re
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from dynamojax.atmosphere.building import Node
from dynamojax.atmosphere.libraries.samples import damaged, samples

PATTERN = "fp00k2odfnew.pck or ckp00_5750.fits"
_TEXT = re.compile(r"f([pm])(\d\d)(?:k\d.*)?\.pck")
_FITS = re.compile(r"c?k([pm])(\d\d)_(\d+)\.fits")
_HEAD = re.compile(r"TEFF\s+(\d+\.?\d*)\s+GRAVITY\s+(\d+\.?\d*)")
_LIGHT = 2.99792458e18  # [A/s]
_WIDTH = 10


def find(folder: Path) -> Mapping[Node, Path]:
    """Models of both kinds of files; those of text where a model is in both.

    Raises:
        ValueError: one of the files is damaged.
    """
    found = {}
    for path in sorted(folder.rglob("*.fits")):
        name = _FITS.fullmatch(path.name)
        if name is not None:
            for logg in _columns(path):
                found[float(name[3]), logg, _metallicity(name)] = path
    for path in sorted(folder.rglob("*.pck")):
        name = _TEXT.fullmatch(path.name)
        if name is not None:
            found |= {(teff, logg, _metallicity(name)): path for teff, logg in _models(path)[1]}
    return found


def _metallicity(name: re.Match) -> float:
    return int(name[2]) / (-10.0 if name[1] == "m" else 10.0) + 0.0


def read(node: Node, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Edges [A] and surface flux [erg/s/cm2/A].

    Raises:
        ValueError: damaged.
    """
    teff, logg, _ = node
    if path.suffix == ".fits":
        table = _table(path)
        wavelength, flux = np.asarray(table["WAVELENGTH"], float), _columns(path)[logg]
    else:
        wavelength, fluxes = _models(path)
        flux = 4.0 * np.pi * _LIGHT / wavelength**2 * fluxes[teff, logg]
    return samples(path, wavelength, flux)


@lru_cache(maxsize=8)
def _table(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            opened: Any = fits.open(path, memmap=False)
            with opened as hdus:
                table = hdus[1].data
                return {name.upper(): np.asarray(table[name], float) for name in table.names}
        except (OSError, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
            raise damaged(path, error) from None


def _columns(path: Path) -> dict[float, np.ndarray]:
    table = _table(path)
    if "WAVELENGTH" not in table:
        raise damaged(path, "no column WAVELENGTH")
    gravities = {name: values for name, values in table.items() if re.fullmatch(r"G\d\d", name)}
    return {int(name[1:]) / 10.0: values for name, values in gravities.items() if values.any()}


@lru_cache(maxsize=24)
def _models(path: Path) -> tuple[np.ndarray, dict[tuple[float, float], np.ndarray]]:
    """Wavelengths [A] and, by teff and logg, H_nu of all models of a file. [erg/s/cm2/Hz/sr]"""
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
        heads = [i for i, line in enumerate(lines) if _HEAD.search(line)]
        begin = heads[0]
        while begin > 0 and _is_numbers(lines[begin - 1]):
            begin -= 1
        wavelength = _fields(lines[begin : heads[0]])
        models, n = {}, wavelength.size
        for start, stop in zip(heads, [*heads[1:], len(lines)], strict=True):
            head = _HEAD.search(lines[start])
            values = _fields(lines[start + 1 : stop])
            # Fluxes alone, or the continuum's as well; anything else was cut.
            if head is None or wavelength.size == 0 or values.size not in (n, 2 * n):
                raise ValueError(f"{values.size} fluxes, {n} or {2 * n} expected, after line {start + 1}")
            models[float(head[1]), float(head[2])] = values[:n]
    except (OSError, ValueError, IndexError) as error:
        raise damaged(path, error) from None
    return 10.0 * wavelength, models


def _is_numbers(line: str) -> bool:
    try:
        return _fields([line]).size > 0
    except ValueError:
        return False


def _fields(lines: Iterable[str]) -> np.ndarray:
    """Numbers in columns of ten characters, which may touch; of words where that fails."""
    found: list[float] = []
    for line in lines:
        line = line.rstrip()
        words = [line[i : i + _WIDTH] for i in range(0, len(line), _WIDTH)]
        try:
            found += [float(word) for word in words]
        except ValueError:
            found += [float(word) for word in line.split()]
    return np.array(found)
