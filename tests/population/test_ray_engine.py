"""Shards from a Ray cluster: the same bytes, and workers that die."""

import functools
import os
import signal
from pathlib import Path

import pytest

from dynamojax.population import engine
from dynamojax.population import manifest as book
from dynamojax.population.ray_engine import write_all_with_ray
from dynamojax.population.recipe import plan
from tests.population.standin import recipe
from tests.population.test_engine import ROOT, digests, make

pytest.importorskip("pyarrow")
ray = pytest.importorskip("ray")
# Ray leaves sockets and files to its own shutdown.
pytestmark = [
    pytest.mark.slow,
    *(
        pytest.mark.filterwarnings(f"ignore::{name}")
        for name in ("ResourceWarning", "FutureWarning", "DeprecationWarning", "UserWarning")
    ),
]


@pytest.fixture(scope="module", autouse=True)
def cluster():
    environment = {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    ray.init(
        num_cpus=2, runtime_env={"env_vars": environment}, include_dashboard=False, logging_level="ERROR"
    )
    yield
    ray.shutdown()


def plain(sizes):
    return recipe()


def deadly(marker, sizes):
    """The first worker that asks for it is killed."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return recipe()


def deadly_always(sizes):
    os.kill(os.getpid(), signal.SIGKILL)


def changed(sizes):
    return recipe(n_times=16)


def with_ray(folder, make_recipe, **options):
    made = recipe()
    manifest, todo = engine.prepare(folder, plan(made), resume=True)
    report = write_all_with_ray(make_recipe, folder, todo, **options)
    engine.finish(folder, manifest)
    return report


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "set"
    make(folder, recipe())
    return folder


def test_workers_give_the_bytes_of_one_process(whole, tmp_path):
    told = []
    report = with_ray(tmp_path / "set", plain, chunk=24, tell=told.append)
    assert report.n_stars == sum(told) == 30 and report.n_valid == 26
    assert digests(tmp_path / "set") == digests(whole)


def test_a_worker_that_is_killed_is_replaced(whole, tmp_path):
    report = with_ray(tmp_path / "set", functools.partial(deadly, str(tmp_path / "marker")), chunk=32)
    assert (tmp_path / "marker").exists() and report.n_stars == 30
    assert digests(tmp_path / "set") == digests(whole)


def test_workers_that_always_die_are_one_message_and_resume_goes_on(whole, tmp_path):
    with pytest.raises(OSError, match="worker died 4 times.*--resume"):
        with_ray(tmp_path / "set", deadly_always, chunk=40)  # a worker may have compiled others
    assert not book.read_records(tmp_path / "set")
    with_ray(tmp_path / "set", plain)
    assert digests(tmp_path / "set") == digests(whole)


def test_a_worker_with_other_files_is_one_message(tmp_path):
    with pytest.raises(ValueError, match="other input files than the driver"):
        with_ray(tmp_path / "set", changed, chunk=48)
