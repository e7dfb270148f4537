import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.atmosphere.grid import EMBEDDED, load_grid
from dynamojax.atmosphere.interpolation import band_intensity
from dynamojax.atmosphere.limb_darkening import quadrature_nodes

# Surface fluxes [erg/s/cm2/A] of PHOENIX models (Husser et al. 2013) in astroariadne 1.5.2 (MIT),
# model_grid_Phoenixv2.dat: (teff, logg, feh), then SDSS_r, 2MASS_J, GaiaDR2v2_G.
COMPACT = [
    ((3700, 6.0, -1.5), (730512.0, 608899.0, 698427.0)),
    ((3300, 6.0, -2.0), (392886.0, 433631.0, 412105.0)),
    ((2700, 6.0, -4.0), (466173.0, 94436.0, 382900.0)),
    ((5800, 5.0, -4.0), (6489930.0, 1879340.0, 5811680.0)),
    ((6700, 6.0, -1.5), (11799200.0, 2620970.0, 10641100.0)),
    ((11800, 5.5, -2.0), (56176000.0, 6065540.0, 56135100.0)),
]
EXTENDED = [
    ((8600, 3.0, -3.0), (27028900.0, 3809580.0, 26580300.0)),
    ((2500, 3.0, 0.5), (6087.29, 179203.0, 27320.8)),
    ((3400, 3.0, -4.0), (350933.0, 379963.0, 367998.0)),
]
# Four-parameter coefficients in meidem 2.0.0 (MIT): Kostogryz et al. (2022) table 5, Claret & Bloemen (2011).
LAWS = [
    ("kepler", (5800, 4.5, 0.0), (0.53121, 0.01257, 0.51941, -0.31376)),
    ("tess", (4800, 4.0, -1.0), (0.03632, 1.94777, -2.24025, 0.85916)),
    ("plato", (7000, 4.5, 0.5), (0.49849, 0.54134, -0.4333, 0.12746)),
    ("cheops", (6500, 3.5, -0.5), (0.1643, 1.39154, -1.4048, 0.52731)),
    ("johnson_v", (5500, 4.5, 0.0), (0.5153, -0.0979, 0.8284, -0.4274)),
    ("2mass_ks", (6000, 2.5, -1.0), (0.6222, -0.1396, -0.2426, 0.1683)),
    ("sdss_g", (5000, 4.0, 0.5), (0.6721, -0.8344, 1.6916, -0.6025)),
    ("cousins_i", (3000, 5.0, 0.0), (0.6046, 0.8852, -0.7315, 0.2027)),
    ("johnson_v", (3000, 4.5, 0.0), (0.4037, 0.8936, -0.3913, 0.0827)),
    ("tess", (3500, 3.5, 0.0), (0.875187, -0.405484, 0.516855, -0.127691)),
    ("kepler", (3700, 4.5, 0.5), (0.709658, -0.439034, 0.770427, -0.189186)),
]
# Absolute magnitudes of the Sun, Willmer (2018), ApJS 236, 47, table 3.
SUN_AB = {"sdss_u": 6.39, "sdss_g": 5.11, "sdss_r": 4.65, "sdss_i": 4.53, "sdss_z": 4.50}
SUN_VEGA = {"johnson_b": 5.44, "johnson_v": 4.81, "2mass_ks": 3.27}


@pytest.fixture(scope="module")
def grid():
    with jax.enable_x64(True):
        return load_grid()


def _at(grid, node):
    axes = (np.asarray(a) for a in (grid.teff, grid.logg, grid.feh))
    index = tuple(int(np.argmin(np.abs(a - v))) for a, v in zip(axes, node, strict=True))
    assert bool(grid.exists[index])
    return np.exp(np.asarray(grid.log_intensity[index]))


def _flux(grid, node, bands):
    mu, weight = quadrature_nodes(len(grid.mu))
    return 2 * np.pi * _at(grid, node)[[grid.bands.index(b) for b in bands]] @ weight


def test_contents(grid):
    assert grid.log_intensity.shape == (73, 13, 9, 20, 8)
    assert int(grid.exists.sum()) == 7550
    assert np.isfinite(grid.log_intensity).all()
    assert float(grid.teff[0]) == 2300 and float(grid.teff[-1]) == 12000
    assert EMBEDDED.stat().st_size < 5e6


@pytest.mark.parametrize("node,flux", COMPACT)
def test_flux_is_the_table_s(grid, node, flux):
    got = _flux(grid, node, ("sdss_r", "2mass_j", "gaia_g"))
    np.testing.assert_allclose(got, flux, rtol=1e-5)  # the table was rounded to six digits here


@pytest.mark.parametrize("node,flux", EXTENDED)
def test_extended_atmospheres_change_the_level_but_no_colour(grid, node, flux):
    got = _flux(grid, node, ("sdss_r", "2mass_j", "gaia_g")) / np.array(flux)
    np.testing.assert_allclose(got, got[0], rtol=1e-5)
    assert 0.9 < got[0] < 1.2


@pytest.mark.parametrize("band,node,coefficients", LAWS)
def test_limb_darkening_is_the_table_s(grid, band, node, coefficients):
    mu, _ = quadrature_nodes(8)
    law = 1 - sum(a * (1 - mu ** (k / 2)) for k, a in enumerate(coefficients, start=1))
    got = _at(grid, node)[grid.bands.index(band)]
    # Stored in steps of 2e-4 in ln; the flux restores the level.
    np.testing.assert_allclose(got / got[-1], law / law[-1], rtol=3e-4)


@pytest.mark.parametrize("band", SUN_AB | SUN_VEGA)
def test_absolute_magnitudes_of_the_sun(grid, band):
    with jax.enable_x64(True):
        intensity, valid = band_intensity(grid.select((band,)), *map(jnp.asarray, (5772.0, 4.438, 0.0)))
    assert bool(valid)
    _, weight = quadrature_nodes(8)
    dilution = (6.957e10 / 3.0856775814913673e19) ** 2  # nominal solar radius over 10 pc
    zero = (grid.ab_zero_point if band in SUN_AB else grid.vega_zero_point)[grid.bands.index(band)]
    magnitude = -2.5 * np.log10(2 * np.pi * float(np.asarray(intensity)[0] @ weight) * dilution / float(zero))
    # Willmer's table is good to 3-4 %, the model Sun to 3 % of the measured one.
    assert magnitude == pytest.approx((SUN_AB | SUN_VEGA)[band], abs=0.05)


def test_zero_points(grid):
    # Blanton & Roweis (2007), AJ 133, 734, table 1: AB minus Vega, from another spectrum of Vega.
    known = {"johnson_b": -0.09, "johnson_v": 0.02, "cousins_r": 0.21, "cousins_i": 0.45}
    known |= {"2mass_j": 0.91, "2mass_h": 1.39, "2mass_ks": 1.85}
    for band, difference in known.items():
        i = grid.bands.index(band)
        got = -2.5 * np.log10(float(grid.vega_zero_point[i] / grid.ab_zero_point[i]))
        assert got == pytest.approx(difference, abs=0.035)


def test_intensity_falls_to_the_limb_in_the_visible(grid):
    chosen = [grid.bands.index(b) for b in ("kepler", "tess", "cheops", "plato", "gaia_g")]
    values = np.asarray(grid.log_intensity)[np.asarray(grid.exists)][:, chosen]
    assert (np.diff(values, axis=-1) > 0).all()


def test_select_orders_and_names_what_is_missing(x64, grid):
    two = grid.select(("tess", "kepler"))
    assert two.bands == ("tess", "kepler") and two.log_intensity.shape[-2] == 2
    i = grid.bands.index("tess")
    assert float(two.wavelength_eff[0]) == float(grid.wavelength_eff[i])
    np.testing.assert_array_equal(two.log_intensity[..., 0, :], grid.log_intensity[..., i, :])
    with pytest.raises(ValueError, match="'hst'.*kepler.*band_from_filter"):
        grid.select(("hst",))


def test_missing_damaged_foreign_and_newer_files_are_told_apart(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        load_grid(tmp_path / "none.h5")
    truncated = tmp_path / "truncated.h5"
    truncated.write_bytes(EMBEDDED.read_bytes()[:100000])
    with pytest.raises(ValueError, match="damaged"):
        load_grid(truncated)
    text = tmp_path / "text.h5"
    text.write_text("not HDF5")
    with pytest.raises(ValueError, match="damaged or not HDF5"):
        load_grid(text)
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file.attrs["format"] = "something else"
    with pytest.raises(ValueError, match="another kind"):
        load_grid(foreign)
    newer = tmp_path / "newer.h5"
    newer.write_bytes(EMBEDDED.read_bytes())
    with h5py.File(newer, "r+") as file:
        file.attrs["format_version"] = 99
    with pytest.raises(ValueError, match="format_version = 99.*update"):
        load_grid(newer)
    with h5py.File(newer, "r+") as file:
        file.attrs["format_version"] = 1
        del file["flux"]
    with pytest.raises(ValueError, match="damaged"):
        load_grid(newer)


def test_provenance_is_in_the_file():
    with h5py.File(EMBEDDED, "r") as file:
        attributes = dict(file.attrs)
    assert {"commit", "licence", "sources", "format_version"} <= set(attributes)
    assert any("astroariadne 1.5.2" in s for s in attributes["sources"])
