"""MARCS model atmospheres (Gustafsson et al. 2008, A&A 486, 951) as packed by roland.

They are the standard-composition models of the APOGEE grid: scaled solar (Grevesse, Asplund & Sauval 2007),
[alpha/Fe] = 0 at every [Fe/H]. From logg 3.5 up plane-parallel with 1 km/s, below spherical (1 M_sun) with
2 km/s of microturbulence in the structure.
"""

import gzip
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

_BOLTZMANN = 1.380649e-16  # [erg/K]


@dataclass(frozen=True)
class Structure:
    """One model atmosphere, from the top down.

    Attributes:
        name: Of the MARCS file.
        teff, logg, feh: Labels. [K], [dex]
        column: Mass column. [g/cm2]
        temperature: [K]
        electrons: Number density. [1/cm3]
        atoms: Number density of all other particles. [1/cm3]
        density: [g/cm3]
        log_tau: Log10 of the Rosseland optical depth.
        abundances: Log10 of number densities, H = 12, of elements 1 to 92; -99 is none.
    """

    name: str
    teff: float
    logg: float
    feh: float
    column: np.ndarray
    temperature: np.ndarray
    electrons: np.ndarray
    atoms: np.ndarray
    density: np.ndarray
    log_tau: np.ndarray
    abundances: np.ndarray


@lru_cache(maxsize=1)
def _packed(folder: Path):
    from astropy.io import fits

    with fits.open(folder / "roland/atmos/marcs_index.fits") as file:
        index = file[1].data
        table = {key: np.asarray(index[key]) for key in ("nlines", "teff", "logg", "metal", "alpha")}
    with gzip.open(folder / "roland/atmos/marcs_data.txt.gz", "rt") as file:
        lines = file.read().split("\n")
    return table, np.concatenate([[0], np.cumsum(table["nlines"])]), lines


def read(folder: Path, teff: float, logg: float, feh: float) -> Structure | None:
    """The model with these labels and [alpha/Fe] = 0, or None where there is none."""
    table, start, lines = _packed(folder)
    near = (abs(table["teff"] - teff) < 1) & (abs(table["logg"] - logg) < 0.01)
    near &= (abs(table["metal"] - feh) < 0.01) & (abs(table["alpha"]) < 0.01)
    if not near.any():
        return None
    chosen = np.flatnonzero(near)[-1]
    return _parsed(lines[start[chosen] : start[chosen + 1]], teff, logg, feh)


def _parsed(text: list[str], teff: float, logg: float, feh: float) -> Structure:
    at = next(i for i, line in enumerate(text) if "Number of depth" in line)
    n = int(text[at].split()[0])
    first = np.array([line.split() for line in text[at + 3 : at + 3 + n]], float)
    second = np.array([line.split() for line in text[at + 4 + n : at + 4 + 2 * n]], float)
    temperature, electron_pressure, gas_pressure = first[:, 4], first[:, 5], first[:, 6]
    return Structure(
        name=text[0].strip(),
        teff=teff,
        logg=logg,
        feh=feh,
        column=second[:, 7],
        temperature=temperature,
        electrons=electron_pressure / (_BOLTZMANN * temperature),
        atoms=(gas_pressure - electron_pressure) / (_BOLTZMANN * temperature),
        density=second[:, 3],
        log_tau=first[:, 1],
        abundances=np.array(" ".join(text[at - 10 : at]).split(), float),
    )
