"""Stages of a fit: kept, found again, refused."""

import numpy as np
import pytest

from dynamojax.config import fit_stages
from dynamojax.config.fit_stages import Stages


def test_a_stage_is_made_once(tmp_path):
    stages, calls = Stages(tmp_path, "a", resume=False), []

    def make():
        calls.append(1)
        return {"x": np.arange(3.0), "ok": np.array([True])}

    first = stages("one", make)
    again = Stages(tmp_path, "a", resume=True)
    second = again("one", make)
    assert calls == [1] and again.n_found == 1
    np.testing.assert_array_equal(first["x"], second["x"])
    assert second["ok"].dtype == bool


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no more"])
def test_a_damaged_stage_is_named(tmp_path, content):
    stages = Stages(tmp_path, "a", resume=False)
    stages("one", lambda: {"x": np.zeros(3)})
    (stages.folder / "one.npz").write_bytes(content)
    with pytest.raises(ValueError, match="one.npz is damaged .*delete it and --resume again"):
        Stages(tmp_path, "a", resume=True)("one", lambda: {"x": np.zeros(3)})


def test_an_interrupted_stage_leaves_nothing(tmp_path):
    stages = Stages(tmp_path, "a", resume=False)

    def make():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stages("one", make)
    assert [path.name for path in stages.folder.iterdir()] == ["begin.json"]


def test_what_is_not_the_same_is_refused(tmp_path, monkeypatch):
    Stages(tmp_path, "a", resume=False)("one", lambda: {"x": np.zeros(1)})
    with pytest.raises(ValueError, match="--resume goes on"):
        Stages(tmp_path, "a", resume=False)
    with pytest.raises(ValueError, match="another configuration or other data"):
        Stages(tmp_path, "b", resume=True)
    monkeypatch.setattr(fit_stages, "version", lambda name: "99.0")
    with pytest.raises(ValueError, match=r"begun with dynamojax \S+, this is 99.0: .* install that version"):
        Stages(tmp_path, "a", resume=True)
    (tmp_path / "stages" / "begin.json").write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        Stages(tmp_path, "a", resume=True)


def test_what_holds_no_work_begins_anew(tmp_path):
    # A typo that is found after the search for the period must not lock the folder.
    Stages(tmp_path, "a", resume=False)("period", lambda: {"value": np.array(1.0)})
    stages = Stages(tmp_path, "b", resume=False)
    assert stages("period", lambda: {"value": np.array(2.0)})["value"] == 2.0
    assert stages.n_found == 0


def test_a_finished_fit_is_not_overwritten(tmp_path):
    (tmp_path / "fit.h5").touch()
    with pytest.raises(ValueError, match="was finished"):
        Stages(tmp_path, "a", resume=False)
