"""Reading files of the true form, and saying what is wrong with others."""

import numpy as np
import pytest
from astropy.io import fits

from dynamojax.atmosphere.phoenix.specint import open_specint
from tests.atmosphere.phoenix.files import MU, simple_intensity, write_specint


def test_intensities_mu_and_wavelengths(tmp_path):
    intensity = simple_intensity()
    path = write_specint(tmp_path / "a.fits", intensity, PHXTEFF=5800.0, PHXLOGG=4.5, PHXM_H=0.0)
    with open_specint(path) as file:
        np.testing.assert_allclose(file.edges[[0, 1, -1]], [2999.5, 3000.5, 3399.5])
        np.testing.assert_array_equal(file.mu, MU)
        assert file.labels == {"teff": 5800.0, "logg": 4.5, "feh": 0.0}
        # Single precision in the file; per cm becomes per A.
        np.testing.assert_allclose(file.block(10, 60), 1e-8 * intensity[:, 10:60], rtol=1e-7)
        assert file.block(10, 60).dtype == np.float64


def test_rows_come_by_increasing_mu(tmp_path):
    path = write_specint(tmp_path / "a.fits", simple_intensity()[::-1], mu=MU[::-1])
    with open_specint(path) as file:
        np.testing.assert_array_equal(file.mu, MU)
        np.testing.assert_allclose(file.block(0, 5), 1e-8 * simple_intensity()[:, :5], rtol=1e-7)


@pytest.mark.parametrize(
    ("header", "edges"),
    [
        ({"CRVAL1": 300.0, "CDELT1": 0.1, "CUNIT1": "nm"}, (2999.5, 3000.5)),
        ({"CRPIX1": 0.0}, (3000.5, 3001.5)),
        ({"CTYPE1": "LOGLAM", "CRVAL1": 3.5, "CDELT1": 1e-4}, (10**3.49995, 10**3.50005)),
        ({"CTYPE1": "WAVE-LOG", "CRVAL1": 8.0, "CDELT1": 1e-4}, (np.exp(7.99995), np.exp(8.00005))),
    ],
)
def test_kinds_of_wavelength_axes(tmp_path, header, edges):
    with open_specint(write_specint(tmp_path / "a.fits", simple_intensity(), **header)) as file:
        np.testing.assert_allclose(file.edges[:2], edges, rtol=1e-12)


@pytest.mark.parametrize("unit", ["erg/s/cm^2/cm/sr", "erg/cm**2/s/cm/sr", "erg s-1 cm-2 cm-1 sr-1", ""])
def test_units_per_cm(tmp_path, unit):
    with open_specint(write_specint(tmp_path / "a.fits", simple_intensity(), BUNIT=unit)) as file:
        np.testing.assert_allclose(file.block(0, 1)[-1], 1e6, rtol=1e-7)


@pytest.mark.parametrize("unit", ["erg/s/cm^2/Angstrom/sr", "erg/s/cm2/A", "erg s-1 cm-2 A-1 sr-1"])
def test_units_per_angstrom(tmp_path, unit):
    with open_specint(write_specint(tmp_path / "a.fits", simple_intensity(), BUNIT=unit)) as file:
        np.testing.assert_allclose(file.block(0, 1)[-1], 1e14, rtol=1e-7)


@pytest.mark.parametrize(
    ("header", "mu", "message"),
    [
        ({"BUNIT": "Jy"}, MU, "BUNIT = 'Jy'"),
        ({"BUNIT": "erg/s/cm^2/Hz/sr"}, MU, "BUNIT"),
        ({"CTYPE1": "FREQ"}, MU, "CTYPE1 = 'FREQ'"),
        ({"CUNIT1": "Hz"}, MU, "CUNIT1 = 'hz'"),
        ({"CDELT1": -1.0}, MU, "do not increase"),
        ({}, MU[1:], "shape .78, 400. with 77"),
        ({}, MU + 0.5, "distinct and in"),
    ],
)
def test_another_content_is_refused_by_name(tmp_path, header, mu, message):
    path = write_specint(tmp_path / "a.fits", simple_intensity(), mu=mu, **header)
    with pytest.raises(ValueError, match=message) as error, open_specint(path):
        pass
    assert str(path) in str(error.value) and "fetch again" in str(error.value)


def test_a_file_cut_anywhere_is_refused(tmp_path):
    whole = write_specint(tmp_path / "a.fits", simple_intensity()).read_bytes()
    for n in (0, 100, 2880, 5000, len(whole) // 2, len(whole) - 2880, len(whole) - 1):
        (tmp_path / "a.fits").write_bytes(whole[:n])
        with pytest.raises(ValueError, match=r"a\.fits is not a readable .* fetch again"):
            with open_specint(tmp_path / "a.fits"):
                pass


def test_what_is_no_fits_is_refused(tmp_path):
    (tmp_path / "a.fits").write_text("<html>Not found</html>" * 500)
    fits.PrimaryHDU(np.ones((3, 3))).writeto(tmp_path / "b.fits")
    for path in (tmp_path / "a.fits", tmp_path / "b.fits", tmp_path / "none.fits"):
        with pytest.raises(ValueError, match=path.name), open_specint(path):
            pass
