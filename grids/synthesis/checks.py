"""The synthesis against the Sun and against SMElib's own solver. Needs `dynamojax[build-spectra]`."""

from pathlib import Path

import numpy as np

from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.wavelengths import vacuum_from_air
from grids.synthesis import hydrogen, kernel, node, structures
from grids.synthesis.gas import MOLECULES, Library, microturbulence
from grids.synthesis.lines import Lines, merged

SUN = (5750.0, 4.5, 0.0)  # the nearest node; the Sun has 5772 K and 4.44
# Air wavelength [A], species, equivalent width at disc centre [mA]: Moore, Minnaert & Houtgast (1966), The
# solar spectrum 2935 A to 8770 A, NBS Monograph 61.
SOLAR = (
    (4501.278, "Ti+", 111.0),
    (5172.698, "Mg", 1259.0),
    (5183.619, "Mg", 1584.0),
    (5197.576, "Fe+", 80.0),
    (5232.952, "Fe", 346.0),
    (5250.216, "Fe", 62.0),
    (5528.418, "Mg", 293.0),
    (5688.217, "Na", 121.0),
    (5711.095, "Mg", 107.0),
    (5853.688, "Ba+", 55.0),
    (5889.973, "Na", 752.0),
    (5895.940, "Na", 564.0),
    (6122.226, "Ca", 222.0),
    (6162.180, "Ca", 222.0),
    (6416.928, "Fe+", 47.5),
)
WINDOWS = (
    (3930.0, 3970.0),
    (4300.0, 4315.0),
    (5165.0, 5195.0),
    (5885.0, 5900.0),
    (6540.0, 6590.0),
    (7050.0, 7075.0),
    (8530.0, 8560.0),
    (15700.0, 15720.0),
)
MODELS = ((5750.0, 4.5, 0.0), (4500.0, 4.5, 0.0), (3600.0, 4.5, 0.0))
_STEP = 1.0 / 300000.0


def _spectrum(folder: Path, label, lines: Lines | None, window, mu) -> tuple[np.ndarray, np.ndarray]:
    """Wavelength and intensities [n_mu, n] with the given lines, or of the continuum alone."""
    structure = structures.read(folder, *label)
    species = lines.species if lines else ["Fe"]  # SMElib wants a line at least
    library = Library(structure, microturbulence(*label[:2]), species, (3200.0, 18300.0))
    start, n = np.log(window[0]), int(np.log(window[1] / window[0]) / _STEP)
    grid = (start, _STEP, n)
    gas = library.gas(species) if lines else None
    total = node.smooth_opacity(library, grid, with_hydrogen=lines is not None)
    if lines:
        node.add_lines(total, structure, gas, lines, grid)
    out = np.empty((len(mu), n))
    kernel.emergent(total, structure.column, structure.temperature, start, _STEP, mu, 1, out)
    return np.exp(start + _STEP * np.arange(n)), out


def equivalent_widths(folder: Path) -> dict:
    """Single lines, no blends, at disc centre: synthesised and published [mA]."""
    table = merged(folder)
    result = {}
    for air, species, published in SOLAR:
        centre = float(vacuum_from_air(air))
        near = (abs(table.data[:, 0] - centre) < 0.08) & (table.which == table.species.index(species))
        some = Lines(table.data[near], table.species, table.which[near])
        window = (centre - 25.0, centre + 25.0)
        wavelength, one = _spectrum(folder, SUN, some, window, np.array([1.0]))
        none = Lines(table.data[:0], table.species, table.which[:0])
        _, zero = _spectrum(folder, SUN, none, window, np.array([1.0]))
        depth = 1.0 - one[0] / zero[0]
        core = abs(wavelength - centre) < 1.0
        result[f"{species} {air:.1f}"] = {
            "ours": round(1e3 * float(np.trapezoid(depth, wavelength)), 1),
            "ours within 1 A": round(1e3 * float(np.trapezoid(depth[core], wavelength[core])), 1),
            "Moore et al. 1966": published,
        }
    return result


def _smelib(structure, lines: Lines, wavelength, mu) -> tuple[np.ndarray, np.ndarray]:
    """Intensities and continuum of SMElib's own line opacities and solver, [n_mu, n]."""
    low, high = wavelength[0], wavelength[-1]
    some = lines.between(low - 25.0, high + 25.0)
    names = np.array(some.species)[some.which]
    d, ion = some.data, np.array([name.count("+") for name in names], float)
    waals = np.where(d[:, 6] > 0, d[:, 6] + d[:, 7], d[:, 5])
    rows = np.stack([np.full(len(d), 26.0), 1 + ion, *d[:, :3].T, np.log10(d[:, 3]), d[:, 4], waals], 1)
    strong = hydrogen.lines(low - 800.0, high + 1500.0)
    rows = np.concatenate([rows, strong])
    names = [n if n in MOLECULES else f"{n.rstrip('+')} {1 + n.count('+')}" for n in names]
    order = np.argsort(rows[:, 2], kind="stable")
    names = np.array(names + ["H 1"] * len(strong), "S8")[order]
    library = Library(structure, microturbulence(structure.teff, structure.logg), ["Fe"], (low, high))
    return library.solved(names, np.ascontiguousarray(rows[order].T), wavelength, mu)


def against_smelib(folder: Path) -> dict:
    """Normalised flux of the kernels over that of SMElib's solver: bins of 1/24,000."""
    table = merged(folder)
    mu, weight = quadrature_nodes(7)
    result = {}
    for label in MODELS:
        structure = structures.read(folder, *label)
        for window in WINDOWS:
            wavelength, ours = _spectrum(folder, label, table, window, mu)
            _, continuum = _spectrum(folder, label, None, window, mu)
            theirs, their_continuum = _smelib(structure, table, wavelength, mu)
            n = len(wavelength) // 12 * 12
            a, b, c, d = (
                (weight @ x)[:n].reshape(-1, 12).mean(1) for x in (ours, continuum, theirs, their_continuum)
            )
            ratio = (a / b) / (c / d)
            result[f"{label[0]:.0f} K, {window[0]:.0f} A"] = {
                "continuum": round(float(np.median(b / d)), 4),
                "mean": round(float((a / b).mean() / (c / d).mean()), 4),
                "rms": round(float(ratio.std()), 4),
                "rms where above 0.3": round(float(ratio[c / d > 0.3].std()), 4),
            }
    return result
