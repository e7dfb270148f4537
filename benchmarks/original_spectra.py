"""What dynamo-stellar does for a spectrum, its own functions on intensities it is given.

Its road: a brightness for each of N rings, each ring's spectrum broadened by a rotation profile of the whole
disc and weighted with a filter's transmission; a sum over mu with weights mu (mu_i^2 - mu_(i+1)^2), a
mixture of photosphere and spots by filling factor, a Gaussian of constant width, the rotation profile
again. Its reading and interpolation of PHOENIX files, several seconds, is timed apart (`bench_grid`).
"""

import contextlib
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np

from dynamojax.instruments.bandpass import load_bandpass

N_MU = 78  # angles of PHOENIX's specific intensities


def _star(n_rings: int, vsini: float, shear: float) -> SimpleNamespace:
    return SimpleNamespace(
        n_grid_rings=n_rings,
        differential_rotation=shear,
        use_phoenix_limb_darkening=True,
        temperature_photosphere=0.0,
        temperature_spot=1.0,
        logg=4.4,
        spectra_filter_name="None",
        vsini=vsini,
        cdpp=np.inf,  # no noise
        create_synthetic_lamost_sensitivity=np.ones_like,
    )


def _filter(name: str = "kepler"):
    """Its own interpolation of a filter from a file, which every ring asks anew."""
    from Dynamo import spectra

    band = load_bandpass(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "models" / "filters" / name
        path.parent.mkdir(parents=True)
        np.savetxt(path, np.column_stack([band.wavelength, band.throughput]))
        return spectra.interpolate_filter(SimpleNamespace(models_root=Path(folder)), name)


@contextlib.contextmanager
def _silent():
    with open(os.devnull, "w") as sink, contextlib.redirect_stdout(sink):
        yield


def rings_and_spectrum(wavelength, photosphere, spot, *, n_rings: int, vsini: float, shear: float):
    """Functions of nothing: the rings' brightness of both components, and the spectrum of one epoch.

    Args:
        wavelength: [A]
        photosphere: Intensities at mu from 1 down to 0, (78, n).
        spot: The same of spots.
        n_rings: Rings of its grid.
        vsini: [km/s]
        shear: Of its differential rotation.
    """
    from Dynamo import nbspectra, spectra
    from Dynamo.star import Star

    star = _star(n_rings, vsini, shear)
    grid = nbspectra.generate_grid_coordinates_nb(n_rings)
    n_in_ring, mu_rings, projected = grid[1], grid[3], grid[10]
    mu, transmission = np.linspace(1.0, 0.0, N_MU), _filter()

    def rings():
        return [
            spectra.compute_immaculate_lc_with_vsini(
                star, n_in_ring, mu, mu_rings, projected, rows, transmission, wavelength, vsini
            )
            for rows in (photosphere, spot)
        ]

    def spectrum(filling_percent):
        def given(star, temperature, logg, wv_array):
            return mu, wv_array, spot if temperature else photosphere

        with _silent(), mock.patch.object(spectra, "interpolate_Phoenix_mu_lc", given):
            return Star.create_lamost_spectra(star, wavelength, np.array([filling_percent]))

    return rings, spectrum
