"""Rows of injected stars: kept in plain JSON, and never counted twice."""

import json

import numpy as np

from benchmarks import fit_table


def row(number: int, rank: float) -> dict:
    values = {"rank": rank, "off": 0.1, "median_off": 0.1, "error": 0.5, "prior": 1.0, "bound": np.inf}
    return {"star": number, "commit": "abc", "wall_s": 1.0, "faults": [], "parameters": {"star.teff": values}}


def test_rows_are_kept_and_sums_grow(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fit_table, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(fit_table, "STARS", tmp_path / "results" / "stars.json")
    for number in (150, 151):
        path = tmp_path / "runs" / "light" / f"{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(row(number, 0.5)))
        sums = fit_table.sum_up(tmp_path / "runs")
        path.unlink()  # what was summed up once needs its file no more
    assert sums["tables"]["light"]["n_counted"] == 2
    text = (tmp_path / "results" / "stars.json").read_text()
    assert "Infinity" not in text and "NaN" not in text
    kept = fit_table.kept()["light"]
    assert sorted(kept) == [150, 151] and np.isnan(kept[150]["parameters"]["star.teff"]["bound"])
    capsys.readouterr()


def test_stars_of_the_early_sample_do_not_count_twice(tmp_path, monkeypatch):
    early = {"light": {"n_counted": 3, "all": {"coverage_68": 0.0, "coverage_95": 1.0}}}
    early["light"]["parameters"] = {"star.teff": {"coverage_68": [0.0, 0], "coverage_95": [1.0, 0]}}
    monkeypatch.setattr(fit_table, "EARLY", tmp_path / "early.json")
    (tmp_path / "early.json").write_text(json.dumps({"tables": early}))
    pooled = fit_table.with_early({"light": [row(30, 0.5), row(150, 0.5)]})
    assert pooled["light"] == {"n_counted": 4, "all": [0.25, 1.0], "star.teff": [0.25, 1.0]}
