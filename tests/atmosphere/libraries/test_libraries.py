"""Files of each library's form become grids whose fluxes are the files', with the law they say."""

import bz2
import gzip

import h5py
import jax.numpy as jnp
import numpy as np
import pytest
from astropy.io import fits

import dynamojax as dj
from dynamojax.atmosphere.building import Stretch
from dynamojax.atmosphere.grid_file import open_grid
from dynamojax.atmosphere.interpolation import band_intensity
from dynamojax.atmosphere.libraries.fluxes import build_fluxes
from dynamojax.atmosphere.libraries.laws import limb_law
from dynamojax.atmosphere.limb_darkening import quadrature_nodes

TEFFS, LOGGS, FEHS = (5000.0, 5250.0, 5500.0), (4.0, 4.5), (-0.5, 0.0)
HOLE = (5250.0, 4.5, -0.5)
NODES = [(t, g, z) for t in TEFFS for g in LOGGS for z in FEHS if (t, g, z) != HOLE]
MU, WEIGHT = quadrature_nodes(8)


def flux(node, x):
    """Surface flux of a black body, a little different for each gravity and metallicity. [erg/s/cm2/A]"""
    teff, logg, feh = node
    planck = 1.191043e27 / x**5 / np.expm1(1.438777e8 / (x * teff))  # erg/s/cm2/A/sr
    return np.pi * planck * (1 + 0.02 * logg + 0.1 * feh)


def write_hires(folder):
    x = np.exp(np.arange(np.log(4000), np.log(6000), 1e-5))
    wave = folder / "WAVE_PHOENIX-ACES-AGSS-COND-2011.fits"
    fits.PrimaryHDU(x).writeto(wave)
    for node in NODES:
        z = "-0.0" if node[2] == 0 else f"{node[2]:+.1f}"
        path = (
            folder / f"Z{z}" / f"lte{node[0]:05.0f}-{node[1]:.2f}{z}.PHOENIX-ACES-AGSS-COND-2011-HiRes.fits"
        )
        path.parent.mkdir(exist_ok=True)
        fits.PrimaryHDU((1e8 * flux(node, x)).astype(">f4")).writeto(path)
    return path


def settl_name(node):
    z = "-0.0" if node[2] == 0 else f"{node[2]:+.1f}"
    return f"lte{node[0] / 100:05.1f}-{node[1]:.1f}{z}a+0.0.BT-Settl.spec.7"


def write_settl(folder):
    x = np.random.default_rng(0).permutation(np.arange(4000.0, 6000.0, 0.5))
    for i, node in enumerate(NODES):
        # As Fortran writes: columns that touch where the second is negative, D exponents, in no order.
        log_flux = np.log10(flux(node, x)) + 8
        lines = [
            f"{a:13.6f}{b:12.7f}{1e-3:11.4E}".replace("E", "D") for a, b in zip(x, log_flux, strict=True)
        ]
        text = "\n".join(lines) + "\n"
        path = folder / settl_name(node)
        if i % 3 == 0:
            path.write_text(text)
        elif i % 3 == 1:
            path = path.with_name(path.name + ".bz2")
            path.write_bytes(bz2.compress(text.encode()))
        else:
            path = path.with_name(path.name + ".gz")
            path.write_bytes(gzip.compress(text.encode()))
    return folder / settl_name(NODES[0])


def in_columns(values, form="{:10.4E}"):
    text = [form.format(v) for v in values]
    return "\n".join("".join(text[i : i + 8]) for i in range(0, len(text), 8)) + "\n"


def write_atlas_text(folder):
    x = np.arange(3800.0, 6200.0, 4.0)
    for z, name in ((-0.5, "fm05k2odfnew.pck"), (0.0, "fp00k2odfnew.pck")):
        text = "Title lines\nwithout any meaning  1\n" * 11 + in_columns(x / 10, "{:10.2f}")
        for node in NODES:
            if node[2] == z:
                text += f"TEFF {node[0]:7.0f}.  GRAVITY {node[1]:.5f} [{z:+.1f}] VTURB=2.0 KM/SEC L/H=1.25\n"
                h_nu = flux(node, x) * x**2 / 2.99792458e18 / (4 * np.pi)
                text += in_columns(h_nu) + in_columns(0 * h_nu)
        (folder / name).write_text(text)
    (folder / "fp00ak2odfnew.pck").write_text("of enhanced alpha elements")
    return folder / name


def write_atlas_fits(folder):
    x = np.arange(3800.0, 6200.0, 4.0)
    for z, label in ((-0.5, "m05"), (0.0, "p00")):
        for teff in TEFFS:
            here = {g: (teff, g, z) in NODES for g in (*LOGGS, 5.0)}
            columns = [fits.Column("WAVELENGTH", "D", "ANGSTROMS", array=x)]
            for logg, exists in here.items():
                values = flux((teff, logg, z), x) if exists else np.zeros(x.size)
                columns.append(fits.Column(f"g{10 * logg:02.0f}", "E", "FLAM", array=values))
            path = folder / f"ck{label}_{teff:.0f}.fits"
            fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(path)
    return path


KINDS = {
    "phoenix-hires": (write_hires, Stretch("a", 4100.0, 5900.0, 20000.0)),
    "bt-settl": (write_settl, Stretch("a", 4100.0, 5900.0, 2000.0)),
    "atlas9": (write_atlas_text, Stretch("a", 4100.0, 5900.0, 300.0)),
    "atlas9 in FITS": (write_atlas_fits, Stretch("a", 4100.0, 5900.0, 300.0)),
}


def intensities(path, node):
    grid = open_grid(path)
    at = tuple(
        int(np.argmin(abs(a - x))) for a, x in zip((grid.teff, grid.logg, grid.feh), node, strict=True)
    )
    with h5py.File(path) as file:
        group = file["segments/a"]
        stored = group["mean"][()] + group["level"][at][:, None] + group["step"][at] * group["residual"][at]
    return grid.segments["a"].axis.wavelength, 10**stored


@pytest.mark.parametrize("kind", KINDS)
def test_fluxes_holes_and_the_law(tmp_path, kind):
    write, stretch = KINDS[kind]
    write(tmp_path)
    path = tmp_path / "out" / "grid.h5"
    built = build_fluxes(
        kind.split()[0], tmp_path, path, stretches=[stretch], law="quadratic", coefficients=[0.4, 0.2], n_mu=8
    )
    grid = open_grid(path)
    assert built.n_models == len(NODES) == grid.exists.sum() and built.n_nodes == 12
    assert not grid.exists[1, 1, 0]
    np.testing.assert_allclose(grid.teff, TEFFS)
    np.testing.assert_allclose(grid.logg, LOGGS)
    np.testing.assert_allclose(grid.feh, FEHS)
    assert grid.info()["limb"] == "quadratic (0.4, 0.2)"
    for node in (NODES[0], NODES[-1]):
        wavelength, values = intensities(path, node)
        # Smoothing of a curve 5e-6 at the lowest resolution, 16-bit steps 1e-5, ATLAS9's digits 5e-5.
        np.testing.assert_allclose(2 * np.pi * WEIGHT @ values, flux(node, wavelength), rtol=1.5e-4)
        law = 1 - 0.4 * (1 - MU) - 0.2 * (1 - MU) ** 2
        np.testing.assert_allclose(values / values[-1], (law / law[-1])[:, None] + 0 * values, rtol=1e-4)


def test_the_law_of_the_bands(tmp_path):
    write_atlas_fits(tmp_path)
    path = tmp_path / "grid.h5"
    build_fluxes("atlas9", tmp_path, path, stretches=[KINDS["atlas9"][1]], n_mu=8)
    assert open_grid(path).info()["limb"] == "bands: Kostogryz et al. (2022), Claret (2011)"
    wavelength, values = intensities(path, NODES[-1])
    np.testing.assert_allclose(2 * np.pi * WEIGHT @ values, flux(NODES[-1], wavelength), rtol=1.5e-4)
    # Johnson V at 5500 K, logg 4.5: as the band grid itself has it.
    grid = dj.load_grid().select(("johnson_v",))
    band, valid = band_intensity(grid, *(jnp.asarray(x) for x in NODES[-1]))
    assert bool(valid)
    at = np.argmin(abs(wavelength - float(grid.wavelength_eff[0])))
    for mu in (0.2, 0.5, 0.9):
        own = np.interp(mu, grid.mu, np.asarray(band[0]) / np.asarray(band[0, -1]))
        ours = np.interp(mu, MU, values[:, at] / np.interp(grid.mu[-1], MU, values[:, at]))
        assert ours == pytest.approx(own, abs=0.02)  # both interpolated between few nodes
    # Redder light is less darkened.
    blue, red = values[:, 0] / values[-1, 0], values[:, -1] / values[-1, -1]
    assert np.all(blue[:-1] < red[:-1])


def test_ranges(tmp_path):
    write_atlas_fits(tmp_path)
    built = build_fluxes(
        *("atlas9", tmp_path, tmp_path / "a.h5", ((5200.0, 6000.0), None, (0.0, 1.0))),
        [KINDS["atlas9"][1]],
        "linear",
        [0.5],
    )
    assert built.n_models == 4


@pytest.mark.parametrize(
    ("law", "coefficients", "message"),
    [
        ("cubic", (), "law = 'cubic' must be bands or one of linear"),
        ("quadratic", (0.1,), "takes 2 of them"),
        ("bands", (0.1,), "takes no coefficients"),
        ("linear", (1.2,), "is not positive"),
    ],
)
def test_a_bad_law_is_refused(law, coefficients, message):
    with pytest.raises(ValueError, match=message):
        limb_law(law, coefficients, 8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_named(tmp_path, kind):
    write, stretch = KINDS[kind]
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3 + 7])
    with pytest.raises(ValueError, match="cannot be read") as error:
        build_fluxes(kind.split()[0], tmp_path, tmp_path / "a.h5", stretches=[stretch])
    assert str(path) in str(error.value)


def test_models_without_their_wavelengths(tmp_path):
    write_hires(tmp_path)
    (tmp_path / "WAVE_PHOENIX-ACES-AGSS-COND-2011.fits").unlink()
    with pytest.raises(ValueError, match="WAVE_PHOENIX-ACES-AGSS-COND-2011.fits is neither beside"):
        build_fluxes("phoenix-hires", tmp_path, tmp_path / "a.h5", law="linear", coefficients=[0.5])


def test_no_files_and_no_such_library(tmp_path):
    with pytest.raises(ValueError, match="holds 0 models of atlas9, .* called fp00k2odfnew.pck or ckp00"):
        build_fluxes("atlas9", tmp_path, tmp_path / "a.h5")
    with pytest.raises(
        ValueError, match="library = 'marcs' must be phoenix or one of phoenix-hires, bt-settl"
    ):
        build_fluxes("marcs", tmp_path, tmp_path / "a.h5")


def test_a_resolution_that_the_samples_do_not_hold_is_refused(tmp_path):
    write_atlas_fits(tmp_path)
    with pytest.raises(ValueError, match=r"resolution = 5000 is more than .* at most 7\d\d"):
        build_fluxes("atlas9", tmp_path, tmp_path / "a.h5", stretches=[Stretch("a", 4100.0, 5900.0, 5000.0)])
