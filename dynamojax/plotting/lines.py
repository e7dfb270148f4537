"""Lines worth a name in the spectra of cool stars: wavelengths in vacuum, for the marks of figures."""

from typing import NamedTuple

import numpy as np

_R_H = 1.09677583e-3  # [1/A] Rydberg constant of hydrogen, for vacuum: CODATA 2018, reduced mass


def _hydrogen(low: int, high: int) -> float:
    """Wavelength of the transition between two levels, in vacuum; fine structure left out. [A]"""
    return 1.0 / (_R_H * (low**-2 - high**-2))


class LineMark(NamedTuple):
    """A line, a multiplet or a band head with one name.

    Attributes:
        name: As a figure writes it.
        wavelengths: Of its members, in vacuum. [A]
        priority: Where there is room for one name only, the lowest is written.
    """

    name: str
    wavelengths: tuple[float, ...]
    priority: int = 1


# Atoms: NIST Atomic Spectra Database 5 (Kramida et al.), wavelengths in vacuum. APOGEE's: lines that Smith et
# al. (2013, ApJ 765, 16) measure, taken into vacuum. Bands: middle of CH A-X (Fraunhofer's G), heads of TiO
# alpha, gamma' and gamma of Pearse & Gaydon (1976), taken into vacuum.
MARKS = (
    LineMark("Ca II K, H", (3934.777, 3969.591), 0),
    LineMark("Hδ", (4102.892,), 2),
    LineMark("Ca I", (4227.918,), 2),
    LineMark("G band", (4305.6,), 0),
    LineMark("Hγ", (4341.684,), 2),
    LineMark("Hβ", (4862.683,), 0),
    LineMark("TiO", (4955.7,), 3),
    LineMark("Mg b", (5168.761, 5174.125, 5185.048), 0),
    LineMark("Na D", (5891.583, 5897.558), 0),
    LineMark("TiO", (6160.3,), 3),
    LineMark("Hα", (6564.61,), 0),
    LineMark("Li I", (6709.7,), 2),
    LineMark("TiO", (7056.1,), 1),
    LineMark("K I", (7667.009, 7701.084), 2),
    LineMark("Na I", (8185.506, 8197.077), 2),
    LineMark("Ca II triplet", (8500.36, 8544.44, 8664.52), 0),
    LineMark("K I", (15167.21, 15172.52), 1),
    *(LineMark(f"Br {n}", (_hydrogen(4, n),), 0) for n in (16, 15, 14, 13, 12, 11)),
    LineMark("Mg I", (15745.0, 15753.2, 15770.1), 0),
    LineMark("Si I", (15964.42,), 1),
    LineMark("Si I", (16099.18,), 2),
    LineMark("Ca I", (16201.5,), 2),
    LineMark("Si I", (16685.33,), 2),
    LineMark("Al I", (16723.52, 16755.14, 16767.94), 0),
)


def marks_within(low: float | int, high: float | int, doppler: float | int = 1.0) -> list[LineMark]:
    """Marks with members between two wavelengths, with these members only, rising.

    Args:
        low: [A]
        high: [A]
        doppler: Wavelength seen over wavelength emitted; the marks are as seen.
    """
    found = []
    for mark in MARKS:
        seen = tuple(w * doppler for w in mark.wavelengths if low <= w * doppler <= high)
        if seen:
            found.append(mark._replace(wavelengths=seen))
    return sorted(found, key=lambda mark: mark.wavelengths[0])


def placed(marks: list[LineMark], room: float | int) -> list[tuple[LineMark, float]]:
    """Which names are written and where, so that any two are apart by `room` [A].

    Names of the lowest priority come first; those that do not fit are left out, their marks stay.
    """
    taken: list[tuple[LineMark, float]] = []
    for mark in sorted(marks, key=lambda m: m.priority):
        at = float(np.mean(mark.wavelengths))
        if all(abs(at - other) >= room for _, other in taken):
            taken.append((mark, at))
    return sorted(taken, key=lambda pair: pair[1])
