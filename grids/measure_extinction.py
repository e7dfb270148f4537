"""Errors of the extinction in bands: what dwarfs of solar metallicity say of other stars.

    python -m grids.measure_extinction

Every model of 3000 to 10000 K that the band grid holds, its own spectrum extinguished wavelength by
wavelength, against `BandExtinction.transmission` and against the law at the band's pivot wavelength.
"""

import jax
import jax.numpy as jnp
import numpy as np

from dynamojax.atmosphere.bands import band_weights
from dynamojax.atmosphere.extinction import BandExtinction, Extinction
from dynamojax.atmosphere.grid import EMBEDDED, load_grid, read_datasets
from dynamojax.instruments.bandpass import Bandpass, load_bandpass

_FINE = 20


def _models() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters (n, 3), ln(wavelength) and smooth spectra of the models measured."""
    data = read_datasets(EMBEDDED, ("teff", "logg", "feh", "node", "ln_wavelength", "spectrum"))
    node = data["node"].astype(int)
    of = np.stack([data[name][node[:, i]] for i, name in enumerate(("teff", "logg", "feh"))], 1)
    use = (of[:, 0] >= 3000) & (of[:, 0] <= 10000)
    return of[use], data["ln_wavelength"], np.exp(data["spectrum"][use] * data["spectrum_step"])


def _own(
    band: Bandpass, ln_wavelength: np.ndarray, flux: np.ndarray, law: Extinction, av: float
) -> np.ndarray:
    """Extinction of every spectrum in one band. [mag]"""
    fine = np.linspace(ln_wavelength[0], ln_wavelength[-1], _FINE * (len(ln_wavelength) - 1) + 1)
    weights = band_weights(fine, band.wavelength, band.throughput, band.photon_counting)
    keep = weights > 0
    left = weights[keep] * 10 ** (-0.4 * av * law.curve(np.exp(fine[keep])))
    light = np.array([np.interp(fine[keep], ln_wavelength, f) for f in flux])
    return -2.5 * np.log10(light @ left / (light @ weights[keep]))


def main() -> None:
    """Print a row for each band and A_V: per cent of the extinction, median, 95 % and worst."""
    jax.config.update("jax_enable_x64", True)
    grid, law = load_grid(), Extinction()
    of, ln_wavelength, flux = _models()
    bands = [load_bandpass(name) for name in grid.bands]
    table = BandExtinction.build(law, bands, grid.bands, grid.wavelength_eff)
    ours = jax.jit(jax.vmap(table.transmission, (0, None)))
    dwarfs = (of[:, 1] >= 4) & (of[:, 2] >= -1) & (of[:, 2] <= 0.5)
    print("band, A_V, A_band / A_V at 5800 K | dwarfs, [Fe/H] >= -1 | all | at the pivot wavelength, dwarfs")
    for av in (1.0, 5.0):
        mine = -2.5 * np.log10(np.asarray(ours(jnp.asarray(of[:, 0]), jnp.asarray(av))))
        for i, band in enumerate(bands):
            true = _own(band, ln_wavelength, flux, law, av)
            error = 100 * np.abs(mine[:, i] / true - 1)
            pivot = 100 * np.abs(av * law.curve(float(grid.wavelength_eff[i])) / true - 1)
            sun = np.argmin(np.abs(of - [5800, 4.5, 0.0]).sum(1))
            rows = (error[dwarfs], error, pivot[dwarfs])
            cells = " | ".join(
                "{:5.2f} {:5.2f} {:5.2f}".format(*np.percentile(e, [50, 95, 100])) for e in rows
            )
            print(f"{band.name:10s} {av:g} {true[sun] / av:6.4f} | {cells}")


if __name__ == "__main__":
    main()
