"""The commands of grids, from download to plot, against a server on this machine."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from dynamojax.atmosphere.grid_file import open_grid
from dynamojax.atmosphere.phoenix.catalogue import models
from dynamojax.cli import app
from dynamojax.cli.console import size
from tests.atmosphere.phoenix.bad_server import serving
from tests.atmosphere.phoenix.files import MU, write_specint

RANGES = ("--teff", "5000", "5300", "--logg", "4", "4.5", "--feh", "-0.5", "0.5")
WANTED = models((5000.0, 5300.0), (4.0, 4.5), (-0.5, 0.5))
HOLE = WANTED[4]
SEGMENT = ("--segment", "blue:4050:4350:1500", "--n-mu", "6")


def run(*arguments, **more):
    return CliRunner().invoke(app, [str(a) for a in arguments], **more)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    x = 4000.0 + np.arange(420)
    line = 1 - 0.5 * np.exp(-0.5 * ((x - 4200) / 8) ** 2)
    for model in WANTED:
        if model != HOLE:
            level = 1e14 * (model.teff / 5000) ** 4
            write_specint(folder / model.path, level * line * (1 - 0.6 * (1 - MU[:, None])), start=4000.0)
    return folder


@pytest.fixture
def server(served):
    with serving(served) as server:
        yield server


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path, monkeypatch):
    for name in ("CACHE", "PHOENIX_URL", "PHOENIX_MIRROR"):
        monkeypatch.delenv(f"DYNAMOJAX_{name}", raising=False)
    monkeypatch.setenv("DYNAMOJAX_CONFIG", str(tmp_path / "config.toml"))


@pytest.fixture(scope="module")
def cache(served, tmp_path_factory):
    """A folder with the downloads and a grid of them."""
    folder = tmp_path_factory.mktemp("cache")
    with serving(served) as server:
        done = run("grid", "fetch", "phoenix", *RANGES, "--cache", folder, "--url", server.url, "--yes")
    assert done.exit_code == 0, done.output
    assert "24 to fetch from http://127.0.0.1" in done.stderr and "about 3.39 MB" in done.stderr
    assert "fetched 23 files" in done.stderr
    assert f"1 models do not exist and will be holes of the grid: teff {HOLE.teff:g}" in done.stderr
    built = run("grid", "build", "phoenix", *RANGES, *SEGMENT, "--cache", folder)
    assert built.exit_code == 0, built.output
    assert "23 models, 1 holes" in built.stderr and "limbs at 1.0000 to 1.0000" in built.stderr
    return folder


def test_a_second_fetch_downloads_nothing(cache, server):
    again = run("grid", "fetch", "phoenix", *RANGES, "--cache", cache, "--url", server.url)
    assert again.exit_code == 0 and "23 files there, 1 known not to exist\nnothing to fetch" in again.stderr
    assert server.requests == []


def test_fetch_asks_first(server, tmp_path, monkeypatch):
    command = ("grid", "fetch", "phoenix", *RANGES, "--cache", tmp_path, "--url", server.url)
    assert run(*command, "--dry-run").exit_code == 0
    nobody = run(*command)
    assert nobody.exit_code == 2 and "add --yes" in nobody.stderr
    monkeypatch.setattr("dynamojax.cli.grid._agreed", lambda: False)
    assert run(*command).exit_code == 1
    assert {method for method, *_ in server.requests} == {"HEAD"}
    assert not list(tmp_path.rglob("*.fits*"))


def test_failed_files_are_said_and_exit_code_1(server, tmp_path):
    server.always[WANTED[0].path] = server.always[WANTED[1].path] = "403"
    command = ("grid", "fetch", "phoenix", *RANGES, "--cache", tmp_path, "--url", server.url, "-y")
    done = run(*command)
    assert done.exit_code == 1
    assert f" and 1 more: {server.url}: HTTP 403" in done.stderr
    assert "2 files are missing; run the same command again" in done.stderr
    server.always.clear()
    assert run(*command).exit_code == 0


def test_no_server_is_said_at_once(server, tmp_path):
    server.always["*"] = "500"
    command = ("grid", "fetch", "phoenix", *RANGES, "--cache", tmp_path, "--url", server.url, "-y")
    done = run(*command)
    assert done.exit_code == 1 and f"no server answers ({server.url}: HTTP 500)" in done.stderr
    server.always["*"] = "405"  # one that does not tell sizes may still have the files
    assert "no server answers" not in run(*command).stderr
    assert {method for method, *_ in server.requests} == {"HEAD", "GET"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fetch", "atlas"), "library = 'atlas'"),
        (("fetch", "phoenix", "--teff", "2000", "3000"), "in [2300, 12000]"),
        (("fetch", "phoenix", "--feh", "0.5", "-1"), "the lower first, in [-4, 1]"),
        (("fetch", "phoenix", "--url", "ftp://x"), "must begin with https:// or http://"),
        (("build", "phoenix", "--cache", "CACHE", *RANGES), "exists; --force replaces it"),
        (
            ("build", "phoenix", "--cache", "CACHE", "-o", "OUT", "--segment", "a:1"),
            "NAME:LOW:HIGH:RESOLUTION",
        ),
        (("fetch", "phoenix", "--parallel", "9", "--cache", "EMPTY"), "parallel = 9 must be in [1, 8]"),
        (("fetch", "phoenix", "--timeout", "-1", "--cache", "EMPTY"), "timeout = -1.0 s must be positive"),
        (("fetch", "phoenix", "--alpha", "0.3", "--cache", "EMPTY"), "alpha = 0.3 dex must be one of"),
        (("build", "phoenix", "CACHE", "-o", "OUT"), "phoenix is built of what was fetched; --cache"),
        (("build", "phoenix", "--law", "linear", "-o", "OUT"), "phoenix has angles of its own"),
        (("build", "phoenix", "--cache", "CACHE", "-o", "OUT"), "segment optical needs 299"),
        (("build", "phoenix", "--cache", "CACHE", "-o", "OUT", "--n-mu", "3"), "n_mu = 3 must be in [4, 32]"),
        (("build", "phoenix", "--cache", "EMPTY"), "grid fetch phoenix with the same ranges"),
        (("build", "other"), "library = 'other' must be phoenix or one of phoenix-hires"),
        (("build", "atlas9", "--cache", "EMPTY"), "grid build atlas9 FOLDER, with fp00k2odfnew.pck or"),
        (("build", "atlas9", "CACHE", "-o", "OUT"), "holds 0 models of atlas9"),
        (("info", "none"), "no grid 'none'"),
        (("info", "none", "--cache", "CACHE"), "grids (there: phoenix); for PHOENIX, run"),
        (("info", "none.h5"), "none.h5 does not exist"),
        (("plot", "GRID", "-o", "a.txt"), "must end in .png, .pdf or .svg"),
        (("plot", "GRID", "--teff", "7000", "-o", "OUT.png"), "within 5000 to 5300"),
        (
            ("plot", "GRID", "--teff", "5190", "--logg", "4", "--feh", "-0.4", "-o", "OUT.png"),
            "next to a hole",
        ),
        (("plot", "GRID", "--segment", "red", "-o", "OUT.png"), "segment = 'red'"),
    ],
)
def test_what_is_wrong_is_one_message_and_exit_code_2(cache, tmp_path, arguments, message):
    places = {"CACHE": cache, "EMPTY": tmp_path / "empty", "GRID": cache / "grids/phoenix.h5"}
    places |= {"OUT": tmp_path / "a.h5", "OUT.png": tmp_path / "a.png"}
    done = run("grid", *(places.get(a, a) for a in arguments))
    assert done.exit_code == 2, done.output
    assert message in done.stderr.splitlines()[-1] and done.stderr.splitlines()[-1].startswith("error: ")
    assert [p.name for p in tmp_path.iterdir()] == []


def test_info_and_list(cache):
    out = " ".join(run("grid", "info", "phoenix", "--cache", cache).stdout.split())
    assert "teff 4 nodes: 5000, 5100, 5200, 5300 K" in out
    assert "23 of 24 nodes, 6 mu" in out and "resolution 1500" in out and "Husser et al. (2013)" in out
    out = run("grid", "list", "--cache", cache).stdout
    assert "phoenix: 23 models, teff 5000 to 5300, logg 4 to 4.5, feh -0.5 to 0.5; blue 4050-4350 A" in out
    assert "downloaded: 23 PHOENIX files, 3.25 MB" in out


def test_a_damaged_grid_is_listed_as_such(tmp_path):
    (tmp_path / "grids").mkdir()
    (tmp_path / "grids" / "old.h5").write_bytes(b"\x89HDF")
    done = run("grid", "list", "--cache", tmp_path)
    assert done.exit_code == 0 and "old: " in done.stdout and "is damaged or not HDF5" in done.stdout


def test_the_grid_is_opened_by_its_name(cache, monkeypatch):
    monkeypatch.setenv("DYNAMOJAX_CACHE", str(cache))
    assert open_grid("phoenix").exists.sum() == 23


def test_plot_writes_a_picture(cache, tmp_path):
    path = tmp_path / "new" / "a.png"
    done = run(
        "grid", "plot", cache / "grids/phoenix.h5", "--teff", 5234, "--logg", 4.3, "--feh", 0.1, "-o", path
    )
    assert done.exit_code == 0, done.output
    assert path.read_bytes().startswith(b"\x89PNG") and os.listdir(path.parent) == ["a.png"]


def test_the_figure_shows_the_stored_intensities(cache):
    from dynamojax.plotting.grids import plot_intensities

    figure = plot_intensities(open_grid(cache / "grids/phoenix.h5"), 5200.0, 4.5, 0.0)
    upper, lower = figure.axes
    assert len(upper.lines) == 3 and len(lower.lines) == 6
    innermost = upper.lines[0]
    wavelength, value = innermost.get_data()
    mu, _ = lower.lines[0].get_data()
    # The served model, in the panel's unit of 1e6: (teff / 5000)^4, a line half as deep at 4200 A.
    continuum, core = value[np.abs(wavelength - 4100) < 5].mean(), value[np.abs(wavelength - 4200) < 1].mean()
    assert continuum == pytest.approx((5200 / 5000) ** 4 * (1 - 0.6 * (1 - mu[-1])), rel=2e-3)
    assert core / continuum == pytest.approx(0.5, abs=0.02)
    mu, profile = lower.lines[0].get_data()
    np.testing.assert_allclose(profile, (1 - 0.6 * (1 - mu)) / (1 - 0.6 * (1 - mu[-1])), rtol=5e-3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_fetch_goes_on(server, served, tmp_path, number):
    server.always["*"] = "hold:65536"
    # A shell starts what runs in its background with SIGINT ignored, and children inherit that.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heed}; from dynamojax.cli import app; app()"
    command = [sys.executable, "-c", program, "grid", "fetch", "phoenix", *RANGES]
    command += ["--cache", str(tmp_path), "--url", server.url, "--yes"]
    client = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not any(path.stat().st_size for path in tmp_path.rglob("*.part")):
        assert client.poll() is None
        time.sleep(0.01)
    client.send_signal(number)
    _, said = client.communicate(timeout=300)  # while the server still holds the rest back
    server.release.set()
    if number == signal.SIGINT:
        assert client.returncode == 130 and "what has arrived is kept" in said
    server.always.clear()
    done = run("grid", "fetch", "phoenix", *RANGES, "--cache", tmp_path, "--url", server.url, "--yes")
    assert done.exit_code == 0
    for model in WANTED:
        if model != HOLE:
            found = next(tmp_path.rglob(model.name))
            assert found.read_bytes() == (served / model.path).read_bytes()
    assert any(r for _, _, r in server.requests)  # resumed, not begun again
    assert not list(tmp_path.rglob("*.part*"))


def test_build_of_fluxes(tmp_path):
    from tests.atmosphere.libraries.test_libraries import write_atlas_fits

    (tmp_path / "files").mkdir()
    write_atlas_fits(tmp_path / "files")
    path = tmp_path / "a.h5"
    done = run(
        *("grid", "build", "atlas9", tmp_path / "files", "-o", path, "--segment", "a:4100:5900:300"),
        *("--law", "quadratic", "--coefficient", 0.4, "--coefficient", 0.2, "--teff", 5000, 5250),
    )
    assert done.exit_code == 0, done.output
    assert "7 models, 1 holes" in done.stderr
    assert "limb quadratic (0.4, 0.2)" in " ".join(run("grid", "info", path).stdout.split())


def test_sizes_for_people():
    assert [size(n) for n in (0, 999, 1000, 123456, 5e9, 7e13)] == [
        *("0 B", "999 B", "1 kB", "123 kB", "5 GB", "70 TB")
    ]


def test_help_answers_without_jax():
    code = "import sys, dynamojax.cli.grid_views; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    done = run("grid", "--help")
    assert all(name in done.output for name in ("fetch", "build", "info", "list", "plot"))
