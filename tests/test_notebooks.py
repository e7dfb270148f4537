"""The notebooks run from top to bottom, at toy size, and are kept without outputs."""

import ast
import importlib
import json
from pathlib import Path

import matplotlib
import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
TOY = {
    "01_a_spotted_star": {"days": 6.0, "n_pixels": 48},
    "02_spectra_and_velocities": {"n_epochs": 6, "n_times": 60, "h_band": (15880.0, 16430.0)},
    "03_populations": {"n_stars": 64, "n_observed": 48, "days": 20.0, "n_written": 8},
    "04_fitting_a_star": {
        **{"gj_days": 3.0, "gj_spots": 1, "n_starts": 1, "joint_days": 4.0, "h_band": (15900.0, 15940.0)},
    },
    "01b_real_stars": {"n_draws": 2, "sun_days": 150.0, "kic_days": 60.0, "gj_days": 6.0},
}


def _cells(name):
    return json.loads((FOLDER / f"{name}.ipynb").read_text())["cells"]


def _execute(name):
    """Run the code cells in one namespace, with toy values set after the cell of parameters."""
    names, found = {}, False
    for number, cell in enumerate(c for c in _cells(name) if c["cell_type"] == "code"):
        lines = [line for line in "".join(cell["source"]).splitlines() if not line.startswith("%")]
        exec(compile("\n".join(lines), f"{name}, cell {number}", "exec"), names)
        if "parameters" in cell["metadata"].get("tags", []):
            assert set(TOY[name]) <= set(names)
            names |= TOY[name]
            found = True
    assert found
    return names


@pytest.fixture(autouse=True)
def without_display():
    """Figures that nobody sees, closed at the end."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def test_every_notebook_is_tested_and_stripped():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(TOY)
    for name in TOY:
        code = [cell for cell in _cells(name) if cell["cell_type"] == "code"]
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("name", TOY)
def test_names_that_notebooks_import_exist(name):
    source = ["".join(cell["source"]) for cell in _cells(name) if cell["cell_type"] == "code"]
    lines = [line for line in "\n".join(source).splitlines() if not line.startswith("%")]
    imports = [n for n in ast.walk(ast.parse("\n".join(lines))) if isinstance(n, ast.ImportFrom)]
    wanted = [(n.module, a.name) for n in imports for a in n.names if n.module.startswith("dynamojax")]
    assert wanted
    assert [w for w in wanted if not hasattr(importlib.import_module(w[0]), w[1])] == []


@pytest.mark.slow
def test_a_spotted_star():
    names = _execute("01_a_spotted_star")  # its own assertions compare gradient and difference
    assert bool(names["observed"].valid)
    assert names["response"].shape == names["camera"].times.shape


@pytest.mark.slow
def test_spectra_and_velocities():
    names = _execute("02_spectra_and_velocities")  # its own assertion compares gradient and difference
    assert all(bool(names[name].valid) for name in ("observed", "transit"))
    assert np.isfinite(names["velocity"]).all()
    closed = names["transit"].velocities["closed form"].total[0]
    closed = np.interp(names["night"], names["transit_meter"].times, closed)
    # six points of a transit: the correlation follows the mean of the light, some tens of m/s apart
    assert np.corrcoef(names["velocity"], closed)[0, 1] > 0.8
    assert np.ptp(names["velocity"]) > 0.1
    assert names["rms"]["inhibited"] > 1.5 * names["rms"]["not inhibited"] > 0.3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of datasets
def test_populations():
    pytest.importorskip("datasets")
    names = _execute("03_populations")
    assert names["shard"].num_rows == 8 and names["done"].exit_code == 0
    assert len(names["rows"]) >= 3 and np.isfinite(names["r_var"]).all()


@pytest.mark.slow
def test_real_stars():
    names = _execute("01b_real_stars")
    periods = names["NOMINAL"]
    assert {star for star, _ in names["results"]} == set(periods)
    _, values, _ = names["results"]["GJ 1243", "period, Lomb-Scargle [d]"]
    assert values == pytest.approx([periods["GJ 1243"]] * len(values), rel=0.05)  # ten turns in the toy


@pytest.mark.slow
def test_fitting_a_star():
    names = _execute("04_fitting_a_star")
    both = names["fits"]["both"]
    assert {p.name for p in both.parameters} == set(names["TRUTH"]) and set(both.data) == {"kepler", "apogee"}
    if names["gj"] is not None:
        found = {p.name: p.value for p in names["gj"].parameters}
        assert found["star.prot"] == pytest.approx(0.5926, rel=0.02)  # five turns in the toy


@pytest.mark.slow
def test_real_stars_without_observations(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    names = _execute("01b_real_stars")
    assert capsys.readouterr().out.count("not found, skipped") == 3
    assert all(seen is None for seen, _, _ in names["results"].values())
