"""The gas of a model atmosphere by SMElib (Piskunov & Valenti 2017, A&A 597, A16; through pysme).

Ionisation and molecular equilibrium, continuous opacity, and the opacity of the hydrogen lines.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from grids.synthesis import hydrogen
from grids.synthesis.structures import Structure

_BOLTZMANN = 1.380649e-16  # [erg/K]
_DALTON = 1.66053907e-24  # [g]
# The atmosphere is that of MARCS, so every continuous opacity of SMElib is on but those of hot stars.
_OPACITIES = np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0], np.int16)
_MASSES = (
    "H 1.008 He 4.0026 Li 6.94 Be 9.0122 B 10.81 C 12.011 N 14.007 O 15.999 F 18.998 Ne 20.18 Na 22.99 "
    "Mg 24.305 Al 26.982 Si 28.085 P 30.974 S 32.06 Cl 35.45 Ar 39.948 K 39.098 Ca 40.078 Sc 44.956 "
    "Ti 47.867 V 50.942 Cr 51.996 Mn 54.938 Fe 55.845 Co 58.933 Ni 58.693 Cu 63.546 Zn 65.38 Ga 69.723 "
    "Ge 72.63 As 74.922 Se 78.971 Br 79.904 Kr 83.798 Rb 85.468 Sr 87.62 Y 88.906 Zr 91.224 Nb 92.906 "
    "Mo 95.95 Ru 101.07 Rh 102.91 Pd 106.42 Ag 107.87 Cd 112.41 In 114.82 Sn 118.71 Sb 121.76 "
    "Te 127.6 Xe 131.29 Cs 132.91 Ba 137.33 La 138.91 Ce 140.12 Pr 140.91 Nd 144.24 Sm 150.36 Eu 151.96 "
    "Gd 157.25 Tb 158.93 Dy 162.5 Ho 164.93 Er 167.26 Tm 168.93 Yb 173.05 Lu 174.97 Hf 178.49 "
    "Ta 180.95 W 183.84 Re 186.21 Os 190.23 Ir 192.22 Pt 195.08 Au 196.97 Hg 200.59 Tl 204.38 "
    "Pb 207.2 Bi 208.98 Th 232.04 U 238.03"
).split()
MASS = dict(zip(_MASSES[::2], map(float, _MASSES[1::2]), strict=True))
MOLECULES = {
    "TiO": ("Ti", "O"),
    "MgH": ("Mg", "H"),
    "CH": ("C", "H"),
    "CN": ("C", "N"),
    "CO": ("C", "O"),
    "NH": ("N", "H"),
    "OH": ("O", "H"),
    "SiH": ("Si", "H"),
}


def mass_of(species: str) -> float:
    """Mass of an atom, ion or molecule. [Da]"""
    return sum(MASS[atom] for atom in MOLECULES.get(species, (species.rstrip("+"),)))


def microturbulence(teff: float, logg: float) -> float:
    """Adopted microturbulence [km/s]: 1 for the Sun and cooler dwarfs, more in hot and in large stars.

    1 + 0.4 (4.5 - logg) + 0.4 per 1000 K above 5750 K, at most 2.2: a smooth rendering of the trend that
    abundance work finds (e.g. Bruntt et al. 2012, MNRAS 423, 122), not a fit.
    """
    larger = 0.4 * max(4.5 - logg, 0.0)
    hotter = 0.4 * max(teff - 5750.0, 0.0) / 1000.0
    return min(1.0 + larger + hotter, 2.2)


@dataclass(frozen=True)
class Gas:
    """State of the gas, ready for `kernel.add_lines`.

    Attributes:
        population: N / Q per gram of every species, shape (n_species, n_layer).
        doppler: Doppler width b. [cm/s]
        mass: Of one particle of each species. [g]
        electrons: [1/cm3]
        neutrals: Hydrogen atoms, helium and H2 weighted by polarizability. [1/cm3]
    """

    population: np.ndarray
    doppler: np.ndarray
    mass: np.ndarray
    electrons: np.ndarray
    neutrals: np.ndarray


class Library:
    """One model atmosphere loaded into SMElib."""

    def __init__(
        self, structure: Structure, turbulence: float, species: list[str], wavelengths: tuple[float, float]
    ):
        from pysme.sme_synth import SME_DLL
        from pysme.smelib import _smelib

        self.structure, self._dll, self._lib = structure, SME_DLL(), _smelib
        self.turbulence = turbulence
        self._range = wavelengths
        self._all = _line_list(species, wavelengths[0])
        self._load(*self._all)

    def _load(self, names: np.ndarray, rows: np.ndarray, layers=slice(None)) -> None:
        """Everything again: SMElib keeps no memory of the gas when the lines change."""
        s, lib = self.structure, self._lib
        lib.InputLineList(names, rows)
        lib.InputWaveRange(*self._range)
        lib.SetVWscale(1.0)
        self._dll.SetH2broad(True)
        vectors = [x[layers] for x in (s.column, s.temperature, s.electrons, s.atoms, s.density)]
        vectors.append(np.full(len(vectors[0]), self.turbulence))
        lib.InputModel(s.teff, s.logg, 5000.0, "RHOX", _OPACITIES, *vectors)
        lib.InputAbund(_sme_abundances(s.abundances))
        lib.Ionization(0)
        lib.Opacity()

    def gas(self, species: list[str]) -> Gas:
        """Populations, widths and perturbers."""
        s = self.structure
        mass = np.array([mass_of(name) for name in species]) * _DALTON
        population = np.stack([self._dll.GetFraction(name, 2) for name in species]) / s.density
        thermal = 2.0 * _BOLTZMANN * s.temperature / mass[:, None]
        number = {name: self._dll.GetFraction(name, 0) for name in ("H", "He", "H2")}
        return Gas(
            population=np.ascontiguousarray(np.maximum(population, 0.0)),
            doppler=np.sqrt(thermal + (1e5 * self.turbulence) ** 2),
            mass=mass,
            electrons=s.electrons,
            neutrals=number["H"] + 0.42 * number["He"] + 0.85 * number["H2"],
        )

    def continuum(self, wavelength: np.ndarray) -> np.ndarray:
        """Continuous opacity, scattering included, shape (n_wavelength, n_layer). [cm2/g]"""
        return np.stack([self._dll.GetContinuumOpacityComponents(float(w))[2] for w in wavelength])

    def hydrogen_lines(self, wavelength: np.ndarray) -> np.ndarray:
        """Opacity of the hydrogen lines, shape (n_wavelength, n_layer). [cm2/g]."""
        every = np.arange(len(self.structure.temperature))
        some = np.union1d(every[::2], every[-1])  # smooth in depth, and costly
        values = np.empty((len(wavelength), len(some)))
        for low, high, table in hydrogen.windows():
            mine = np.flatnonzero((wavelength >= low) & (wavelength < high))
            if len(mine) == 0:
                continue
            self._load(np.full(len(table), "H 1", "S8"), np.ascontiguousarray(table.T), some)
            # A call of the solver prepares the lines.
            self._dll.Transf(np.array([1.0]), wave=wavelength[mine[:2]], accrt=1e-4, accwi=3e-3)
            for i in mine:
                values[i] = self._dll.GetLineOpacity(float(wavelength[i]))[0]
        self._load(*self._all)
        return np.exp(CubicSpline(some, np.log(np.maximum(values, 1e-20)), axis=1)(every))

    def solved(self, names: np.ndarray, rows: np.ndarray, wavelength: np.ndarray, mu: np.ndarray):
        """Intensities and continuum by SMElib's own line opacities and solver, [n_mu, n_wavelength]."""
        self._load(names, rows)
        _, _, line, continuum = self._dll.Transf(mu, wave=wavelength.copy(), accrt=1e-5, accwi=3e-3)
        return line, continuum


def _line_list(species: list[str], low: float):
    """One line of no strength per species: SMElib knows the species of its lines only."""
    weak = np.tile([26.0, 1.0, low + 1.0, 1.0, -30.0, 8.0, -6.0, -7.5], (len(species), 1))
    names = [name if name in MOLECULES else f"{name.rstrip('+')} {1 + name.count('+')}" for name in species]
    return np.array(names, dtype="S8"), np.ascontiguousarray(weak.T)


def _sme_abundances(abundances: np.ndarray) -> np.ndarray:
    """Hydrogen as a fraction of all nuclei, the others as log10 of theirs, -99 for none."""
    share = np.where(abundances > -90.0, 10.0 ** (abundances - 12.0), 0.0)
    share /= share.sum()
    packed = np.full(99, -99.0)
    packed[: len(share)] = np.log10(np.maximum(share, 1e-99))
    packed[0] = share[0]
    return packed
