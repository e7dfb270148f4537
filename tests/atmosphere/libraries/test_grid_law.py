"""Fluxes at high resolution with the angles of a grid of intensities."""

import numpy as np
import pytest

from dynamojax.atmosphere.building import Stretch
from dynamojax.atmosphere.grid_file import open_grid
from dynamojax.atmosphere.libraries.fluxes import build_fluxes
from dynamojax.atmosphere.libraries.grid_law import grid_law
from dynamojax.atmosphere.locations import Locations
from dynamojax.atmosphere.phoenix.build import build_phoenix
from dynamojax.atmosphere.phoenix.catalogue import models
from tests.atmosphere.libraries.test_libraries import MU, WEIGHT, flux, intensities, write_hires
from tests.atmosphere.phoenix.files import MU as SPHERE
from tests.atmosphere.phoenix.files import write_specint

FINE = Stretch("a", 4600.0, 4700.0, 20000.0)


def coefficient(x, teff):
    """Of linear limb darkening, by wavelength and temperature."""
    return 0.9 - 0.5 * (x - 4500) / 300 - 0.1 * (teff - 5000) / 500


@pytest.fixture
def grid(tmp_path):
    """A grid of intensities of 5000 and 5500 K, logg 4, solar."""
    places = Locations(tmp_path / "cache", "http://nowhere", "")
    x = 4500 + np.arange(300.0)
    for model in models((5000.0, 5500.0), (4.0, 4.0), (0.0, 0.0))[::5]:
        profile = 1 - coefficient(x, model.teff) * (1 - SPHERE[:, None])
        write_specint(places.phoenix / model.path, 1e14 * profile, start=4500.0)
    build_phoenix(places, models(), tmp_path / "grid.h5", (Stretch("b", 4550.0, 4750.0, 2000.0),), n_mu=8)
    return tmp_path / "grid.h5"


def test_flux_and_angles(tmp_path, grid):
    (tmp_path / "files").mkdir()
    write_hires(tmp_path / "files")
    out = tmp_path / "out.h5"
    ranges = (None, (4.0, 4.0), (0.0, 0.0))
    built = build_fluxes(
        *("phoenix-hires", tmp_path / "files", out, ranges, [FINE], f"grid:{grid}", ()),
        n_mu=8,
        skip_damaged=True,
    )
    # 5250 K is not in the grid of intensities.
    assert built.n_models == 2 and "no model of teff = 5250" in next(iter(built.damaged.values()))
    assert open_grid(out).info()["limb"].startswith("intensities of grid, content ")
    for teff in (5000.0, 5500.0):
        node = (teff, 4.0, 0.0)
        wavelength, values = intensities(out, node)
        np.testing.assert_allclose(2 * np.pi * WEIGHT @ values, flux(node, wavelength), rtol=1e-4)
        law = 1 - coefficient(wavelength, teff) * (1 - MU[:, None])
        # Stored steps, and the outermost angle between the sphere's own.
        np.testing.assert_allclose(values / values[-1], law / law[-1], rtol=2e-3)


def test_what_does_not_fit_is_refused(tmp_path, grid):
    with pytest.raises(ValueError, match=r"n_mu = 6 must be that of .*grid.h5, 8"):
        grid_law(str(grid), 6)
    law = grid_law(str(grid), 8)
    with pytest.raises(ValueError, match="has no wavelengths from 4[78].. to 5000 A"):
        law.shape((5000.0, 4.0, 0.0), np.log(np.linspace(4600, 5000, 50)))
    (tmp_path / "files").mkdir()
    write_hires(tmp_path / "files")
    build_fluxes(
        *("phoenix-hires", tmp_path / "files", tmp_path / "b.h5"),
        stretches=[FINE],
        law="linear",
        coefficients=[0.5],
        n_mu=8,
    )
    with pytest.raises(ValueError, match=r"from a law itself \(linear \(0.5\)\)"):
        grid_law(str(tmp_path / "b.h5"), 8)
    with pytest.raises(ValueError, match="grid:NAME, without coefficients"):
        build_fluxes("phoenix-hires", tmp_path, tmp_path / "a.h5", law="grid:", n_mu=8)
