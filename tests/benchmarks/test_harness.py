import json

import jax.numpy as jnp
import pytest

from benchmarks import harness
from benchmarks.table import main, table


def test_a_row_has_speed_compile_time_and_memory():
    timing, result = harness.time_jax(
        lambda x: jnp.sum(jnp.sin(x)), jnp.arange(1000.0), n_runs=5, budget_s=0.0
    )
    row = harness.row("sum", "ours", timing, dtype="float32", batch=4, error_ppm=0.1)
    assert result.shape == ()
    assert row["compile_s"] > 0 and row["n_runs"] == 5
    assert row["fastest_s"] <= row["run_s"]
    assert row["stars_per_s"] == pytest.approx(4 / row["run_s"])
    assert row["temporary_bytes"] is not None


def test_results_are_written_whole_and_read_back(tmp_path):
    path = harness.write_results("made", [{"task": "a", "run_s": 1.0}], tmp_path)
    assert path == tmp_path / "made.json"
    assert harness.read_results("made", tmp_path)["rows"] == [{"task": "a", "run_s": 1.0}]
    assert set(json.loads(path.read_text())["environment"]) >= {"commit", "device", "versions", "python"}


def test_a_failed_write_leaves_the_old_results(tmp_path):
    harness.write_results("made", [{"task": "old"}], tmp_path)
    with pytest.raises(TypeError):
        harness.write_results("made", [{"task": object()}], tmp_path)
    assert harness.read_results("made", tmp_path)["rows"] == [{"task": "old"}]


def test_table_leaves_out_empty_columns_and_picks_units():
    text = table([{"task": "a", "system": "b", "run_s": 2.5e-4, "error_ppm": 0.0312}])
    assert text.splitlines()[0] == "| task | system | time | error, ppm |"
    assert "| a | b | 250 us | 0.0312 |" in text


def test_results_without_tasks_are_left_out_of_all_tables(capsys):
    main([])
    printed = capsys.readouterr().out
    assert "### velocity_float32" in printed and "fit_inject" not in printed
