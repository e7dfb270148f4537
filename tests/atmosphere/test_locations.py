"""Caller, environment, configuration, default: in this order."""

from pathlib import Path

import pytest

from dynamojax.atmosphere import locations as module
from dynamojax.atmosphere.locations import HOME, MIRROR, grid_path, locations


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path, monkeypatch):
    for name in module.VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DYNAMOJAX_CONFIG", str(tmp_path / "config.toml"))


def test_defaults():
    found = locations()
    assert found.addresses == (HOME, MIRROR)
    assert found.cache.name == "dynamojax" and found.grid("phoenix") == found.cache / "grids/phoenix.h5"


def test_the_nearer_wins(tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text(
        '[grids]\ncache = "/c"\nphoenix_url = "http://c/"\nphoenix_mirror = "http://cm"\n'
    )
    assert locations().cache == Path("/c") and locations().addresses == ("http://c", "http://cm")
    monkeypatch.setenv("DYNAMOJAX_CACHE", "/e")
    monkeypatch.setenv("DYNAMOJAX_PHOENIX_URL", "http://e")
    assert locations().cache == Path("/e") and locations().url == "http://e"
    assert locations("/o", "http://o", "").addresses == ("http://o",)


def test_an_address_of_ones_own_has_no_foreign_mirror():
    assert locations(url="http://o").addresses == ("http://o",)


@pytest.mark.parametrize(
    ("text", "url", "message"),
    [
        ("", "ftp://somewhere", "https:// or http://"),
        ("[grids", None, "cannot be read"),
        ('[grids]\ncash = "/c"', None, "cash unknown; it takes cache"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, url, message):
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        locations(url=url)


def test_a_bare_word_is_a_grid_of_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNAMOJAX_CACHE", str(tmp_path))
    for name in ("a.h5", "folder/a", "./a", Path("phoenix")):
        assert grid_path(name) == Path(name)
    with pytest.raises(
        ValueError, match=r"no grid 'phoenix' .*there: none.* grid fetch phoenix .*grid build"
    ):
        grid_path("phoenix")
    (tmp_path / "grids").mkdir()
    (tmp_path / "grids" / "phoenix.h5").touch()
    assert grid_path("phoenix") == tmp_path / "grids" / "phoenix.h5"
    with pytest.raises(ValueError, match="there: phoenix"):
        grid_path("atlas")
