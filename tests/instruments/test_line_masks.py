"""Line masks: units, media, those of iccf, and what is refused."""

import numpy as np
import pytest

import dynamojax as dj
from dynamojax.instruments import line_masks
from dynamojax.instruments.line_masks import LineMask, line_mask
from dynamojax.refraction import air_from_vacuum, vacuum_from_air

# Wavelengths of Fe I in air [A], Nave et al. (1994), by way of the NIST Atomic Spectra Database.
IRON = np.array([5250.2080, 5576.0888, 6173.3344, 6252.5549])


def test_lines_are_sorted_and_in_vacuum():
    mask = LineMask.from_lines("mine", [6000.0, 5000.0], [1.0, 2.0], medium="air")
    np.testing.assert_allclose(mask.wavelength, vacuum_from_air([5000.0, 6000.0]), rtol=1e-14)
    np.testing.assert_array_equal(mask.weight, [2.0, 1.0])
    np.testing.assert_array_equal(LineMask.from_lines("mine", [5000.0, 6000.0]).weight, 1.0)
    assert mask.n_lines == 2 and mask.within(5000, 5500).n_lines == 1
    with pytest.raises(ValueError, match="read-only"):
        mask.weight[0] = 3.0


def test_tables_of_two_and_of_three_columns(tmp_path):
    two, three = tmp_path / "two.txt", tmp_path / "G2.mas"
    two.write_text("# wavelength weight\n5000.0, 0.4\n5100.0, 0.7\n")
    three.write_text("4999.9 5000.1 0.4\n5099.9 5100.1 0.7\n")
    masks = LineMask.from_table(two, medium="air"), LineMask.from_table(three, medium="air")
    for mask in masks:
        np.testing.assert_allclose(air_from_vacuum(mask.wavelength), [5000.0, 5100.0], rtol=1e-9)
        np.testing.assert_allclose(mask.weight, [0.4, 0.7])
    assert [mask.name for mask in masks] == ["two", "G2"]


@pytest.mark.parametrize(
    ("lines", "weights", "message"),
    [
        ([], None, "give one weight a line"),
        ([5000.0, np.nan], None, "finite, positive"),
        ([5000.0, 5001.0], [1.0, 0.0], "weight = 0.0, allowed: finite, above 0"),
        ([5000.0, 5001.0], [1.0], "one for each is needed"),
    ],
)
def test_impossible_lines(lines, weights, message):
    with pytest.raises(ValueError, match=message):
        LineMask.from_lines("mine", lines, weights)


def test_bad_media_tables_and_ranges(tmp_path):
    with pytest.raises(ValueError, match="medium = 'water'"):
        LineMask.from_lines("mine", [5000.0], medium="water")
    with pytest.raises(ValueError, match="no line between low = 7000"):
        LineMask.from_lines("mine", [5000.0]).within(7000, 8000)
    (tmp_path / "words.txt").write_text("5000 strong\n")
    for name, message in (("words.txt", "not a table of numbers"), ("none.txt", "not a table of numbers")):
        with pytest.raises(ValueError, match=message):
            LineMask.from_table(tmp_path / name, medium="air")
    (tmp_path / "four.txt").write_text("1 2 3 4\n")
    with pytest.raises(ValueError, match="give wavelength and weight"):
        LineMask.from_table(tmp_path / "four.txt", medium="air")


@pytest.mark.parametrize("name", ["HARPS_G2", "HARPS_K2", "ESPRESSO_G2"])
def test_masks_of_iccf_are_in_vacuum_where_stars_show_them(name):
    """Iron 0.1-0.8 km/s to the red of the laboratory: gravity 0.6, convection -0.3 km/s; air would be -83."""
    pytest.importorskip("iCCF", exc_type=ImportError)
    mask = line_mask(name)
    vacuum = vacuum_from_air(IRON)
    nearest = mask.wavelength[np.argmin(np.abs(mask.wavelength[:, None] - vacuum), axis=0)]
    velocity = 299792.458 * (nearest / vacuum - 1)
    assert 0.1 < np.median(velocity) < 0.8
    assert mask.n_lines > 3000 and np.all(mask.weight > 0)


def test_m2_and_the_near_infrared():
    pytest.importorskip("iCCF", exc_type=ImportError)
    assert line_mask("HARPS_M2").n_lines > 6000
    nirps = line_mask("NIRPS_G2")
    assert np.sum((nirps.wavelength > 15140) & (nirps.wavelength < 16960)) > 100
    assert dj.line_mask is line_mask


def test_unknown_masks_and_a_missing_package(monkeypatch):
    pytest.importorskip("iCCF", exc_type=ImportError)
    with pytest.raises(ValueError, match="name = 'HARPS_G3' is no mask of iccf; allowed: .*HARPS_G2"):
        line_mask("HARPS_G3")
    monkeypatch.setattr(line_masks, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'dynamojax\[velocities\]'"):
        line_mask("HARPS_G2")
