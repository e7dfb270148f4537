"""BT-Settl fluxes as text, plain or compressed.

Columns: wavelength in vacuum in A, log10 flux in erg/s/cm2/cm (with Fortran's D exponents, columns that may
touch, and in no order); files of the Spanish Virtual Observatory (.dat or .txt) have the flux per A as it is.
"""

import bz2
import gzip
import lzma
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dynamojax.atmosphere.building import Node
from dynamojax.atmosphere.libraries.samples import damaged, samples

PATTERN = "lte058.0-4.5-0.0a+0.0.BT-Settl.spec.7, plain, .gz, .bz2, .xz, or .dat.txt"
_NAME = re.compile(r"lte(\d{3}(?:\.\d)?)-(\d\.\d+)([+-]\d\.\d)(?:a([+-]\d\.\d))?\.BT-.*\.spec\.7")
_OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_TOUCHING = re.compile(r"(?<=\d)(?=[+-]\d)")


def find(folder: Path) -> Mapping[Node, Path]:
    """Models of every abundance of alpha elements, which BT-Settl ties to [Fe/H]; the lower one of two."""
    found = {}
    for path in sorted(folder.rglob("lte*.BT-*.spec.7*"), key=lambda p: _alpha(p), reverse=True):
        match = _NAME.match(path.name)
        if match is not None:
            found[100.0 * float(match[1]), float(match[2]), float(match[3]) + 0.0] = path
    return found


def _alpha(path: Path) -> float:
    match = _NAME.match(path.name)
    return float(match[4] or 0.0) if match else 0.0


def read(node: Node, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Edges [A] and surface flux [erg/s/cm2/A].

    Raises:
        ValueError: damaged.
    """
    linear = path.suffix in (".dat", ".txt")
    try:
        with _OPENERS.get(path.suffix, open)(path, "rt") as file:
            lines = [line for line in file if line.strip() and not line.startswith("#")]
        if not lines or not lines[-1].endswith("\n"):
            raise ValueError("its last line is not complete")
        rows = [_numbers(line) for line in lines]
        table = np.array(rows, dtype=np.float64)
    except (OSError, EOFError, ValueError, lzma.LZMAError) as error:
        raise damaged(path, error) from None
    if table.ndim != 2:
        raise damaged(path, "no table")
    return samples(path, table[:, 0], table[:, 1] if linear else 10.0 ** (table[:, 1] - 8.0))


def _numbers(line: str) -> list[float]:
    """The first two numbers."""
    words = line.replace("D", "E").split(maxsplit=3)
    try:
        return [float(words[0]), float(words[1])]
    except (ValueError, IndexError):
        words = _TOUCHING.sub(" ", line.replace("D", "E")).split(maxsplit=3)
        if len(words) < 2:
            raise ValueError(f"a line of {len(words)} columns: {line[:40]!r}") from None
        return [float(words[0]), float(words[1])]
