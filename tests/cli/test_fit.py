"""The command that fits: what it writes, says, refuses, and how it goes on."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from typer.testing import CliRunner

from dynamojax.cli import app
from dynamojax.config.fit_stages import Stages
from dynamojax.files.fit_results import read_fit_results

for name in ("numpyro", "optimistix", "tinygp"):
    pytest.importorskip(name)

EXAMPLES = Path(__file__).parents[2] / "examples"
# Few points and one spot, so that it is the command that takes the time.
CONFIG = """
[star]
teff = 5200.0
logg = 4.5
prot = 3.1
inc_deg = 65.0
shear = 0.1
spot_contrast = 1200.0
[[spots]]
lat_deg = 35.0
lon_deg = 20.0
radius_deg = 8.0
[[spots]]
lat_deg = -10.0
lon_deg = 160.0
radius_deg = 7.0
[[data]]
kind = "light_curve"
path = "a.csv"
band = "kepler"
trend_degree = 1
bin = 0.3
[[free]]
name = "spots.lon_deg"
[[free]]
name = "spots.radius_deg"
low = 1.0
high = 20.0
[fit]
epoch = 106.0
starts = 2
batch = 1
candidates = 8
[posterior]
draws = 50
"""


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def config(tmp_path):
    return written(tmp_path)


def written(folder, *changes):
    """A configuration beside its data, some of its text replaced."""
    shutil.copy(EXAMPLES / "fit_light_curve.csv", folder / "a.csv")
    text = CONFIG
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "fit.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A fit from beginning to end."""
    folder = tmp_path_factory.mktemp("undisturbed")
    result = run("fit", written(folder), "-o", folder / "out")
    assert result.exit_code == 0, result.output
    return result, folder / "out"


def test_a_posterior_that_fails_leaves_the_fit(tmp_path, monkeypatch, undisturbed):
    from dynamojax.config import fit_run

    def fail(*_):
        raise ValueError("no start led anywhere")

    monkeypatch.setattr(fit_run, "_draws", fail)
    result = run("fit", written(tmp_path), "-o", tmp_path / "out")
    assert result.exit_code == 3, result.output
    assert "posterior.method = 'laplace' failed: no start led anywhere" in result.output
    report = (tmp_path / "out" / "report.md").read_text()
    assert "There are no draws: posterior.method" in report
    one, other = (Table.read(folder / "parameters.ecsv") for folder in (tmp_path / "out", undisturbed[1]))
    np.testing.assert_array_equal(one["value"], other["value"])
    assert read_fit_results(tmp_path / "out").draws is None


def test_what_it_writes_and_says(undisturbed):
    result, out = undisturbed
    assert result.stdout == "" and "the fit converged" in result.output
    assert "kepler: " in result.output and "starts 2 to 2 of 2" in result.output
    names = {path.name for path in out.iterdir()}
    figures = {"data_kepler.png", "spots.png", "discs.png", "corner_0.png", "correlations.png"}
    assert names == {"fit.h5", "parameters.ecsv", "report.md", "stages", *figures}
    report = (out / "report.md").read_text()
    assert all(name in report for name in figures) and "`spots.lon_deg[1]`" in report
    found = read_fit_results(out)
    assert found.status == "converged" and found.about["dtype"] == "float64"
    table = Table.read(out / "parameters.ecsv")
    truth = np.array([20.0, 160.0, 9.0, 7.0])
    # Held parameters are the true ones; four standard deviations.
    assert np.all(np.abs(np.array(table["value"]) - truth) < 4 * np.array(table["error"]))
    # 200 draws: a standard deviation to 5 %, five of these.
    np.testing.assert_allclose(found.draws.std(axis=0), np.array(table["error"]), rtol=0.25)
    map_ = found.spot_map
    assert map_.n_draws == 200 and 0.5 < map_.mean.max() < 1
    # Dark where spots are, at the epoch, and nowhere else: the first at 35 and 20 deg.
    lat, lon = np.argmin(np.abs(map_.lat_deg - 35)), np.argmin(np.abs(map_.lon_deg - 20))
    assert map_.mean[lat, lon] > 0.5 and map_.mean[lat, lon - 45] == 0


def test_it_goes_on_only_where_it_was(undisturbed, tmp_path):
    _, done = undisturbed
    out = tmp_path / "out"
    shutil.copytree(done, out)
    config = written(tmp_path)
    result = run("fit", config, "-o", out)
    assert result.exit_code == 2 and "--resume goes on" in result.output
    changed = written(tmp_path, ("starts = 2", "starts = 3"))
    result = run("fit", changed, "-o", out, "--resume")
    assert result.exit_code == 2 and "another configuration or other data" in result.output
    result = run("fit", written(tmp_path), "-o", out, "--resume", "--no-plot")
    assert result.exit_code == 0 and "3 stages were there already" in result.output


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_an_interruption_changes_nothing(undisturbed, config, tmp_path, monkeypatch, stage):
    _, done = undisturbed
    keep, calls = Stages.__call__, []

    def interrupted(self, name, make):
        calls.append(name)
        if len(calls) == stage + 1:
            raise KeyboardInterrupt
        return keep(self, name, make)

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(Stages, "__call__", interrupted)
        result = run("fit", config, "-o", out, "--no-plot")
        assert result.exit_code == 130 and "--resume goes on" in result.output
    result = run("fit", config, "-o", out, "--no-plot", "--resume")
    assert result.exit_code == 0, result.output
    assert_same(done, out)


def assert_same(done, out):
    """To the last digit."""
    a, b = read_fit_results(done), read_fit_results(out)
    for name in ("ends", "draws", "covariance"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert [p.value for p in a.parameters] == [p.value for p in b.parameters]
    np.testing.assert_array_equal(a.spot_map.mean, b.spot_map.mean)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("spots.lon_deg", "spots.longitude_deg"), "did you mean spots.lon_deg"),
        (("low = 1.0", "low = 7.5"), "spots.radius_deg[1] starts at 7, outside its bounds"),
        (("high = 20.0", "high = 200.0"), "which the grid or physics allows"),
        (("trend_degree = 1", "trends = 1"), "data[0].trends = 1 is not a key"),
        (('band = "kepler"', 'band = "keplr"'), "keplr"),
        (("teff = 5200.0", "teff = 5200000.0"), "star.teff = 5200000.0 is out of range"),
    ],
)
def test_faults_are_one_clear_line(tmp_path, changes, words):
    result = run("fit", written(tmp_path, changes), "-o", tmp_path / "out")
    assert result.exit_code == 2 and words in result.output, result.output
    assert "Traceback" not in result.output


def test_a_fit_that_fails_is_a_result(tmp_path):
    config = written(
        tmp_path, ("spot_contrast = 1200.0", "spot_contrast = 4900.0"), ("starts = 2", "starts = 1")
    )
    out = tmp_path / "out"
    result = run("fit", config, "-o", out)
    assert result.exit_code == 3 and "the fit failed" in result.output, result.output
    found = read_fit_results(out)
    assert found.status == "failed" and all(np.isnan(p.value) for p in found.parameters)
    assert "no start led" in (out / "report.md").read_text()


@pytest.mark.slow
def test_a_fit_that_does_not_converge_is_written(tmp_path):
    changes = ("starts = 2", "starts = 1\nsteps = 1"), ("radius_deg = 8.0", "radius_deg = 2.0")
    result = run("fit", written(tmp_path, *changes), "-o", tmp_path / "out", "--no-plot")
    assert result.exit_code == 3 and "raise fit.steps" in result.output
    assert read_fit_results(tmp_path / "out").status == "not converged"


def test_a_spectrum_outside_the_grid(tmp_path):
    wavelength = np.linspace(20000, 21000, 300)
    rows = "\n".join(f"{w},1.0,0.01" for w in wavelength)
    (tmp_path / "s.csv").write_text(f"wavelength,flux,flux_err\n{rows}\n")
    (tmp_path / "fit.toml").write_text(
        '[[data]]\nkind = "spectrum"\npath = "s.csv"\nresolution = 2000\n'
        '[[free]]\nname = "star.teff"\nlow = 5000\nhigh = 6500\n'
    )
    result = run("fit", tmp_path / "fit.toml", "-o", tmp_path / "out")
    assert result.exit_code == 2 and "but the spectral grid" in result.output, result.output


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["begin.json", "candidates.npz", "starts_0000.npz", "starts_0001.npz"])
def test_a_kill_changes_nothing(undisturbed, config, tmp_path, stage):
    _, done = undisturbed
    out = tmp_path / "out"
    command = [sys.executable, "-m", "dynamojax.cli", "fit", str(config), "-o", str(out), "--no-plot"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (out / "stages" / stage).exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run([*command, "--resume"], check=True, stderr=subprocess.DEVNULL)
    assert_same(done, out)


@pytest.mark.slow
def test_chains_go_on(config, tmp_path):
    changes = (
        ("[posterior]", 'method = "auto"\n[posterior]\nmethod = "nuts"\nchains = 2\nwarmup = 60'),
        ("draws = 50", "draws = 60"),
    )
    config = written(tmp_path, *changes)
    first, second = tmp_path / "first", tmp_path / "second"
    assert run("fit", config, "-o", first, "--no-plot").exit_code == 0
    # As if it had been killed in the second chain.
    shutil.copytree(first / "stages", second / "stages")
    (second / "stages" / "chain_001.npz").unlink()
    result = run("fit", config, "-o", second, "--no-plot", "--resume")
    assert result.exit_code == 0 and "chain 2 of 2" in result.output and "chain 1 of 2" not in result.output
    assert_same(first, second)
    found = read_fit_results(first)
    assert found.n_chains == 2 and found.draws.shape == (120, 4)
    assert all(np.isfinite(p.r_hat) for p in found.parameters)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["importance", "temper"])
def test_draws_of_all_maxima(tmp_path, method):
    pytest.importorskip("arviz")
    config = written(tmp_path, ("[posterior]", f'method = "auto"\n[posterior]\nmethod = "{method}"'))
    first, second = tmp_path / "first", tmp_path / "second"
    assert run("fit", config, "-o", first, "--no-plot").exit_code == 0
    shutil.copytree(first / "stages", second / "stages")
    result = run("fit", config, "-o", second, "--no-plot", "--resume")
    assert result.exit_code == 0 and "posterior: maxima" not in result.output, result.output
    assert_same(first, second)
    found = read_fit_results(first)
    assert found.sampler == method and found.faults == () and found.draws.shape[1] == 4
    for column, parameter in zip(found.draws.T, found.parameters, strict=True):
        # Of a Gaussian posterior the best end is within the draws.
        low, high = np.percentile(column, [0.1, 99.9])
        assert low < parameter.value < high, parameter
        assert np.isfinite(parameter.r_hat) == (method == "temper")


@pytest.mark.slow
def test_spots_one_by_one_go_on(tmp_path):
    greedy = (
        ("candidates = 8", 'candidates = 32\nspots = "greedy"'),
        ("radius_deg = 7.0", "radius_deg = 7.0\n[[spots]]\nradius_deg = 5.0"),
    )
    free = (
        '[[free]]\nname = "spots.lon_deg"',
        '[[free]]\nname = "spots.lat_deg"\nlow = -60\nhigh = 80\n[[free]]\nname = "spots.lon_deg"',
    )
    config = written(tmp_path, *greedy, free)
    first, second = tmp_path / "first", tmp_path / "second"
    result = run("fit", config, "-o", first, "--no-plot")
    assert "fit with 2 spots" in result.output, result.output
    found = read_fit_results(first)
    assert len(found.bics) >= 3 and found.bics[0] - found.bics[2] > 100
    assert len(found.parameters) == 3 * (len(found.bics) - 2) or len(found.parameters) == 9
    shutil.copytree(first / "stages", second / "stages")
    (second / "stages" / "spots_002.npz").unlink()
    run("fit", config, "-o", second, "--no-plot", "--resume")
    assert_same(first, second)
