"""What goes wrong while a data set is written: nothing finished is lost, and what is resumed is the same."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from dynamojax.population import manifest as book
from tests.population.standin import recipe
from tests.population.test_engine import ROOT, digests, make

pytest.importorskip("pyarrow")

WRITER = """
import sys
from pathlib import Path
from tests.population.standin import recipe
from tests.population.test_engine import make
made = recipe(n_stars=int(sys.argv[2]))
make(Path(sys.argv[1]), made, resume=True)
print("finished", flush=True)
"""


def killed(folder: Path, n_stars: int, delay: float) -> bool:
    """Whether a process that writes was killed, so long after it began to write shards, before its end."""
    arguments = [sys.executable, "-c", WRITER, str(folder), str(n_stars)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        before = len(book.read_records(folder))
        while len(book.read_records(folder)) == before and process.poll() is None:
            time.sleep(0.002)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
    return "finished" not in out


def test_a_killed_process_is_resumed_to_the_same_bytes(tmp_path):
    assert killed(tmp_path / "set", 400, 0.02)
    done = len(book.read_records(tmp_path / "set"))
    assert 0 < done < 50
    report = make(tmp_path / "set", recipe(n_stars=400), resume=True)
    assert report.n_stars == 400 - 8 * done
    make(tmp_path / "other", recipe(n_stars=400))
    assert digests(tmp_path / "set") == digests(tmp_path / "other")


@pytest.mark.slow
def test_killed_at_ten_random_moments(tmp_path):
    rng, folder, n_stars, done = random.Random(5), tmp_path / "set", 8 * 600, []
    for _ in range(10):
        assert killed(folder, n_stars, rng.uniform(0.0, 0.25))
        done.append(len(book.read_records(folder)))
    assert done == sorted(done) and 10 <= done[0] + 9 and done[-1] < 600
    make(folder, recipe(n_stars=n_stars), resume=True)
    make(tmp_path / "other", recipe(n_stars=n_stars))
    assert digests(folder) == digests(tmp_path / "other")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, of 96 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a file system is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.mark.parametrize("file_format", ["parquet", "hdf5"])
def test_a_full_disk_keeps_what_is_finished(small_disk, tmp_path, file_format):
    with pytest.raises(OSError, match="No space left"):
        make(small_disk / "set", recipe(file_format=file_format))
    done = book.read_records(small_disk / "set")
    assert 0 < len(done) < 4
    names = {path.name for path in (small_disk / "set" / "data").iterdir()}
    assert names == {Path(record.name).name for record in done.values()}
    remount(small_disk, "size=2m")
    make(small_disk / "set", recipe(file_format=file_format), resume=True)
    make(tmp_path / "other", recipe(file_format=file_format))
    assert digests(small_disk / "set") == digests(tmp_path / "other")


@contextmanager
def no_file_above(n_bytes: int):
    """A limit on the size of files stands in for a full disk where mounting is not permitted."""
    import resource

    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("file_format", ["parquet", "hdf5"])
def test_a_file_that_may_not_grow_keeps_what_is_finished(tmp_path, file_format):
    made = recipe(file_format=file_format)
    make(tmp_path / "set", made, stop_after=2)
    before = digests(tmp_path / "set")
    with no_file_above(20_000), pytest.raises(OSError, match="File too large"):
        make(tmp_path / "set", made, resume=True)
    assert digests(tmp_path / "set") == before


def test_a_beginning_without_room_is_one_message_and_can_be_begun_again(tmp_path):
    with (
        no_file_above(1000),
        pytest.raises(ValueError, match="set cannot be written to.*File too large.*room"),
    ):
        make(tmp_path / "set", recipe())
    make(tmp_path / "set", recipe(), stop_after=1)
    assert len(book.read_records(tmp_path / "set")) == 1


def test_a_read_only_disk_is_one_message(small_disk):
    remount(small_disk, "ro")
    with pytest.raises(ValueError, match="cannot be written to.*Read-only.*--output"):
        make(small_disk / "set", recipe())


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_read_only_folder_is_one_message(tmp_path):
    (tmp_path / "set").mkdir(mode=0o555)
    with pytest.raises(ValueError, match="cannot be written to.*--output"):
        make(tmp_path / "set", recipe())


def test_a_disk_that_becomes_read_only_keeps_what_is_finished(small_disk):
    remount(small_disk, "size=2m")
    make(small_disk / "set", recipe(), stop_after=2)
    remount(small_disk, "ro")
    before = digests(small_disk / "set")
    with pytest.raises(ValueError, match="Read-only"):
        make(small_disk / "set", recipe(), resume=True)
    assert digests(small_disk / "set") == before
