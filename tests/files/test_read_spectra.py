import numpy as np
import pytest
from astropy.io import fits

from dynamojax.files.observed import RELATIVE, redshift_of_velocity, velocity_of_redshift
from dynamojax.files.read_spectra import read_apstar, read_apvisit, read_lamost, read_spectrum
from dynamojax.files.spectra import write_apstar, write_lamost
from dynamojax.instruments import spectrograph_presets as presets
from tests.files.spectra import LAMOST, apogee_files, centroid, needs_lamost, spectrum_of

CALCIUM = (8500.36, 8544.44, 8664.52)  # in vacuum; NIST
ALUMINIUM = (16723.52, 16755.14)  # in vacuum; NIST


def test_redshift_and_velocity_are_inverse():
    assert velocity_of_redshift(1e-3) == pytest.approx(299.64, abs=0.01)  # relativistic
    assert redshift_of_velocity(velocity_of_redshift(-0.0123)) == pytest.approx(-0.0123, rel=1e-12)


@needs_lamost
def test_all_real_lamost_spectra_are_read():
    spectra = [read_lamost(path) for path in LAMOST]
    assert len(spectra) == 14
    for spectrum in spectra:
        assert spectrum.wavelength.shape == (3904,) and spectrum.flux_unit == RELATIVE
        np.testing.assert_allclose(spectrum.wavelength[[0, -1]], [3699.985, 9088.663], atol=2e-3)
        assert 0.75 < spectrum.good.mean() < 1 and np.all(spectrum.ivar[spectrum.good] > 0)
        assert abs(spectrum.rv) < 250 and spectrum.frame == "barycentre"
        assert spectrum.name.startswith("LAMOST J") and spectrum.meta["SUBCLASS"][0] in "FGKM"
    assert min(s.rv for s in spectra) == pytest.approx(-198, abs=1)


@needs_lamost
def test_lines_of_real_lamost_spectra_lie_where_their_velocity_says():
    spectra = [read_lamost(path) for path in LAMOST]
    stated = np.array([s.rv for s in spectra])
    measured = np.array([np.median([centroid(s, line, 12.0) for line in CALCIUM]) for s in spectra])
    # The pipeline failed on one M2 star: Z says -198 km/s, its calcium, sodium and H-alpha 120 to 180 km/s.
    failed = np.abs(measured - stated) > 200
    assert failed.sum() == 1 and stated[failed][0] == pytest.approx(-198, abs=1)
    stated, measured = stated[~failed], measured[~failed]
    # A pixel is 69 km/s. Positive recedes: with the other sign the slope would be -1.
    assert np.max(np.abs(measured - stated)) < 40
    assert np.polyfit(stated, measured, 1)[0] == pytest.approx(0.9, abs=0.15)


@needs_lamost
def test_pixels_of_a_real_spectrum_make_an_instrument():
    spectrum = read_lamost(LAMOST[0])
    spectrograph = spectrum.spectrograph(1800.0)
    assert len(spectrograph.arms) == 1
    np.testing.assert_array_equal(spectrograph.wavelength, spectrum.wavelength)


def test_real_apogee_spectra_are_read():
    spectra = [read_apstar(path) for path in apogee_files("apStar")]
    assert len(spectra) == 2
    for spectrum in spectra:
        np.testing.assert_allclose(spectrum.wavelength, 10 ** (4.179 + 6e-6 * np.arange(8575)), rtol=1e-12)
        assert spectrum.frame == "star" and np.isfinite(spectrum.rv)
        # Chips cover 7514 of the 8575 pixels, a few more where visits at different velocities are combined.
        assert 0.75 < spectrum.good.mean() < 0.91
        assert 1e-15 < np.median(spectrum.flux[spectrum.good]) < 1e-13
        # In the frame of the star aluminium is at home.
        assert abs(np.mean([centroid(spectrum, line, 2.0) for line in ALUMINIUM])) < 4
    visit = read_apstar(apogee_files("apStar")[0], row=2)
    assert visit.good.mean() > 0.75 and not np.array_equal(visit.flux, spectra[0].flux)


def test_lines_of_real_apogee_visits_lie_where_their_velocity_says():
    velocities = []
    for path in apogee_files("apVisit"):
        visit = read_apvisit(path)
        assert visit.frame == "observatory" and visit.wavelength.size == 3 * 4096
        shifted = [line * (1 + visit.rv / 299792.458) for line in ALUMINIUM]
        left = np.mean([centroid(visit, line, 2.0) for line in shifted])
        assert abs(left) < 5 < abs(visit.rv)
        velocities.append(visit.rv)
        home = visit.wavelength_of_star
        np.testing.assert_allclose(np.log(visit.wavelength / home) * 299792.458, visit.rv, rtol=1e-3)
    assert len(velocities) == 2


def lamost_file(tmp_path, change=None, header=None):
    path = write_lamost(tmp_path / "l.fits", spectrum_of(presets.lamost()))
    with fits.open(path) as hdus:
        data, keys = hdus[0].data.copy(), hdus[0].header.copy()
    if change is not None:
        data = change(data)
    for key, value in (header or {}).items():
        if value is None:
            del keys[key]
        else:
            keys[key] = value
    fits.PrimaryHDU(data, keys).writeto(path, overwrite=True)
    return path


@pytest.mark.parametrize("rows", [1, 4, 6])
def test_wrong_number_of_rows(tmp_path, rows):
    path = lamost_file(tmp_path, lambda d: np.resize(d, (rows, d.shape[1])))
    with pytest.raises(ValueError, match=rf"l.fits is no LAMOST file: its image is \({rows}, 3920\); five"):
        read_lamost(path)


def test_nan_pixels_are_not_good(tmp_path):
    def spoil(data):
        data[0, 100], data[1, 200] = np.nan, np.inf
        return data

    spectrum = read_lamost(lamost_file(tmp_path, spoil))
    assert not spectrum.good[[100, 200]].any() and spectrum.good.mean() > 0.98
    assert np.isfinite(spectrum.flux).all() and np.isfinite(spectrum.ivar).all()
    with pytest.raises(ValueError, match="no good pixel among 3920"):
        read_lamost(lamost_file(tmp_path, lambda d: d * np.nan))


def test_pixels_bad_in_every_exposure_are_not_good(tmp_path):
    def flag(data):
        data[3, 10:20] = 1 << 16
        data[4, 10:40] = 1 << 16
        return data

    spectrum = read_lamost(lamost_file(tmp_path, flag))
    assert not spectrum.good[10:20].any() and spectrum.good[20:40].any()


def test_wavelengths_come_from_the_header_or_the_third_row(tmp_path):
    without = {key: None for key in ("COEFF0", "COEFF1")}
    whole = read_lamost(lamost_file(tmp_path))
    from_row = read_lamost(lamost_file(tmp_path, header=without))
    np.testing.assert_allclose(from_row.wavelength, whole.wavelength, rtol=1e-7)

    def continuum(data):
        data[2] = 1.0  # the pilot survey's third row: flux over continuum
        return data

    assert np.all(read_lamost(lamost_file(tmp_path, continuum)).wavelength == whole.wavelength)
    with pytest.raises(ValueError, match="neither COEFF0 and COEFF1 nor wavelengths"):
        read_lamost(lamost_file(tmp_path, continuum, without))
    with pytest.raises(ValueError, match="not those of COEFF0"):
        read_lamost(lamost_file(tmp_path, header={"COEFF0": 3.6}))


def test_air_is_brought_to_vacuum_and_missing_velocities_are_nan(tmp_path):
    vacuum = read_lamost(lamost_file(tmp_path))
    from_air = read_lamost(lamost_file(tmp_path, header={"VACUUM": False}))
    np.testing.assert_allclose(from_air.wavelength / vacuum.wavelength, 1.00028, atol=1e-5)
    assert np.isnan(read_lamost(lamost_file(tmp_path, header={"Z": -9999.0})).rv)
    with pytest.raises(ValueError, match="measure it"):
        _ = read_lamost(lamost_file(tmp_path, header={"Z": None})).wavelength_of_star


def test_tables_of_later_releases_are_read(tmp_path):
    path = lamost_file(tmp_path)
    whole = read_lamost(path)
    with fits.open(path) as hdus:
        rows, header = hdus[0].data.copy(), hdus[0].header.copy()
    columns = [
        fits.Column(name, f"{rows.shape[1]}E", array=rows[None, i])
        for i, name in enumerate(("FLUX", "IVAR", "WAVELENGTH", "ANDMASK", "ORMASK"))
    ]
    primary = fits.PrimaryHDU()
    for key in ("COEFF0", "COEFF1", "Z", "VACUUM", "BUNIT", "OBJECT"):
        primary.header[key] = header[key]
    table = fits.BinTableHDU.from_columns(columns, name="COADD")
    fits.HDUList([primary, table]).writeto(path, overwrite=True)
    again = read_lamost(path)
    np.testing.assert_allclose(again.flux, whole.flux, rtol=1e-6)
    np.testing.assert_array_equal(again.good, whole.good)
    fits.HDUList([primary, fits.BinTableHDU.from_columns(columns[:3])]).writeto(path, overwrite=True)
    with pytest.raises(ValueError, match="lacks .*ANDMASK"):
        read_lamost(path)


@pytest.mark.parametrize("reader", [read_lamost, read_apstar, read_apvisit, read_spectrum])
@pytest.mark.parametrize("size", [0, 100, 3000, 20000])
def test_damaged_files_are_errors_with_their_name(tmp_path, reader, size):
    path = tmp_path / "x.fits"
    path.write_bytes(lamost_file(tmp_path).read_bytes()[:size])
    with pytest.raises(ValueError, match="x.fits"):
        reader(path)
    with pytest.raises(ValueError, match="none.fits does not exist"):
        reader(tmp_path / "none.fits")


def test_other_kinds_of_file_are_errors_with_their_name(tmp_path):
    apstar = write_apstar(tmp_path / "apstar.fits", spectrum_of(presets.apogee(), frame="star"))
    lamost = lamost_file(tmp_path)
    for reader, path in ((read_lamost, apstar), (read_apstar, lamost), (read_apvisit, apstar)):
        with pytest.raises(ValueError, match=path.name):
            reader(path)
    with pytest.raises(ValueError, match="no tables SPECTRUM"):
        read_spectrum(lamost)
    with pytest.raises(ValueError, match="row = 5, but it has 1"):
        read_apstar(apstar, row=5)


def test_apogee_flags(tmp_path):
    path = write_apstar(tmp_path / "a.fits", spectrum_of(presets.apogee(), frame="star"))
    before = read_apstar(path)
    with fits.open(path, mode="update") as hdus:
        lit = np.flatnonzero(before.good)
        hdus[3].data[0, lit[10]] = 1 << 5  # flat field: bad
        hdus[3].data[0, lit[20]] = 1 << 13  # telluric line: a warning
        hdus[2].data[0, lit[30]] = 1e8  # an error without bounds
    after = read_apstar(path)
    changed = np.flatnonzero(before.good != after.good)
    np.testing.assert_array_equal(changed, lit[[10, 30]])
