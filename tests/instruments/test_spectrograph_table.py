import numpy as np
import pytest

from dynamojax.instruments import spectrograph_presets as presets
from dynamojax.instruments.spectrograph_table import from_pixels, from_table


def test_table_with_resolution_and_a_gap(tmp_path):
    path = tmp_path / "mine.txt"
    wavelength = np.concatenate([np.arange(5000.0, 5010.0, 0.5), np.arange(6000.0, 6020.0, 0.8)])
    resolution = np.linspace(2000.0, 3000.0, wavelength.size)
    rows = "\n".join(f"{w}, {r}" for w, r in zip(wavelength, resolution, strict=True))
    path.write_text(f"# wavelength resolution\n{rows}\n")
    spectrograph = from_table(path, "mine", epochs=2, medium="air")
    assert [arm.n_pixels for arm in spectrograph.arms] == [20, 25]
    np.testing.assert_allclose(spectrograph.wavelength_written, wavelength, rtol=1e-12)
    np.testing.assert_allclose(spectrograph.resolution, resolution)
    assert len(spectrograph.times) == 2


def test_table_of_one_column_needs_a_resolution(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("5000\n5001\n5002\n")
    np.testing.assert_array_equal(from_table(path, "mine", resolution=1500.0).resolution, 1500.0)
    varying = from_table(path, "mine", resolution=([4000.0, 6000.0], [1000.0, 2000.0]))
    np.testing.assert_allclose(varying.resolution, [1500.0, 1500.5, 1501.0])
    with pytest.raises(ValueError, match="add the resolving power"):
        from_table(path, "mine")


@pytest.mark.parametrize("text", ["5000 x\n", "", "5000 1\n5001\n"])
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_what_is_no_table_is_an_error(tmp_path, text):
    path = tmp_path / "mine.txt"
    path.write_text(text)
    with pytest.raises(ValueError):
        from_table(path, "mine")
    with pytest.raises(ValueError, match="is not a table"):
        from_table(tmp_path / "none.txt", "mine")


def test_pixels_of_a_real_grid_make_its_arms():
    apogee = presets.apogee()
    same = from_pixels("apogee", apogee.wavelength, 22500.0)
    assert [arm.n_pixels for arm in same.arms] == [arm.n_pixels for arm in apogee.arms]
    for mine, theirs in zip(same.arms, apogee.arms, strict=True):
        np.testing.assert_allclose(mine.edges, theirs.edges, rtol=1e-12)
