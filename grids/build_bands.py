"""Build dynamojax/data/bands.h5: absolute band intensities of PHOENIX models with published limb darkening.

    python -m grids.build_bands

Flux: the band means of astroariadne's PHOENIX table. UBVRI, CHEOPS and PLATO, which it lacks, are integrated
over smooth spectra that reproduce its other bands (`grids.spectra`), and so is the step of Kepler and TESS
from the table's detector of energy to one of photons. The table gives the flux through the outermost layer
of spherical models; a grey factor brings it to the radius where teff is defined (`spectra.extension`).
Limb darkening: `grids.shapes`. The product keeps the flux of every band exactly.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import h5py
import numpy as np

from dynamojax.atmosphere.bands import (
    VEGA_LN_WAVELENGTH,
    ab_zero_point,
    band_weights,
    log_band_mean,
    pivot_wavelength,
)
from dynamojax.atmosphere.grid import FORMAT, FORMAT_VERSION
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from grids import sources, spectra
from grids.shapes import TABLES, Shapes

TARGET = Path(__file__).parents[1] / "dynamojax/data/bands.h5"
N_MU = 8
# Steps of storage: 2e-4 in ln of the shape (the flux is stored apart, in float32) and 1e-3 in ln of spectra.
SHAPE_STEP, SPECTRUM_STEP = 2e-4, 1e-3
# band of the grid: pyphot's name, which is also the table's. UBVRI come from speclite, because the table's
# Johnson filters are those of one observatory; CHEOPS and PLATO from pycheops.
PYPHOT = {
    "kepler": "KEPLER_Kp",
    "tess": "TESS",
    "gaia_g": "GaiaDR2v2_G",
    "gaia_bp": "GaiaDR2v2_BP",
    "gaia_rp": "GaiaDR2v2_RP",
    **{f"sdss_{b}": f"SDSS_{b}" for b in "ugriz"},
    "2mass_j": "2MASS_J",
    "2mass_h": "2MASS_H",
    "2mass_ks": "2MASS_Ks",
}
# Counted in photons whatever the label of the curve: CCDs whose response is electrons per photon.
PHOTON = ("kepler", "tess", "cheops", "plato")


def read_filters(folder: Path) -> dict:
    """Wavelength [A], throughput (peak 1) and photon counting of every band of the grid."""
    filters = {}
    for band in TABLES:
        if band in PYPHOT:
            wavelength, throughput, photon = sources.read_filter(folder, PYPHOT[band])
        elif band.startswith(("johnson", "cousins")):
            (wavelength, throughput), photon = sources.read_bessell(folder, band[-1].upper()), False
        else:
            (wavelength, throughput), photon = sources.read_response(folder, band.upper()), True
        keep = throughput > 1e-4 * throughput.max()
        keep = slice(max(np.argmax(keep) - 1, 0), len(keep) - np.argmax(keep[::-1]) + 1)
        wavelength, throughput = _thinned(wavelength[keep], throughput[keep] / throughput.max())
        filters[band] = wavelength, throughput, photon or band in PHOTON
    return filters


def _thinned(wavelength, throughput, n=400):
    if len(wavelength) <= n:
        return wavelength, throughput
    at = np.linspace(wavelength[0], wavelength[-1], n)
    return at, np.interp(at, wavelength, throughput)


def smooth_spectra(folder: Path, names, nodes, flux) -> np.ndarray:
    """Ln of smooth spectra of every node, from all bands with a known filter curve."""
    known = sources.filter_names(folder)
    optical = [b for b in names if b.lower() in known and not b.startswith("GALEX")]
    ln_spectra = np.empty((len(nodes), len(spectra.LN_WAVELENGTH)))
    hot = nodes[:, 0] >= 6000  # cooler models have no ultraviolet worth fitting
    for chosen, use in ((~hot, optical), (hot, ["GALEX_FUV", "GALEX_NUV", *optical])):
        curves = [sources.read_filter(folder, b) for b in use]
        weights = np.stack([band_weights(spectra.LN_WAVELENGTH, *curve) for curve in curves])
        ln_bands = np.log(flux[chosen][:, [names.index(b) for b in use]])
        ln_spectra[chosen] = spectra.fit(weights, ln_bands, nodes[chosen, 0])
    return ln_spectra


def band_fluxes(filters, names, flux, spectra_ln):
    """Surface flux of every node and band, shape (n, n_bands). [erg/s/cm2/A]."""
    columns = []
    for band, (wavelength, throughput, photon) in filters.items():
        weights = band_weights(spectra.LN_WAVELENGTH, wavelength, throughput, photon)
        ln_mean = log_band_mean(weights[None], spectra_ln)[:, 0]
        if band in PYPHOT:
            ln_table = np.log(flux[:, names.index(PYPHOT[band])])
            if band not in PHOTON:
                ln_mean = ln_table
            else:  # only the small step from energy to photons is taken from the smooth spectrum
                energy = band_weights(spectra.LN_WAVELENGTH, wavelength, throughput, False)
                ln_mean = ln_table + ln_mean - log_band_mean(energy[None], spectra_ln)[:, 0]
        columns.append(np.exp(ln_mean))
    return np.stack(columns, axis=1)


def vega_fluxes(folder: Path, filters) -> np.ndarray:
    """Band means of Vega's flux at Earth. [erg/s/cm2/A]."""
    at, vega = sources.read_spectrum(folder, "alpha_lyr_stis_011")
    means = []
    for wavelength, throughput, photon in filters.values():
        inside = (at > wavelength[0]) & (at < wavelength[-1])
        fine = np.union1d(at[inside], wavelength)
        weight = np.interp(fine, wavelength, throughput) * (fine if photon else 1.0)
        means.append(np.trapezoid(weight * np.interp(fine, at, vega), fine) / np.trapezoid(weight, fine))
    return np.array(means)


def _binned_vega(folder: Path) -> np.ndarray:
    """Vega's flux at Earth at VEGA_LN_WAVELENGTH, means over its bins. [erg/s/cm2/A]."""
    at, vega = sources.read_spectrum(folder, "alpha_lyr_stis_011")
    half = 0.5 * (VEGA_LN_WAVELENGTH[1] - VEGA_LN_WAVELENGTH[0])
    edges = np.exp(np.append(VEGA_LN_WAVELENGTH - half, VEGA_LN_WAVELENGTH[-1] + half))
    fine = np.union1d(at, edges)
    steps = 0.5 * np.diff(fine) * (lambda f: f[1:] + f[:-1])(np.interp(fine, at, vega))
    integral = np.concatenate([[0.0], np.cumsum(steps)])[np.searchsorted(fine, edges)]
    return (np.diff(integral) / np.diff(edges)).astype(np.float32)


def _packed(values: np.ndarray, step: float) -> np.ndarray:
    """Values as int16 multiples of a step."""
    counts = np.rint(values / step)
    if np.abs(counts).max() > np.iinfo(np.int16).max:
        raise ValueError(
            f"values reach {np.abs(values).max()}, more than int16 holds in steps of {step}; widen it"
        )
    return counts.astype(np.int16)


def build(folder: Path) -> dict:
    """Every array of the file, from the unpacked sources in `folder`."""
    names, nodes, flux = sources.read_phoenix(folder)
    filters = read_filters(folder)
    ln_spectra = smooth_spectra(folder, names, nodes, flux)
    extension = spectra.extension(ln_spectra, nodes)[:, None]
    published = (ln_spectra - extension)[:, spectra.PUBLISHED]
    pivots = {band: pivot_wavelength(*curve) for band, curve in filters.items()}
    mu, weight = quadrature_nodes(N_MU)
    shapes = Shapes(folder, mu, weight, pivots)
    axes = [np.unique(nodes[:, k]) for k in range(3)]
    return {
        "teff": axes[0],
        "logg": axes[1],
        "feh": axes[2],
        "mu": mu,
        "node": np.stack([np.searchsorted(axes[k], nodes[:, k]) for k in range(3)], 1).astype(np.uint8),
        "bands": list(filters),
        "flux": (band_fluxes(filters, names, flux, ln_spectra) / np.exp(extension)).astype(np.float32),
        "shape": _packed(np.stack([shapes(b, nodes) for b in filters], 1), SHAPE_STEP),
        "wavelength_eff": np.array(list(pivots.values())),
        "ab_zero_point": np.array([ab_zero_point(p) for p in pivots.values()]),
        "vega_zero_point": vega_fluxes(folder, filters),
        "vega": _binned_vega(folder),
        "filters": filters,
        "ln_wavelength": spectra.LN_WAVELENGTH[spectra.PUBLISHED],
        "spectrum": _packed(published, SPECTRUM_STEP),
    }


def write(data: dict, path: Path) -> None:
    """Write to a temporary name beside `path`, then rename: a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with h5py.File(temporary, "w", track_order=False) as file:
        packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
        for name, value in data.items():
            if name not in ("filters", "bands"):
                large = {"chunks": True, **packed} if value.ndim > 1 else {}
                file.create_dataset(name, data=value, **large)
        file["bands"] = np.array(data["bands"], dtype="S")
        file["shape"].attrs["step"] = SHAPE_STEP
        file["spectrum"].attrs["step"] = SPECTRUM_STEP
        for band, (wavelength, throughput, photon) in data["filters"].items():
            group = file.create_group(f"filters/{band}")
            group["wavelength"] = wavelength.astype(np.float32)
            group["throughput"] = throughput.astype(np.float32)
            group.attrs["photon_counting"] = photon
        file.attrs.update(_provenance())
    os.replace(temporary, path)


def _provenance() -> dict:
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True).stdout.strip() or "unknown"
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "builder": "grids.build_bands",
        "commit": commit,
        "sources": [f"{n} {v} ({lic}): {what}" for n, (v, _, lic, what) in sources.SOURCES.items()],
        "units": "K, dex, erg/s/cm2/A, angstrom in vacuum",
        "licence": "MIT, as the sources that the numbers were read from; cite the papers named there",
    }


def main() -> None:
    """Fetch the sources into a temporary folder, build, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="unpacked sources; downloaded when not given")
    parser.add_argument("--output", type=Path, default=TARGET)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        if args.folder is None:
            sources.fetch(folder)
        write(build(folder), args.output)
    print(f"{args.output}: {args.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
