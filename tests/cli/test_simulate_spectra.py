"""`dynamojax simulate` with spectrographs and velocities: what it writes and how it fails."""

import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from dynamojax.cli import app
from dynamojax.files import read_lamost, read_simulation, read_spectrum

STAR = """
[star]
name = "a star"
teff = 5500.0
prot = 8.0
rv = 30.0
convective_blueshift = 0.0
[[spots]]
radius_deg = 8.0
lon_deg = 20.0
[[planets]]
period = 3.0
radius_ratio = 0.1
t_transit = 0.5
"""
SEEN = """
[[spectrographs]]
preset = "lamost"
times = [0.5, 2.0]
wavelength = [6500, 6700]
[[spectrographs]]
preset = "custom"
name = "low"
wavelength = [6000, 6200]
resolution = 500
barycentric_velocity = 12.0
[[velocities]]
start = 0.35
epochs = 31
cadence = 0.01
error_m_s = 2.0
[spectra]
n_disc = [16, 8]
"""


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def written(folder: Path, text: str) -> Path:
    (folder / "a.toml").write_text(text)
    return folder / "a.toml"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    result = run("simulate", written(folder, STAR + SEEN), "--output", folder / "out", "--no-plot")
    assert result.exit_code == 0, result.output
    return folder / "out", result


@pytest.mark.slow
def test_without_photometers_there_are_spectra_and_velocities(done):
    folder, result = done
    names = {"a-star_lamost_1.fits", "a-star_lamost_2.fits", "a-star_low.fits", "a-star_rv.fits", "a-star.h5"}
    names |= {"spec-a-star_lamost_1.fits", "spec-a-star_lamost_2.fits"}
    assert set(os.listdir(folder)) == names
    assert all(f"wrote {folder / name}" in result.stderr for name in names)
    assert (
        "lamost 2 spectra of 131 pixels" in result.stderr and "rv 31 velocities in johnson_v" in result.stderr
    )


def test_spectra_have_noise_weights_and_the_velocity_of_the_star(done):
    folder, _ = done
    back, everything = read_spectrum(folder / "a-star_lamost_1.fits"), read_simulation(folder / "a-star.h5")
    seen = everything["spectra"]["lamost"]
    np.testing.assert_allclose(back.flux, seen["flux"][0], rtol=1e-12)
    np.testing.assert_allclose(seen["velocity"], 30.0, rtol=1e-6)
    assert back.rv == pytest.approx(30.0, rel=1e-6)
    # Without ripple and bad pixels the scatter would be 1; the ripple of a tenth adds a smooth factor.
    ratio = seen["flux"] / seen["model_flux"]
    assert 1e-4 < np.std(ratio) < 0.3 and np.all(seen["flux_err"] > 0)
    # H alpha, 6564.6 A in vacuum, lies where a recession of 30 km/s puts it: to a third of a pixel.
    w, f = seen["wavelength"], seen["model_flux"][0]
    near = np.abs(w - 6565.3) < 12
    depth = f[near].max() - f[near]
    depth = np.where(depth > 0.3 * depth.max(), depth, 0)
    assert np.sum(w[near] * depth) / depth.sum() == pytest.approx(6564.61 * (1 + 30 / 299792.458), abs=0.5)
    lamost = read_lamost(folder / "spec-a-star_lamost_2.fits")
    np.testing.assert_allclose(lamost.flux, seen["flux"][1], rtol=2e-7)
    without = everything["spectra"]["low"]
    assert (seen["frame"], without["frame"]) == ("barycentre", "observatory")
    np.testing.assert_allclose(without["velocity"], 18.0, atol=2e-3)  # redshifts multiply
    np.testing.assert_array_equal(without["barycentric_velocity"], [12.0])
    assert read_spectrum(folder / "a-star_low.fits").frame == "observatory"
    np.testing.assert_array_equal(without["flux"], without["model_flux"])
    assert not without["ivar"].any() and without["good"].all()


def test_the_transit_makes_a_rossiter_mclaughlin_curve(done):
    folder, _ = done
    series = read_simulation(folder / "a-star.h5")["velocities"]["rv"]
    transit, t = series["transit"][0], series["time"]
    # Aligned: the approaching half is hidden first, so that the star seems to recede; about
    # 0.01 x 6.3 km/s x a half.
    assert transit[t < 0.5].max() > 0.015 and transit[t > 0.5].min() < -0.015
    noise = series["velocity"] - series["model_velocity"]
    assert np.all(series["velocity_err"] == np.float32(0.002))
    # 31 draws: their scatter is known to 13 %.
    assert 0.6 < np.std(noise) / 0.002 < 1.4


def test_an_interruption_leaves_no_half_file(done, tmp_path, monkeypatch):
    def interrupt(hdus, part, **kwargs):
        part.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(fits.HDUList, "writeto", interrupt)
    result = run("simulate", written(tmp_path, STAR + SEEN), "-o", tmp_path / "out", "-q", "--no-plot")
    assert result.exit_code == 130 and "interrupted" in result.output
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.slow
def test_exact_overlap_counts_a_spot_on_its_twin_once_in_velocities_too(tmp_path):
    sky = STAR + '[[velocities]]\ntimes = [0.1, 0.5]\n[surface]\noverlap = "{}"\n'
    twin = "[[spots]]\nradius_deg = 8.0\nlon_deg = 20.0\n"
    seen = {}
    for name, text in {
        "one": sky.format("sum"),
        "sum": sky.format("sum") + twin,
        "exact": sky.format("exact") + twin,
    }.items():
        result = run("simulate", written(tmp_path, text), "-o", tmp_path / name, "--no-plot")
        assert result.exit_code == 0, result.output
        assert ("counted twice" in result.stderr) == (name == "sum")
        seen[name] = read_simulation(tmp_path / name / "a-star.h5")["velocities"]["rv"]["model_velocity"]
    # float32 on 30 km/s
    np.testing.assert_allclose(seen["exact"], seen["one"], rtol=0, atol=2e-5)
    assert np.max(np.abs(seen["sum"] - seen["one"])) > 5e-3


LAMOST = "[[spectrographs]]\npreset = 'lamost'\n"
FAR = "[[spectrographs]]\npreset = 'custom'\nname = 'ir'\nwavelength = [19000, 20000]\nresolution = 500\n"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[[spectrographs]]\npreset = 'lamots'", ("'lamots' is not a choice", "lamost, lamost_mrs")),
        ("[[spectrographs]]\npreset = 'harps'", ("harps: resolution = 115000", "good for", "spectra.grid")),
        (FAR, ("ir: pixels from 1", "allows", "key wavelength")),
        (LAMOST + "times = [1.0, 1.01]", ("overlapping exposures", "thin the times")),
        (LAMOST + "times = [2.0, 1.0]", ("times[1] = 1.0 must exceed", "sort")),
        ("[[velocities]]\ntimes = [2.0, 1.0]", ("velocities[0]", "must exceed")),
        ("[[velocities]]\nbands = ['nonesuch']", ("nonesuch",)),
        (LAMOST + "[star]\nteff = 9000", ("star.teff", "9000 is off the spectral grid")),
        (LAMOST + "[spectra]\ngrid = 'none.h5'", ("none.h5",)),
        (LAMOST + "[spectra]\nmax_velocity = 1", ("max_velocity = 1", "raise it")),
        ("[output]\nplot = false", ("photometers is empty, and so are spectrographs and velocities",)),
        ("[[velocities]]\n[output]\nanimate = true", ("animate needs a photometer",)),
    ],
)
def test_errors_are_one_line_and_exit_code_2(tmp_path, text, parts):
    result = run("simulate", written(tmp_path, text), "-o", tmp_path / "out", "-q")
    assert result.exit_code == 2, result.output
    assert result.output.startswith("error: ") and result.output.count("\n") == 1
    assert all(part in result.output for part in parts), result.output
    assert not (tmp_path / "out").exists() or os.listdir(tmp_path / "out") == []


def test_an_unwritable_folder_is_an_error_before_anything_is_computed(tmp_path, monkeypatch):
    from dynamojax.config import experiment

    monkeypatch.setattr(experiment, "prepare", lambda settings: pytest.fail("computed"))
    (tmp_path / "file").write_text("")
    result = run("simulate", written(tmp_path, STAR + SEEN), "-o", tmp_path / "file" / "out", "-q")
    assert result.exit_code == 2 and "cannot be written to" in result.output
