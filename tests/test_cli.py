"""The command line: what it writes, what it says, how it fails."""

import os
import subprocess
import sys
import time
import tomllib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dynamojax.cli import app
from dynamojax.cli.console import Steps
from dynamojax.config.reading import check
from dynamojax.files import read_simulation, read_spots

EXAMPLE = Path(__file__).parents[1] / "examples" / "kepler-63.toml"
CONFIG = """
[star]
name = "a star"
[[spots]]
radius_deg = 8.0
lat_deg = 10.0
[[spots]]
radius_deg = 8.0
lat_deg = 12.0
[[planets]]
period = 3.0
radius_ratio = 0.1
t_transit = 0.5
[[photometers]]
preset = "kepler"
days = 1.0
noise = "white"
white_ppm = 100.0
[[photometers]]
preset = "johnson"
days = 3.0
[output]
folder = "never used"
"""


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "a.toml").write_text(CONFIG)
    result = run("simulate", folder / "a.toml", "--output", folder / "out")
    assert result.exit_code == 0, result.output
    return folder / "out", result


def test_simulate_writes_every_file_and_nothing_else(done):
    folder, result = done
    fits = {
        f"a-star_johnson_{b}.fits" for b in ("johnson_u", "johnson_b", "johnson_v", "cousins_r", "cousins_i")
    }
    expected = fits | {"a-star_kepler.fits", "a-star.h5", "a-star.png"}
    assert set(os.listdir(folder)) == expected
    assert all(f"wrote {folder / name}" in result.stderr for name in expected)
    assert result.stdout == ""


def test_simulate_records_a_spotted_star_with_a_transit_and_noise(done):
    folder, _ = done
    kepler = read_simulation(folder / "a-star.h5")["light_curves"]["kepler"]
    model, noisy = kepler["model_flux"][0], kepler["flux"][0]
    away = np.abs(kepler["time"] - 0.5)
    # The planet hides 1 % of the disc, and a little more of the light in its bright middle.
    assert 0.009 < np.median(model[(away > 0.15) & (away < 0.25)]) - model[away < 0.05].min() < 0.015
    assert model.max() < 0.995 and kepler["spot_fraction"].max() > 0.02
    # 48 draws of 100 ppm of a fixed seed: the mean square scatters by a fifth.
    assert 0.5 < np.mean((noisy - model) ** 2) / 1e-8 < 2.0
    assert read_spots(folder / "a-star.h5").n_spots == 2


def test_simulate_says_that_spots_overlap(done):
    assert "counted twice" in done[1].stderr and 'surface.overlap = "exact"' in done[1].stderr


def test_quiet_and_without_a_plot(tmp_path):
    (tmp_path / "a.toml").write_text(
        '[[photometers]]\npreset = "gaia"\ndays = 10\n[output]\nformats = ["hdf5"]'
    )
    result = run("simulate", tmp_path / "a.toml", "-o", tmp_path / "out", "--no-plot", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert os.listdir(tmp_path / "out") == ["star.h5"]


def test_double_precision_is_kept_in_the_files(tmp_path):
    text = '[[photometers]]\npreset = "gaia"\ndays = 10\n[[spots]]\nradius_deg = 5\n'
    (tmp_path / "a.toml").write_text(text + '[simulation]\nprecision = "float64"\n[output]\nplot = false\n')
    assert run("simulate", tmp_path / "a.toml", "-o", tmp_path / "out", "-q").exit_code == 0
    back = read_simulation(tmp_path / "out" / "star.h5")
    assert back["light_curves"]["gaia"]["model_flux"].dtype == back["star"]["teff"].dtype == "float64"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[star]\ninc = 3", "did you mean inc_deg"),
        ("[star", "not TOML"),
        ("[star]\nteff = 2400\n[[spots]]\nradius_deg = 5\n[[photometers]]\npreset = 'gaia'", "spots 900 K"),
        ("[spot_map]\nfile = 'none.h5'\n[[photometers]]\npreset = 'gaia'", "cannot be read"),
        ("[star]\nfacula_ratio = 9\n[surface]\nfaculae = true\n[[spots]]\nradius_deg = 60\n"
         "[[photometers]]\npreset = 'gaia'", "hemisphere"),
    ],
)  # fmt: skip
def test_errors_are_one_message_and_exit_code_2(tmp_path, text, message):
    (tmp_path / "a.toml").write_text(text)
    result = run("simulate", tmp_path / "a.toml", "-o", tmp_path / "out", "-q")
    assert result.exit_code == 2
    assert result.output.startswith("error: ") and message in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists() or os.listdir(tmp_path / "out") == []


def test_debug_shows_the_error_itself(tmp_path):
    assert isinstance(run("simulate", tmp_path / "none.toml", "--debug").exception, ValueError)


def test_an_unwritable_folder_is_an_error_before_anything_is_computed(tmp_path, monkeypatch):
    from dynamojax.config import experiment

    monkeypatch.setattr(experiment, "prepare", lambda settings: pytest.fail("computed"))
    (tmp_path / "a.toml").write_text(CONFIG)
    (tmp_path / "file").write_text("")
    result = run("simulate", tmp_path / "a.toml", "-o", tmp_path / "file" / "out", "-q")
    assert result.exit_code == 2 and "cannot be written to" in result.output and "--output" in result.output


def test_an_interruption_leaves_no_half_file(tmp_path, monkeypatch):
    from astropy.io import fits

    def interrupt(hdus, part, **kwargs):
        part.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(fits.HDUList, "writeto", interrupt)
    (tmp_path / "a.toml").write_text('[[photometers]]\npreset = "gaia"\ndays = 10')
    result = run("simulate", tmp_path / "a.toml", "-o", tmp_path / "out", "-q")
    assert result.exit_code == 130 and "interrupted" in result.output
    assert os.listdir(tmp_path / "out") == []


def test_config_prints_a_configuration_that_is_read_back():
    result = run("config")
    assert result.exit_code == 0
    assert check(tomllib.loads(result.output))["star"]["name"] == "star"
    assert "| `teff` |" in run("config", "--markdown").output


def test_translate_prints_toml_with_what_differs(tmp_path):
    (tmp_path / "star.conf").write_text(
        "[files]\nfilter_name : TESS.dat\n[general]\nn_grid_rings : 10\n[star]\nlogg : 4.0   # cgs\n"
    )
    result = run("translate", tmp_path / "star.conf", "--days", "5")
    assert result.exit_code == 0 and "# - ignored: general.n_grid_rings: " in result.output
    values = check(tomllib.loads(result.output))
    assert values["star"]["logg"] == 4.0 and values["photometers"][0]["days"] == 5.0
    simulated = run("simulate", tmp_path / "star.conf", "--days", "0.2", "-o", tmp_path / "out", "--no-plot")
    assert simulated.exit_code == 0 and "ignored: general.n_grid_rings" in simulated.stderr
    assert "star_tess.fits" in os.listdir(tmp_path / "out")


def test_version():
    result = run("--version")
    assert (result.exit_code, result.output) == (0, f"dynamojax {version('dynamojax')}\n")


def test_help_lists_the_commands():
    result = run("--help")
    assert all(name in result.output for name in ("simulate", "config", "translate"))


def test_a_step_of_over_two_seconds_is_reported_and_a_short_one_is_not(capsys, monkeypatch):
    clock = iter([0.0, 1.0, 10.0, 13.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock, 99.0))
    steps = Steps(quiet=False)
    monkeypatch.setattr("rich.progress.Progress.start", lambda self: None)
    with steps.step("short"):
        pass
    with steps.step("long"):
        pass
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["short ...", "long ...", "long: 3.5 s"]


@pytest.mark.slow
def test_the_example_runs_in_a_process_of_its_own(tmp_path):
    command = [sys.executable, "-m", "dynamojax.cli", "simulate", EXAMPLE, "--output", tmp_path, "--animate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = {"Kepler-63_kepler.fits", "Kepler-63_tess.fits", "Kepler-63.h5", "Kepler-63.png", "Kepler-63.gif"}
    names |= {"Kepler-63_lamost.fits", "spec-Kepler-63_lamost.fits", "Kepler-63_transit.fits"}
    names |= {"Kepler-63_apogee.fits", "apStar-Kepler-63_apogee.fits"}
    assert names <= set(os.listdir(tmp_path))
    everything = read_simulation(tmp_path / "Kepler-63.h5")
    kepler = everything["light_curves"]["kepler"]
    model = kepler["model_flux"][0]
    # As observed: a few per cent of variation, transits about 0.4 % deep (Sanchis-Ojeda et al. 2013, fig. 1).
    assert 0.005 < np.ptp(model) < 0.06
    near = np.abs(kepler["time"] - 0.8434) < 0.2
    depth = np.median(model[near]) - model[near].min()
    assert 0.002 < depth < 0.006
    # A polar orbit: the planet stays in front of the approaching half, or of the receding one.
    transit = everything["velocities"]["transit"]["transit"][0]
    assert 0.005 < np.abs(transit).max() < 0.04
    assert np.abs(transit.sum()) > 0.8 * np.abs(transit).sum()
