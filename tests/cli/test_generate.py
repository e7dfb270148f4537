"""The commands that make a data set and tell what is in one: what they write, say, and refuse."""

import dataclasses
import os

import equinox as eqx
import jax.numpy as jnp
import pytest
from typer.testing import CliRunner

from dynamojax.cli import app
from dynamojax.population import manifest as book
from dynamojax.population.dataset import DataSet
from tests.population.standin import recipe
from tests.population.test_engine import digests

pytest.importorskip("pyarrow")
CONFIG = "[generate]\nstars = 30\n[[photometers]]\npreset = 'kepler'\n"


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The stand-in takes the place of what a configuration asks for, which takes long to compile."""
    import dynamojax.config.generation as generation

    monkeypatch.setattr(generation, "recipe", lambda asked, sizes=None: recipe(asked.generate["stars"]))


@pytest.fixture
def config(tmp_path):
    (tmp_path / "a.toml").write_text(CONFIG)
    return tmp_path / "a.toml"


def test_generate_and_inspect(config, tmp_path):
    out = tmp_path / "set"
    result = run("generate", config, "-o", out, "--devices", "1")
    assert result.exit_code == 0, result.output
    assert "30 stars to come in 4 shards of 8" in result.output and "a second" in result.output
    assert "wrote 30 stars (26 valid)" in result.output and result.stdout == ""
    again = run("generate", config, "-o", out, "--devices", "1")
    assert again.exit_code == 2 and "--resume goes on" in again.output
    again = run("generate", config, "-o", out, "--devices", "1", "--resume")
    assert again.exit_code == 0 and "nothing to do" in again.output
    seen = run("inspect", out, "-o", tmp_path / "page.png", "--verify")
    assert seen.exit_code == 0, seen.output
    for text in (
        "30 stars in 4 parquet shards of 8", "valid: 26 stars, 86.67 %", DataSet(out).manifest.digest,
        "kepler_flux", "kepler_time  24      d", "age_gyr", "26 valid stars", "4 shards are what they were",
    ):  # fmt: skip
        assert text in seen.output, text
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_inspect_of_a_damaged_set_says_which_shard(config, tmp_path):
    out = tmp_path / "set"
    assert run("generate", config, "-o", out, "--devices", "1", "-q").output == ""
    path = DataSet(out).paths[2]
    path.write_bytes(path.read_bytes()[:-1])
    result = run("inspect", out, "--no-plot", "--verify")
    assert result.exit_code == 2 and "shard 2" in result.output and "--resume" in result.output
    repaired = run("generate", config, "-o", out, "--devices", "1", "--resume")
    assert repaired.exit_code == 0 and "is made again" in repaired.output
    assert run("inspect", out, "--no-plot", "--verify", "-q").exit_code == 0


def test_an_interruption_keeps_what_is_finished(config, tmp_path, monkeypatch):
    from dynamojax.population import engine

    write = engine.write_shard

    def interrupted(folder, shard, *rest):
        if shard.index == 2:
            raise KeyboardInterrupt
        return write(folder, shard, *rest)

    monkeypatch.setattr(engine, "write_shard", interrupted)
    out = tmp_path / "set"
    result = run("generate", config, "-o", out, "--devices", "1")
    assert result.exit_code == 130 and "--resume goes on from there" in result.output
    assert sorted(book.read_records(out)) == [0, 1]
    monkeypatch.undo()


@pytest.fixture
def interruptible():
    """Workers of pytest-xdist ignore SIGINT."""
    import signal

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interruption_that_falls_into_a_callback_is_not_lost(capsys, interruptible):
    import time

    import typer

    from dynamojax.cli.console import clear_errors

    class Collected:
        def __del__(self):
            raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as stopped, clear_errors(debug=False):
        Collected()
        time.sleep(10.0)
    assert stopped.value.exit_code == 130 and "interrupted" in capsys.readouterr().err


def test_a_full_disk_says_what_is_safe(config, tmp_path, monkeypatch):
    import errno

    from dynamojax.population import engine

    def full(folder, shard, *rest):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(engine, "write_shard", full)
    result = run("generate", config, "-o", tmp_path / "set", "--devices", "1")
    assert result.exit_code == 2
    assert "No space left on device; 0 of 4 shards are finished and safe" in result.output


def test_a_changed_configuration_is_an_error(config, tmp_path):
    out = tmp_path / "set"
    assert run("generate", config, "-o", out, "--devices", "1", "-q").exit_code == 0
    before = digests(out)
    config.write_text(CONFIG.replace("30", "31"))
    result = run("generate", config, "-o", out, "--devices", "1", "--resume")
    assert result.exit_code == 2 and "generate.stars: 30 became 31" in result.output
    assert digests(out) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--engine", "spark"), "allowed: local, ray"),
        (("--devices", "none"), "allowed: all, or a whole number"),
        (("--devices", "4096"), "but this machine has"),
        (("--devices", "²"), "allowed: all, or a whole number"),
        (("--chunk", "0", "--devices", "1"), "--chunk"),
    ],
)
def test_wrong_options_are_one_message_and_nothing_is_begun(config, tmp_path, options, message):
    result = run("generate", config, "-o", tmp_path / "set", *options)
    assert result.exit_code == 2 and message in result.output and "Traceback" not in result.output
    assert not (tmp_path / "set").exists()


def test_a_set_without_a_valid_star_is_noted(config, tmp_path, monkeypatch):
    import dynamojax.config.generation as generation
    from tests.population import standin

    def nobody(*args):
        return eqx.tree_at(lambda s: s.valid, standin.sample_star(*args), jnp.asarray(False))

    def barren(asked, sizes=None):
        made = recipe(8)
        return dataclasses.replace(made, maker=dataclasses.replace(made.maker, sample=nobody))

    monkeypatch.setattr(generation, "recipe", barren)
    result = run("generate", config, "-o", tmp_path / "set", "--devices", "1")
    assert result.exit_code == 0 and "(0 valid)" in result.output and "none is valid" in result.output
    seen = run("inspect", tmp_path / "set", "--no-plot")
    assert seen.exit_code == 0 and "valid: 0 stars" in seen.output


def test_inspect_of_something_else_is_one_message(tmp_path):
    result = run("inspect", tmp_path)
    assert result.exit_code == 2 and "is not a data set" in result.output
