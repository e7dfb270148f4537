import numpy as np
import pytest

from dynamojax.instruments.bandpass import Bandpass, embedded_names, load_bandpass

W = np.array([5000.0, 5100.0, 5200.0, 5300.0])
T = np.array([0.0, 0.8, 1.0, 0.0])


@pytest.mark.parametrize("name", embedded_names())
def test_embedded_filters_are_valid(name):
    band = load_bandpass(name)
    assert band.name == name and band.throughput.max() == pytest.approx(1.0, abs=1e-3)
    assert band.wavelength[0] > 2600 and band.wavelength[-1] < 53000


def test_twenty_filters():
    assert len(embedded_names()) == 20
    # Mean wavelengths of Bessell (1990) V, Kepler and 2MASS Ks, to 1 %.
    for name, mean in (("johnson_v", 5500), ("kepler", 6400), ("2mass_ks", 21590)):
        band = load_bandpass(name)
        weight = band.throughput * np.gradient(band.wavelength)
        assert np.average(band.wavelength, weights=weight) == pytest.approx(mean, rel=0.015)
    assert load_bandpass("kepler").photon_counting and not load_bandpass("johnson_v").photon_counting


def test_missing_filter_lists_those_there_are():
    with pytest.raises(ValueError, match="'keppler'.*kepler, tess.*from_file"):
        load_bandpass("keppler")


@pytest.mark.parametrize("unit,factor", [("angstrom", 1.0), ("nm", 10.0), ("um", 1e4)])
@pytest.mark.parametrize("separator", [" ", ",", "\t"])
def test_two_columns(tmp_path, unit, factor, separator):
    path = tmp_path / "filter.txt"
    rows = [f"{w / factor!r}{separator}{t!r}" for w, t in zip(W.tolist(), T.tolist(), strict=True)]
    path.write_text("\n".join(["# wavelength, throughput", *rows, ""]))
    band = Bandpass.from_file(path, "mine", unit=unit)
    np.testing.assert_allclose(band.wavelength, W)
    np.testing.assert_allclose(band.throughput, T)


@pytest.mark.parametrize(
    "w,t,message",
    [
        (W[:2], T[:2], "at least 3"),
        (W, T[:3], "common length"),
        (W[::-1], T, "sort the rows"),
        ([5000, 5100, 5100, 5200], T, "row 2"),
        (W, [0, np.nan, 1, 0], "not finite"),
        ([5000, np.inf, 5200, 5300], T, "not finite"),
        (W, [0, -0.1, 1, 0], "-0.1 to"),
        (W, np.zeros(4), "not all 0"),
        (W / 10, T, "if this is nm"),
        (W / 1e4, T, "if this is nm or um"),
    ],
)
def test_bad_curves_are_refused(w, t, message):
    with pytest.raises(ValueError, match=message):
        Bandpass("mine", np.array(w), np.array(t))


def test_bad_files_are_refused(tmp_path):
    path = tmp_path / "filter.txt"
    with pytest.raises(ValueError, match="not a table"):
        Bandpass.from_file(path, "mine")
    path.write_text("5000 hello\n")
    with pytest.raises(ValueError, match="not a table"):
        Bandpass.from_file(path, "mine")
    path.write_text("5000\n5100\n5200\n")
    with pytest.raises(ValueError, match="two are needed"):
        Bandpass.from_file(path, "mine")
    with pytest.raises(ValueError, match="unit = 'parsec'"):
        Bandpass.from_file(path, "mine", unit="parsec")


def test_equal_by_content_and_not_writable():
    one, two = Bandpass("b", W, T), Bandpass("b", W.copy(), T.copy())
    assert one == two and hash(one) == hash(two)
    assert one != Bandpass("b", W, T, photon_counting=False) and one != Bandpass("c", W, T)
    with pytest.raises(ValueError, match="read-only"):
        one.wavelength[0] = 1.0
