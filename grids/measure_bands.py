"""Errors of the band grid by leaving out what is known: the numbers that its docstrings state.

    python -m grids.measure_bands [--folder unpacked sources]

Flux of a band from the smooth spectra, with the band itself left out, and of its contrast between two
temperatures; limb darkening of a band between its neighbours in wavelength; the differences between
published limb darkening; polynomials in mu by degree; the interpolation, with every second node left out.
"""

import argparse
import tempfile
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from dynamojax.atmosphere.bands import band_weights, log_band_mean, pivot_wavelength
from dynamojax.atmosphere.grid import load_grid
from dynamojax.atmosphere.interpolation import band_intensity
from dynamojax.atmosphere.limb_darkening import polynomial_coefficients, quadrature_nodes
from grids import build_bands, shapes, sources, spectra


def _report(name: str, error: np.ndarray) -> None:
    error = np.abs(error)
    median, most = np.percentile(error, [50, 95])
    print(f"{name:34s} n {len(error):5d}  median {median:.4f}  95 % {most:.4f}  max {error.max():.4f}")


def left_out_fluxes(folder: Path, n: int = 400) -> None:
    """Every tabulated band predicted without itself; contrast against the model 1000 K cooler."""
    names, nodes, flux = sources.read_phoenix(folder)
    use = [b for b in names if b.lower() in sources.filter_names(folder) and not b.startswith("GALEX")]
    key = {tuple(node): i for i, node in enumerate(nodes)}
    pairs = [
        (i, key.get((t - 1000.0, g, z))) for (t, g, z), i in key.items() if 4000 <= t <= 7000 and 3 <= g <= 5
    ]
    pairs = np.array([p for p in pairs if p[1] is not None])
    pairs = pairs[np.random.default_rng(0).choice(len(pairs), n // 2, replace=False)]
    rows = pairs.T.ravel()
    ln_bands = np.log(flux[rows][:, [names.index(b) for b in use]])
    weights = np.stack([band_weights(spectra.LN_WAVELENGTH, *sources.read_filter(folder, b)) for b in use])
    for j, band in enumerate(use):
        others = [i for i in range(len(use)) if i != j]
        fitted = spectra.fit(weights[others], ln_bands[:, others], nodes[rows, 0])
        error = log_band_mean(weights[[j]], fitted)[:, 0] - ln_bands[:, j]
        _report(f"ln flux, {band}", error)
        _report(f"ln contrast over 1000 K, {band}", error[: n // 2] - error[n // 2 :])


def limb_darkening_rules(folder: Path) -> None:
    """Area-weighted rms over the disc of the difference in I/<I>."""
    _, nodes, _ = sources.read_phoenix(folder)
    mu, weight = quadrature_nodes(build_bands.N_MU)
    pivots = {b: pivot_wavelength(*c) for b, c in build_bands.read_filters(folder).items()}
    table = shapes.Shapes(folder, mu, weight, pivots)
    hot = nodes[nodes[:, 0] >= 3500][::8]
    dwarf = (nodes[:, 1] >= 3.5) & (nodes[:, 1] <= 5) & (nodes[:, 2] == 0)
    cool, blend = nodes[dwarf & (nodes[:, 0] < 3500)], nodes[dwarf & (abs(nodes[:, 0] - 3750) <= 250)]
    box = hot[(hot[:, 0] <= 9000) & (hot[:, 1] >= 3) & (hot[:, 1] <= 5)]

    def report(name, a, b):
        _report(name, np.sqrt(2 * (np.exp(a) - np.exp(b)) ** 2 @ weight))

    for band in [b for b, (_, four, gaia) in shapes.TABLES.items() if four or gaia]:
        if band not in ("johnson_u", "sdss_u", "2mass_ks"):
            report(f"ATLAS, {band} laddered", table.atlas(band, hot, ladder=True), table.atlas(band, hot))
        if shapes.TABLES[band][1] and band not in ("johnson_u", "sdss_u", "2mass_ks"):
            report(
                f"PHOENIX, {band} laddered", table.phoenix(band, cool, ladder=True), table.phoenix(band, cool)
            )
    for band in ("kepler", "tess", "cheops", "plato"):
        kostogryz = table.table("kostogryz", shapes.TABLES[band][0])(box)
        report(f"Kostogryz against ATLAS, {band}", kostogryz, table.atlas(band, box))
        report(f"PHOENIX against hot, {band}", table.phoenix(band, blend), table.hot(band, blend))


def polynomial_residuals(folder: Path) -> None:
    """Polynomials in mu against the four-parameter laws they are fitted to, by degree."""
    laws = sources.read_limb_darkening(folder, "kostogryz2022/table5")[["a1", "a2", "a3", "a4"]]
    laws = laws.to_numpy(float)[::50]
    mu, weight = quadrature_nodes(build_bands.N_MU)
    fine, fine_weight = quadrature_nodes(200)

    def law(m):
        return 1 - sum(laws[:, [k - 1]] * (1 - m ** (k / 2)) for k in (1, 2, 3, 4))

    for degree in range(2, 7):
        with jax.enable_x64(True):
            a = np.asarray(polynomial_coefficients(jnp.asarray(law(mu)), mu, degree))
        powers = np.arange(degree + 1)
        error = a @ fine[None, :] ** powers[:, None] - law(fine)
        _report(f"degree {degree}, rms over the disc", np.sqrt(2 * error**2 @ fine_weight))
        _report(f"degree {degree}, at mu > 0.1", np.abs(error[:, fine > 0.1]).max(1))
        _report(f"degree {degree}, at any mu", np.abs(error).max(1))
        flux = a @ (1 / (powers + 2))
        _report(f"degree {degree}, flux in ppm", 1e6 * (flux / (law(mu) @ weight) - 1))
        _report(f"degree {degree}, sum of |terms| / flux", np.abs(a) @ (1 / (powers + 2)) / flux)


def left_out_nodes() -> None:
    """Ln of the intensity at nodes left out, when every second one along an axis is."""
    grid = load_grid().select(("kepler", "tess", "2mass_ks"))
    axes = [np.asarray(a) for a in (grid.teff, grid.logg, grid.feh)]
    evaluate = jax.jit(jax.vmap(band_intensity, (None, 0, 0, 0)))
    for k, name in enumerate(("teff", "logg", "feh")):
        kept = np.arange(0, len(axes[k]), 2)
        coarse = eqx.tree_at(
            lambda g, name=name: (getattr(g, name), g.log_level, g.log_shape, g.exists),
            grid,
            (
                jnp.asarray(axes[k][kept]),
                jnp.take(grid.log_level, kept, axis=k),
                jnp.take(grid.log_shape, kept, axis=k),
                jnp.take(grid.exists, kept, axis=k),
            ),
        )
        rows = np.argwhere(np.asarray(grid.exists))
        rows = rows[rows[:, k] % 2 == 1]
        points = [axes[j][rows[:, j]] for j in range(3)]
        intensity, valid = evaluate(coarse, *points)
        error = np.log(np.asarray(intensity)) - np.asarray(grid.log_intensity)[tuple(rows.T)]
        for low, high, g in ((2300, 3500, 4), (3500, 7000, 4), (3500, 7000, 0), (7000, 12000, 3)):
            chosen = np.asarray(valid) & (points[0] >= low) & (points[0] < high) & (points[1] >= g)
            for b, band in enumerate(grid.bands):
                _report(f"{name} {low}-{high} K logg >= {g} {band}", error[chosen][:, b].ravel())


def main() -> None:
    """Fetch the sources unless a folder is given, and print every table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path)
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as temporary:
        if folder is None:
            folder = Path(temporary)
            sources.fetch(folder)
        left_out_fluxes(folder)
        limb_darkening_rules(folder)
        polynomial_residuals(folder)
    left_out_nodes()


if __name__ == "__main__":
    main()
