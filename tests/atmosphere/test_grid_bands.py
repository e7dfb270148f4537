import h5py
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.atmosphere import grid_bands
from dynamojax.atmosphere.grid_bands import bands_from_spectra
from dynamojax.atmosphere.grid_file import open_grid
from dynamojax.atmosphere.interpolation import band_intensity
from dynamojax.instruments.bandpass import Bandpass
from dynamojax.instruments.photometer import Photometer
from dynamojax.simulate import Simulator
from dynamojax.system import Planets, SpotMap, Star, System
from tests.atmosphere import spectra

NODE = (5000.0, 4.5, 0.0)
AT = (3, 2, 2)


def tent(name, low, high, photon_counting=True):
    at = np.linspace(low, high, 41)
    return Bandpass(
        name, at, 1.0 - np.abs(np.linspace(-1, 1, 41)) + 0.1 * np.sin(at / 30) ** 2, photon_counting
    )


@pytest.fixture
def file(tmp_path):
    return open_grid(spectra.write(tmp_path / "grid.h5"))


def mean_by_hand(band, axes, node=NODE):
    """Band mean of I [n_mu] over a fine axis in wavelength, of the samples joined by lines."""
    fine = np.linspace(band.wavelength[0], band.wavelength[-1], 400_001)
    response = np.interp(fine, band.wavelength, band.throughput) * (fine if band.photon_counting else 1.0)
    intensity = np.zeros((spectra.N_MU, len(fine)))
    for axis in axes:
        inside = (fine >= axis.ends[0]) & (fine <= axis.ends[1])
        samples = 10 ** spectra.log10_intensity(*node, axis)
        for m in range(spectra.N_MU):
            intensity[m, inside] = np.interp(np.log(fine[inside]), axis.ln_wavelength, samples[m])
        response[~inside & (len(axes) == 1)] = 0.0
    return np.trapezoid(intensity * response, fine) / np.trapezoid(response, fine)


@pytest.mark.parametrize("photon_counting", [True, False])
@pytest.mark.parametrize("span", [(5100.0, 5900.0), (5160.0, 5190.0)])
def test_it_is_the_mean_over_the_band(x64, file, photon_counting, span):
    band = tent("own", *span, photon_counting)
    grid = bands_from_spectra(file, [band])
    got = np.exp(grid.log_intensity[(*AT, 0)])
    # 4001 points at least over the band; float32 residuals in the file.
    np.testing.assert_allclose(got, mean_by_hand(band, [spectra.OPTICAL]), rtol=2e-6)


def test_photons_and_energy_differ(x64, file):
    grid = bands_from_spectra(file, [tent("p", 5100, 5900), tent("e", 5100, 5900, False)])
    assert 1e-4 < np.abs(np.ptp(grid.log_intensity[(*AT, slice(None), 0)]))


def test_a_band_over_two_segments(x64, tmp_path):
    one = open_grid(spectra.write(tmp_path / "one.h5"))
    halves = spectra.write_halves(tmp_path / "two.h5")
    band = tent("own", 5100.0, 5900.0)
    whole, parts = (bands_from_spectra(f, [band]).log_intensity[AT] for f in (one, open_grid(halves)))
    # The second half is sampled three times as finely, which the lines in it feel.
    np.testing.assert_allclose(parts, whole, atol=1e-3)
    # Fixed point in the file: 2e-5 at a wavelength, less in the mean.
    np.testing.assert_allclose(np.exp(parts[0]), mean_by_hand(band, spectra.HALVES), rtol=1e-5)


def test_light_beyond_the_spectra_is_refused_with_its_amount(file):
    beyond = tent("red", 5500.0, 6500.0)
    fine = np.linspace(5500.0, 6500.0, 100_001)
    response = np.interp(fine, beyond.wavelength, beyond.throughput) * fine
    lost = 100 * response[fine > spectra.OPTICAL.ends[1]].sum() / response.sum()
    with pytest.raises(ValueError, match=rf"red: {lost:.1f}.* % of the throughput lies beyond the spectra"):
        bands_from_spectra(file, [beyond])
    with pytest.raises(ValueError, match="100.00 % .*optical|100.00 % .*5000-6001 A"):
        bands_from_spectra(file, [tent("none", 7000.0, 8000.0)])


def test_a_thousandth_is_allowed(x64, file):
    at = np.array([5100.0, 5200.0, 5900.0, 5950.0, 5950.1, 6300.0])
    band = Bandpass("leak", at, np.array([0.0, 1.0, 1.0, 0.0, 1e-3, 1e-3]))
    grid = bands_from_spectra(file, [band])
    np.testing.assert_allclose(
        np.exp(grid.log_intensity[(*AT, 0)]), mean_by_hand(band, [spectra.OPTICAL]), rtol=3e-6
    )


def test_names(file):
    with pytest.raises(ValueError, match="different names"):
        bands_from_spectra(file, [tent("a", 5100, 5900), tent("a", 5200, 5900)])
    with pytest.raises(ValueError, match="at least one"):
        bands_from_spectra(file, [])


def test_holes_and_zero_points(x64, file):
    grid = bands_from_spectra(file, [tent("own", 5100.0, 5900.0)])
    np.testing.assert_array_equal(grid.exists, file.exists)
    assert np.isfinite(grid.log_intensity).all()
    assert not bool(band_intensity(grid, *map(jnp.asarray, (5600.0, 3.6, 0.0)))[1])
    value, valid = band_intensity(grid, *map(jnp.asarray, NODE))
    assert bool(valid)
    np.testing.assert_allclose(value[0], np.exp(grid.log_intensity[(*AT, 0)]), rtol=1e-12)
    # Vega in V: 3.6e-9 erg/s/cm2/A at 5500 A (Bessell & Murphy 2012), AB and Vega alike to 3 %.
    assert float(grid.vega_zero_point[0]) == pytest.approx(3.6e-9, rel=0.04)
    assert float(grid.ab_zero_point[0]) == pytest.approx(3.6e-9, rel=0.04)


def _counted(monkeypatch):
    calls = []
    original = grid_bands._integrated
    monkeypatch.setattr(
        grid_bands, "_integrated", lambda f, pieces: calls.append(sorted(pieces)) or original(f, pieces)
    )
    return calls


def test_what_is_kept_is_used_again(file, monkeypatch):
    calls = _counted(monkeypatch)
    first = bands_from_spectra(file, [tent("a", 5100, 5900)])
    again = bands_from_spectra(file, [tent("renamed", 5100, 5900), tent("b", 5200, 5800)])
    assert calls == [["a"], ["b"]]
    assert again.bands == ("renamed", "b")
    np.testing.assert_array_equal(first.log_intensity[..., 0, :], again.log_intensity[..., 0, :])
    kept = sorted(file.path.with_suffix(".bands").iterdir())
    assert len(kept) == 2 and all(p.suffix == ".h5" for p in kept)


def test_other_filters_and_other_grids_are_not_mixed_up(file, monkeypatch):
    calls = _counted(monkeypatch)
    for band in (tent("a", 5100, 5900), tent("a", 5100, 5900, False), tent("a", 5100, 5901)):
        bands_from_spectra(file, [band])
    spectra.write(file.path, hole=lambda t, g, f: t > 5900)  # another grid under the same name
    other = bands_from_spectra(open_grid(file.path), [tent("a", 5100, 5900)])
    assert len(calls) == 4 and not bool(other.exists[-1].any())


@pytest.mark.parametrize("damage", ["short", "foreign", "nan", "key"])
def test_damaged_ones_are_made_again(file, monkeypatch, damage):
    good = bands_from_spectra(file, [tent("a", 5100, 5900)])
    (kept,) = file.path.with_suffix(".bands").iterdir()
    if damage == "short":
        kept.write_bytes(kept.read_bytes()[:-100])
    elif damage == "foreign":
        kept.write_text("text")
    else:
        with h5py.File(kept, "r+") as opened:
            if damage == "nan":
                opened["ln_intensity"][AT] = np.nan
            else:
                opened.attrs["key"] = "another"
    calls = _counted(monkeypatch)
    again = bands_from_spectra(file, [tent("a", 5100, 5900)])
    assert calls == [["a"]]
    np.testing.assert_array_equal(again.log_intensity, good.log_intensity)
    bands_from_spectra(file, [tent("a", 5100, 5900)])
    assert len(calls) == 1


def test_folders_that_cannot_be_written(file, monkeypatch, tmp_path):
    blocked = file.path.with_suffix(".bands")
    blocked.write_text("a file where the folder would be")
    monkeypatch.setenv("DYNAMOJAX_CACHE", str(tmp_path / "cache"))
    calls = _counted(monkeypatch)
    for _ in range(2):
        bands_from_spectra(file, [tent("a", 5100, 5900)])
    assert len(calls) == 1 and len(list((tmp_path / "cache" / "bands").iterdir())) == 1
    with pytest.raises(ValueError, match="cache = .* cannot be written to"):
        bands_from_spectra(file, [tent("a", 5100, 5900)], cache=blocked)


def test_nothing_is_written_into_the_package(file, monkeypatch, tmp_path):
    monkeypatch.setattr(grid_bands, "_PACKAGE", file.path.resolve().parent)
    monkeypatch.setenv("DYNAMOJAX_CACHE", str(tmp_path / "cache"))
    bands_from_spectra(file, [tent("a", 5100, 5900)])
    assert not file.path.with_suffix(".bands").exists()
    assert len(list((tmp_path / "cache" / "bands").iterdir())) == 1


def test_the_simulator_takes_it(file):
    grid = bands_from_spectra(file, [tent("own", 5100.0, 5900.0)])
    photometer = Photometer("own", ("own",), np.linspace(0.0, 5.0, 20), 0.0)
    simulate = Simulator(grid, photometers=[photometer], degree=3)
    star = Star.from_degrees(teff=5000.0, logg=4.5, prot=5.0, spot_contrast=500.0)
    spots = SpotMap.from_degrees([10.0], [0.0], [10.0])
    out = simulate(System(star=star, spots=spots, planets=Planets.empty(0)))
    flux = np.asarray(out.light_curves["own"].flux)
    assert bool(out.valid) and flux.shape == (1, 20)
    # A cap of 10 deg covers 3 % of the disc and is darker by 40 % at 5500 A.
    assert 0.005 < 1 - flux.min() < 0.03
