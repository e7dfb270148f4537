import h5py
import numpy as np
import pytest

pytest.importorskip("scipy")

from dynamojax.atmosphere.bands import band_weights, log_band_mean
from grids import build_bands, sources, spectra
from grids.shapes import _clamped


def test_packing_refuses_what_its_steps_cannot_hold():
    values = np.array([-3.2767, 0.5])
    np.testing.assert_allclose(build_bands._packed(values, 1e-4) * 1e-4, values, atol=5e-5)
    with pytest.raises(ValueError, match="more than int16 holds"):
        build_bands._packed(np.array([-3.3]), 1e-4)


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "bands.h5"
    target.write_bytes(b"old")
    with pytest.raises(KeyError):
        build_bands.write({"bands": ["a"], "filters": {}}, target)  # no shape: fails half way
    assert target.read_bytes() == b"old"


def test_a_source_with_another_checksum_is_refused(tmp_path, monkeypatch):
    def download(command, check):
        (tmp_path / "astroariadne-1.5.2-py3-none-any.whl").write_bytes(b"something else")

    monkeypatch.setattr(sources.subprocess, "run", download)
    with pytest.raises(ValueError, match="sha256"):
        sources.fetch(tmp_path)


def test_smooth_spectra_return_a_black_body_and_its_bands():
    teff = np.array([4000.0, 9000.0])
    truth = spectra.black_body(spectra.LN_WAVELENGTH, teff)
    centres = np.geomspace(3500.0, 45000.0, 20)
    curves = [(c * np.linspace(0.92, 1.08, 50), np.hanning(50), True) for c in centres]
    weights = np.stack([band_weights(spectra.LN_WAVELENGTH, *curve) for curve in curves])
    fitted = spectra.fit(weights, log_band_mean(weights, truth) + 0.2, teff)
    # A grey factor of e^0.2 is as smooth as can be: recovered to the noise of the bands.
    inside = (spectra.LN_WAVELENGTH > np.log(4000)) & (spectra.LN_WAVELENGTH < np.log(40000))
    np.testing.assert_allclose((fitted - truth)[:, inside], 0.2, atol=0.02)
    # sigma T^4, but for what lies below 1170 A (nothing here) and the trapezoid: 1e-3.
    np.testing.assert_allclose(spectra.bolometric_deficit(truth, teff), 0.0, atol=2e-3)


def test_extension_is_relative_to_logg_5():
    nodes = np.array([[4000.0, g, 0.0] for g in (0.0, 4.5, 5.0, 6.0)])
    truth = spectra.black_body(spectra.LN_WAVELENGTH, nodes[:, 0])
    dimmed = truth + np.array([-0.4, -0.01, 0.0, 0.05])[:, None]
    np.testing.assert_allclose(spectra.extension(dimmed, nodes), [-0.4, -0.01, 0.0, 0.0], atol=1e-12)


def test_tables_are_held_at_their_edges():
    nodes = np.array([[t, g, z] for t in (3500.0, 4000.0) for g in (3.0, 4.0, 5.0) for z in (-1.0, 0.0)])
    values = nodes @ np.array([[1e-3], [1.0], [0.1]])
    missing = (nodes[:, 0] == 4000) & (nodes[:, 1] == 3)
    table = _clamped(nodes[~missing], values[~missing])
    point = np.array([[3750.0, 4.5, -0.5], [3000.0, 9.0, 5.0], [4000.0, 3.0, 0.0]])
    np.testing.assert_allclose(table(point)[:, 0], [8.2, 8.5, 8.0])


def test_written_file_holds_what_was_given(tmp_path):
    data = {
        "bands": ["a"],
        "filters": {"a": (np.arange(3.0), np.ones(3), True)},
        "shape": np.zeros((2, 1, 3), np.int16),
        "spectrum": np.zeros((2, 4), np.int16),
    }
    build_bands.write(data, tmp_path / "new" / "bands.h5")
    with h5py.File(tmp_path / "new" / "bands.h5") as file:
        assert file["filters/a"].attrs["photon_counting"] and file.attrs["builder"] == "grids.build_bands"
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "bands.h5"]
