"""Errors of the embedded spectral grid: the numbers that the README states.

    python -m grids.measure_spectra [--folder SOURCES] [--nodes NODES] [--plot lines.png]

Band fluxes and spot contrasts against PHOENIX, centre-to-limb against Kostogryz et al. (2022); compression,
and bands that the anchoring did not know (with the synthesised nodes); equivalent widths of the solar model,
and the kernels against SMElib's own solver (with `dynamojax[build-spectra]`). Results go to
benchmarks/results/spectra_grid.json.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import h5py
import jax
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import CubicSpline

from dynamojax.atmosphere.bands import band_weights
from dynamojax.atmosphere.grid import EMBEDDED as EMBEDDED_BANDS
from dynamojax.atmosphere.grid_file import open_grid
from dynamojax.atmosphere.interpolation import intensity
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from grids import build_spectra, sources
from grids.synthesis import anchor, run, yardstick

RESULTS = Path(__file__).parents[1] / "benchmarks/results/spectra_grid.json"
OPTICAL = "kepler tess gaia_g gaia_bp gaia_rp sdss_g sdss_r sdss_i sdss_z".split()
KOSTOGRYZ = ("kepler", "tess")
MU = np.array([0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])


class Embedded:
    """The file, read in float64 on the host, one model at a time."""

    def __init__(self, path: Path):
        with h5py.File(path) as file:
            self.axes = [file[name][:] for name in ("teff", "logg", "feh")]
            self.mu, self.weight = file["mu"][:], file["mu_weight"][:]
            self.segments = {}
            for name, group in file["segments"].items():
                a = group.attrs
                ln = a["ln_wavelength_start"] + a["ln_wavelength_step"] * np.arange(a["n_wavelength"])
                arrays = (group["mean"][:], group["basis"][:].astype(np.float32), group["coefficients"][:])
                self.segments[name] = (ln, *arrays)
        self.labels = [(t, g, z) for t in self.axes[0] for g in self.axes[1] for z in self.axes[2]]

    def intensity(self, label, segment: str) -> np.ndarray:
        """[n_mu, n_wavelength]. [erg/s/cm2/A/sr]"""
        at = tuple(int(np.argmin(abs(axis - x))) for axis, x in zip(self.axes, label, strict=True))
        _, mean, basis, coefficients = self.segments[segment]
        return 10.0 ** (mean + coefficients[at] @ basis)

    def flux(self, label, segment: str) -> np.ndarray:
        """Surface flux. [erg/s/cm2/A]"""
        return 2 * np.pi * self.weight @ self.intensity(label, segment)


def summary(error: np.ndarray) -> dict:
    """Median, 95th percentile and maximum of |error|."""
    error = np.abs(np.asarray(error, float)).ravel()
    median, most = np.percentile(error, [50, 95])
    values = {"median": median, "p95": most, "max": error.max()}
    return {"n": len(error), **{key: round(float(value), 5) for key, value in values.items()}}


def phoenix_fluxes(names) -> dict:
    """Band fluxes of the band grid's file at its nodes: exact, nothing interpolated."""
    with h5py.File(EMBEDDED_BANDS) as file:
        axes = [file[name][:] for name in ("teff", "logg", "feh")]
        bands = [b.decode() for b in file["bands"][:]]
        node, flux = file["node"][:], file["flux"][:].astype(float)
    keys = np.stack([axis[node[:, k]] for k, axis in enumerate(axes)], 1).round(3)
    use = [bands.index(name) for name in names]
    return {tuple(map(float, key)): row for key, row in zip(keys, flux[:, use], strict=True)}


def band_fluxes(path: Path, labels: list) -> np.ndarray:
    """Our band fluxes, interpolated as a user would: [n_label, n_band] of OPTICAL and 2MASS H."""
    file, curves = open_grid(path), yardstick.curves([*OPTICAL, "2mass_h"])
    columns = []
    for name, bands in (("optical", OPTICAL), ("h_band", ["2mass_h"])):
        grid = file.cut(segment=name)
        _, weight = quadrature_nodes(len(grid.mu_nodes))
        bands = np.stack([band_weights(grid.axis.ln_wavelength, *curves[band]) for band in bands])

        @jax.jit
        def fluxes(label, grid, weight, bands):
            values, valid = intensity(grid, *label)
            return jnp.where(valid, 2 * jnp.pi * bands @ (weight @ values), jnp.nan)

        arrays = jnp.asarray(weight), jnp.asarray(bands, jnp.float32)
        columns.append([fluxes(jnp.asarray(label, jnp.float32), grid, *arrays) for label in labels])
    return np.concatenate([np.asarray(column, float) for column in columns], axis=1)


def fluxes_and_contrasts(path: Path, axes) -> dict:
    """Relative errors against PHOENIX, by band, at every PHOENIX model within the axes."""
    names = [*OPTICAL, "2mass_h"]
    theirs = phoenix_fluxes(names)
    box = [label for label in theirs if all(a[0] <= x <= a[-1] for x, a in zip(label, axes, strict=True))]
    ours = band_fluxes(path, box)
    ratio = dict(zip(box, ours / np.array([theirs[label] for label in box]), strict=True))
    nodes = [label for label in box if all(np.isclose(a, x).any() for x, a in zip(label, axes, strict=True))]
    result = {"models": len(box), "of them nodes": len(nodes)}
    for kind, some in (("flux", box), ("flux at nodes", nodes)):
        errors = np.array([ratio[label] for label in some]) - 1
        result[kind] = {name: summary(errors[:, j]) for j, name in enumerate(names)}
    for drop in (500, 1500):
        pairs = [ratio[t - drop, g, z] / ratio[t, g, z] - 1 for t, g, z in box if (t - drop, g, z) in ratio]
        result[f"contrast over {drop} K"] = {
            name: summary(np.array(pairs)[:, j]) for j, name in enumerate(names)
        }
    return result


def limb(grid: Embedded, folder: Path) -> dict:
    """I(mu)/I(1) of Kepler and TESS against the table of Kostogryz et al. (2022), at its own nodes."""
    frame = sources.read_limb_darkening(folder, "kostogryz2022/table5")
    curves = yardstick.curves(KOSTOGRYZ)
    ln = grid.segments["optical"][0]
    result = {}
    for band in KOSTOGRYZ:
        weights = band_weights(ln, *curves[band])
        table = frame[frame["passband"] == {"kepler": "Kepler", "tess": "TESS"}[band]]
        keys = table[["Teff", "logg", "M/H"]].to_numpy(float).round(3)
        laws = dict(zip(map(tuple, keys), table[["a1", "a2", "a3", "a4"]].to_numpy(float), strict=True))
        errors, cool = [], []
        for label in grid.labels:
            law = laws.get(tuple(float(round(x, 3)) for x in label))
            if law is None:
                continue
            ours = CubicSpline(np.sqrt(grid.mu), grid.intensity(label, "optical") @ weights)
            theirs = 1 - sum(a * (1 - MU ** (k / 2)) for k, a in enumerate(law, start=1))
            error = ours(np.sqrt(MU)) / ours(1.0) - theirs
            (cool if label[0] < 4000 else errors).append(error)
        result[band] = {"4000 K and more": summary(errors)}
        if cool:
            result[band]["3500 to 4000 K"] = summary(cool)
    return result


def compression(grid: Embedded, nodes: Path, every: int = 5) -> dict:
    """Relative rms errors of flux and intensity that the low rank adds, over every n-th model."""
    result = {}
    labels = grid.labels[::every]
    for name, yard in build_spectra.yardsticks(grid.mu).items():
        rows = build_spectra.anchored_rows(nodes, labels, name, grid.mu, grid.weight, yard)
        rows = rows.reshape(len(labels), len(grid.mu), -1)
        flux, intensity = [], []
        for label, row in zip(labels, rows, strict=True):
            truth, stored = 10.0**row, grid.intensity(label, name)
            intensity.append(np.sqrt(np.mean((stored / truth - 1) ** 2)))
            flux.append(np.sqrt(np.mean((grid.weight @ stored / (grid.weight @ truth) - 1) ** 2)))
        rank = len(grid.segments[name][2])
        result[name] = {"rank": rank, "flux rms": summary(flux), "intensity rms": summary(intensity)}
    return result


def left_out(grid: Embedded, nodes: Path, every: int = 12) -> dict:
    """Error of each band's flux where the anchoring did not know that band, over every n-th model."""
    stick, matrix, centres = build_spectra.yardsticks(grid.mu)["optical"]
    bands = stick.bands
    errors = {name: [] for name in OPTICAL}
    for label in grid.labels[::every]:
        intensity = run.read(nodes, label, "optical")
        flux, limb = stick.targets(label)
        for j, name in enumerate(bands.names):
            if name not in errors:
                continue
            blind = np.where(np.arange(len(bands.names)) == j, 1e3, 1.0)
            some = replace(bands, noise=bands.noise * blind, limb_noise=bands.limb_noise * blind)
            got = anchor.anchored(intensity, grid.weight, some, flux, limb, matrix, centres)
            errors[name].append(2 * np.pi * bands.inside[j] @ (grid.weight @ got) / flux[j] - 1)
    return {name: summary(values) for name, values in errors.items()}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="unpacked sources of the bands; downloaded if not given")
    parser.add_argument("--lines", type=Path, help="unpacked sources of the spectra: widths and kernels")
    parser.add_argument("--nodes", type=Path, help="synthesised nodes, for the error of the compression")
    parser.add_argument("--plot", type=Path, help="figure of the lines")
    parser.add_argument("--grid", type=Path, default=build_spectra.TARGET)
    args = parser.parse_args()
    grid = Embedded(args.grid)
    result = {
        "axes": {n: list(map(float, a)) for n, a in zip(("teff", "logg", "feh"), grid.axes, strict=True)}
    }
    result["bytes"] = args.grid.stat().st_size
    result |= fluxes_and_contrasts(args.grid, grid.axes)
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        if args.folder is None:
            sources.fetch(folder)
        result["limb"] = limb(grid, folder)
    if args.nodes:
        result["compression"] = compression(grid, args.nodes)
        result["band left out"] = left_out(grid, args.nodes)
    if args.lines:
        from grids.synthesis import checks

        result["equivalent widths"] = checks.equivalent_widths(args.lines)
        result["against SMElib"] = checks.against_smelib(args.lines)
    if args.plot:
        from grids.synthesis import figure

        figure.lines(grid, args.plot)
    print(json.dumps(result, indent=1))
    if RESULTS.exists():  # what was not measured this time keeps its numbers
        result = json.loads(RESULTS.read_text()) | result
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
