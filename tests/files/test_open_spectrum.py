"""Spectra of any kind: what a file is, and who reads it."""

import numpy as np
import pytest
from astropy.io import fits

from dynamojax.files.open_spectrum import kind_of, open_spectrum
from dynamojax.refraction import vacuum_from_air


def table(path, wavelength, flux, error):
    rows = [
        "wavelength,flux,flux_err",
        *(f"{w!r},{f!r},{e!r}" for w, f, e in zip(wavelength, flux, error, strict=True)),
    ]
    path.write_text("\n".join(rows) + "\n")
    return path


WAVELENGTH = [5000.0, 5001.0, 5002.0, 5003.0]


def test_tables_are_sorted_and_masked(tmp_path):
    path = table(tmp_path / "a.csv", WAVELENGTH[::-1], [4.0, float("nan"), 2.0, 1.0], [0.1] * 4)
    found = open_spectrum(path)
    np.testing.assert_array_equal(found.wavelength, WAVELENGTH)
    np.testing.assert_array_equal(found.good, [True, True, False, True])
    np.testing.assert_allclose(found.flux_err[0], 0.1)
    in_air = open_spectrum(path, "table", "air")
    np.testing.assert_allclose(in_air.wavelength, vacuum_from_air(np.array(WAVELENGTH)))


def test_faults_of_tables(tmp_path):
    path = table(tmp_path / "a.csv", WAVELENGTH, [1.0] * 4, [0.1, 0.0, 0.1, 0.1])
    with pytest.raises(ValueError, match="flux_err = 0 at 5001.00 A"):
        open_spectrum(path)
    path.write_text("wavelength,flux\n5000,1\n")
    with pytest.raises(ValueError, match="lacks the columns flux_err"):
        open_spectrum(path)
    with pytest.raises(ValueError, match="does not exist"):
        open_spectrum(tmp_path / "none.fits")
    with pytest.raises(ValueError, match="medium = 'air' is for tables; .* is read as lamost"):
        open_spectrum(path, "lamost", "air")
    path = table(tmp_path / "b.csv", WAVELENGTH, [float("nan")] * 4, [0.1] * 4)
    with pytest.raises(ValueError, match="no good pixel among 4"):
        open_spectrum(path)


def test_files_are_told_apart(tmp_path):
    def written(name, **cards):
        hdu = fits.PrimaryHDU(np.zeros((5, 8)))
        hdu.header.update(cards)
        hdu.writeto(tmp_path / name)
        return tmp_path / name

    assert kind_of(written("spec-1.fits", TELESCOP="LAMOST")) == "lamost"
    assert kind_of(written("apStar-r12-2M00.fits")) == "apogee"
    assert kind_of(written("apVisit-r12-1.fits")) == "apvisit"
    assert kind_of(written("other.fits")) == "specutils"
    (tmp_path / "c.fits").write_text("nothing")
    assert kind_of(tmp_path / "c.fits") == "specutils"


def test_specutils_reads_the_rest(tmp_path):
    specutils = pytest.importorskip("specutils")
    import astropy.units as u
    from astropy.nddata import StdDevUncertainty

    spectrum = specutils.Spectrum(
        spectral_axis=np.linspace(500.0, 510.0, 50) * u.nm,
        flux=np.linspace(1.0, 2.0, 50) * u.Jy,
        uncertainty=StdDevUncertainty(np.full(50, 0.1)),
    )
    spectrum.write(tmp_path / "a.fits", format="tabular-fits")
    found = open_spectrum(tmp_path / "a.fits")
    np.testing.assert_allclose(found.wavelength[[0, -1]], [5000.0, 5100.0])
    np.testing.assert_allclose(found.flux_err, 0.1)
    (tmp_path / "b.fits").write_text("nothing")
    with pytest.raises(ValueError, match="specutils cannot read it"):
        open_spectrum(tmp_path / "b.fits")
