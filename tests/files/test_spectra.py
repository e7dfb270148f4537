import numpy as np
import pytest
from astropy.io import fits

from dynamojax.files.observed import ABSOLUTE, RELATIVE, ObservedSpectrum, simulated
from dynamojax.files.read_spectra import read_apstar, read_lamost, read_spectrum
from dynamojax.files.spectra import write_apstar, write_aspcapstar, write_lamost, write_spectrum
from dynamojax.instruments import spectrograph_presets as presets
from tests.files.spectra import spectrum_of


def assert_same(a: ObservedSpectrum, b: ObservedSpectrum, rtol=1e-12):
    for name in ("name", "instrument", "frame", "flux_unit"):
        assert getattr(a, name) == getattr(b, name)
    np.testing.assert_allclose(a.wavelength, b.wavelength, rtol=1e-12)
    np.testing.assert_array_equal(a.good, b.good)
    np.testing.assert_allclose(a.flux, b.flux, rtol=rtol)
    np.testing.assert_allclose(a.ivar, b.ivar, rtol=rtol)
    np.testing.assert_allclose(a.rv, b.rv, rtol=1e-9)


@pytest.mark.parametrize("medium", ["vacuum", "air"])
def test_table_round_trip(tmp_path, medium):
    spectrograph = presets.apogee() if medium == "vacuum" else presets.galah()
    meta = {"time": 2.5, "seed": 7, "note": "long " * 30, "SUBCLASS": "G2"}
    spectrum = spectrum_of(spectrograph, meta=meta)
    again = read_spectrum(write_spectrum(tmp_path / "a.fits", spectrum))
    assert_same(again, spectrum)
    assert again.medium == medium and again.meta == meta
    with fits.open(tmp_path / "a.fits") as hdus:
        written = hdus[1].data["wavelength"]
        assert hdus[0].header["VACUUM"] == (medium == "vacuum")
    np.testing.assert_allclose(written, spectrograph.wavelength_written, rtol=1e-12)


def test_specutils_opens_the_table(tmp_path):
    specutils = pytest.importorskip("specutils")
    import astropy.units as u

    spectrum = spectrum_of(presets.apogee())
    write_spectrum(tmp_path / "a.fits", spectrum)
    opened = specutils.Spectrum.read(tmp_path / "a.fits")
    np.testing.assert_allclose(opened.spectral_axis.to_value(u.AA), spectrum.wavelength, rtol=1e-12)
    np.testing.assert_allclose(opened.flux.to_value(u.Unit(ABSOLUTE)), spectrum.flux, rtol=1e-12)
    np.testing.assert_array_equal(opened.mask, ~spectrum.good)
    error = opened.uncertainty.represent_as(type(opened.uncertainty)).array
    np.testing.assert_allclose(error[spectrum.good], spectrum.ivar[spectrum.good] ** -0.5, rtol=1e-10)


@pytest.mark.parametrize("options", [{}, {"format": "APOGEE apStar"}])
def test_specutils_opens_the_apogee_layout(tmp_path, options):
    """It knows the layout by itself, too."""
    specutils = pytest.importorskip("specutils")
    spectrum = spectrum_of(presets.apogee(), frame="star")
    write_apstar(tmp_path / "apStar-mine.fits", spectrum)
    opened = specutils.Spectrum.read(tmp_path / "apStar-mine.fits", **options)
    lit = np.isin(np.round(opened.spectral_axis.value, 6), np.round(spectrum.wavelength, 6))
    assert lit.sum() == spectrum.flux.size and opened.flux.size == 8575
    np.testing.assert_allclose(opened.flux.to_value(ABSOLUTE)[lit], spectrum.flux, rtol=1e-12)


def test_lamost_layout(tmp_path):
    spectrum = spectrum_of(presets.lamost(), meta={"SUBCLASS": "K1"})
    again = read_lamost(write_lamost(tmp_path / "l.fits", spectrum))
    assert_same(again, spectrum, rtol=2e-7)  # rows are float32
    assert again.meta["SUBCLASS"] == "K1" and again.meta["Z"] < 0 and again.rv == pytest.approx(-42.5)
    with fits.open(tmp_path / "l.fits") as hdus:
        assert hdus[0].data.shape == (5, 3920) and hdus[0].data.dtype == ">f4"
        assert hdus[0].header["COEFF0"] == pytest.approx(3.5671)
        assert hdus[0].header["COEFF1"] == pytest.approx(1e-4)


def test_apogee_layout(tmp_path):
    spectrum = spectrum_of(presets.apogee(), frame="star", rv=13.0)
    again = read_apstar(write_apstar(tmp_path / "a.fits", spectrum))
    assert again.wavelength.size == 8575 and again.rv == 13.0 and again.frame == "star"
    # Between the chips there is nothing.
    assert np.sum(again.good) == np.sum(spectrum.good)
    here = np.searchsorted(again.wavelength, spectrum.wavelength * (1 - 1e-9))
    np.testing.assert_allclose(again.flux[here], spectrum.flux, rtol=1e-12)
    np.testing.assert_allclose(again.ivar[here], spectrum.ivar, rtol=1e-10)


def test_aspcap_layout_holds_a_model(tmp_path):
    spectrum = spectrum_of(presets.apogee(), frame="star", flux_unit=RELATIVE)
    model = np.linspace(0.5, 1.0, spectrum.flux.size)
    again = read_apstar(write_aspcapstar(tmp_path / "a.fits", spectrum, model))
    assert again.flux_unit == RELATIVE
    assert np.sum(again.good) == np.sum(spectrum.good)
    with fits.open(tmp_path / "a.fits") as hdus:
        np.testing.assert_array_equal(hdus[3].data[hdus[3].data > 0], model)


def test_layouts_refuse_other_pixels(tmp_path):
    with pytest.raises(ValueError, match="use write_spectrum"):
        write_lamost(tmp_path / "a.fits", spectrum_of(presets.gaia_rvs()))
    with pytest.raises(ValueError, match="use write_spectrum"):
        write_apstar(tmp_path / "a.fits", spectrum_of(presets.lamost()))
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_older_file(tmp_path):
    path = write_spectrum(tmp_path / "a.fits", spectrum_of(presets.gaia_rvs()))
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_spectrum(path, spectrum_of(presets.gaia_rvs(), meta={"bad": object()}))
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_columns_are_checked():
    good = np.ones(3, dtype=bool)
    rising = np.array([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="wavelengths must rise"):
        ObservedSpectrum("x", "y", rising[::-1], rising, rising, good)
    with pytest.raises(ValueError, match="frame = 'sun'"):
        ObservedSpectrum("x", "y", rising, rising, rising, good, frame="sun")
    with pytest.raises(ValueError, match="shapes"):
        ObservedSpectrum("x", "y", rising, rising[:2], rising, good)


def test_orders_that_overlap_are_sorted():
    from dynamojax.instruments.spectrograph import Arm, Spectrograph

    arms = tuple(
        Arm.from_centres(name, np.arange(start, start + 10.0), 1000.0)
        for name, start in (("b", 5007.25), ("a", 5000.0))
    )
    spectrograph = Spectrograph("echelle", arms, np.zeros(1))
    spectrum = simulated(
        "x", spectrograph, spectrograph.wavelength * 1e-15, np.full(20, 1e-16), np.ones(20, dtype=bool)
    )
    assert np.all(np.diff(spectrum.wavelength) > 0)
    np.testing.assert_allclose(spectrum.flux, spectrum.wavelength * 1e-15)
