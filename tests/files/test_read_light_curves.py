"""Observed light curves from files."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from dynamojax.files.read_light_curves import read_light_curve

SHARED = next(
    (f for b in Path(__file__).parents for f in [b / "shared" / "data" / "kepler"] if f.is_dir()), None
)


def archive(path, **columns):
    """A file laid out as the archive's, three rows."""
    given = {
        "TIME": np.array([2.0, np.nan, 1.0]),
        "PDCSAP_FLUX": np.array([1e4, 1e4, 1.01e4]),
        "PDCSAP_FLUX_ERR": np.full(3, 5.0),
        "SAP_QUALITY": np.array([0, 0, 128]),
    } | columns
    hdu = fits.BinTableHDU.from_columns([fits.Column(n, "D", array=x) for n, x in given.items()])
    hdu.header["TELESCOP"], hdu.header["BJDREFI"], hdu.header["BJDREFF"] = "Kepler", 2454833, 0.0
    primary = fits.PrimaryHDU()
    primary.header["OBJECT"] = "KIC 1"
    fits.HDUList([primary, hdu]).writeto(path)
    return path


def test_a_file_of_the_archive(tmp_path):
    curve = read_light_curve(archive(tmp_path / "a.fits"))
    np.testing.assert_array_equal(curve.time, [1.0, 2.0])  # sorted, the row without time dropped
    np.testing.assert_array_equal(curve.good, [False, True])
    assert (curve.name, curve.band, curve.flux_unit, curve.reference) == (
        "KIC 1",
        "kepler",
        "counts",
        2454833,
    )


def test_a_table_of_ones_own(tmp_path):
    Table({"time": [0.0, 1.0], "flux": [1.0, 0.9], "flux_err": [0.1, 0.0]}).write(tmp_path / "a.csv")
    curve = read_light_curve(tmp_path / "a.csv")
    np.testing.assert_array_equal(curve.good, [True, False])
    assert curve.flux_unit == "relative"


def test_faults(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        read_light_curve(tmp_path / "none.fits")
    (tmp_path / "bad.fits").write_bytes(b"SIMPLE  =" + b" " * 100)
    with pytest.raises(ValueError, match="damaged"):
        read_light_curve(tmp_path / "bad.fits")
    with pytest.raises(ValueError, match="SAP and its _ERR are needed"):
        read_light_curve(archive(tmp_path / "a.fits"), flux="SAP")
    with pytest.raises(ValueError, match="no good point among 2"):
        read_light_curve(archive(tmp_path / "b.fits", PDCSAP_FLUX=np.full(3, np.nan)))
    Table({"time": [0.0], "flux": [1.0]}).write(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="lacks the columns flux_err"):
        read_light_curve(tmp_path / "a.csv")


@pytest.mark.skipif(SHARED is None, reason="real observations are not beside this folder")
def test_gj_1243():
    curve = read_light_curve(SHARED / "kplr009726699-2009350155506_llc.fits")
    assert curve.name == "KIC 9726699" and curve.good.sum() > 3000 and 2454833 == curve.reference
