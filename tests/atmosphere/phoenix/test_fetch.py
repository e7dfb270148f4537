"""Many files from a server that misbehaves, and what a second run, a second process and a killed one do."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from dynamojax.atmosphere.locations import Locations
from dynamojax.atmosphere.phoenix import fetch as module
from dynamojax.atmosphere.phoenix.cache import Cache, alone
from dynamojax.atmosphere.phoenix.catalogue import models
from dynamojax.atmosphere.phoenix.fetch import Plan, check_space, fetch, plan
from tests.atmosphere.phoenix.bad_server import serving
from tests.atmosphere.phoenix.files import simple_intensity, write_specint
from tests.atmosphere.phoenix.test_transfer import QUICK

WANTED = models((5000.0, 5300.0), (4.0, 4.5), (-0.5, 0.0))  # 16 models
HOLE = WANTED[5]


@pytest.fixture
def server(tmp_path):
    for i, model in enumerate(WANTED):
        if model != HOLE:
            write_specint(tmp_path / "served" / model.path, simple_intensity(60, 1e14 + i * 1e12))
    with serving(tmp_path / "served") as server:
        yield server


@pytest.fixture
def places(tmp_path, server):
    return Locations(tmp_path / "cache", server.url, "")


def gets(server):
    return [path for method, path, _ in server.requests if method == "GET"]


def same_files(server, places, wanted=WANTED):
    return all(
        (places.phoenix / m.path).read_bytes() == (server.folder / m.path).read_bytes()
        for m in wanted
        if m != HOLE
    )


def test_everything_arrives_and_a_second_run_downloads_nothing(server, places):
    wanted = plan(WANTED, places, QUICK)
    size = (server.folder / WANTED[0].path).stat().st_size
    assert (len(wanted.todo), wanted.present, wanted.holes, wanted.n_bytes) == (16, 0, [], 16 * size)
    assert [method for method, *_ in server.requests] == ["HEAD"] * 4
    told = []
    report = fetch(wanted.todo, places, 3, QUICK, tell=lambda n, name: told.append((n, name)))
    assert len(report.fetched) == 15 and report.holes == [HOLE] and report.failed == {}
    assert report.n_bytes == 15 * size == sum(n for n, _ in told)
    assert sorted(name for _, name in told if name) == sorted(m.name for m in WANTED)
    assert same_files(server, places)
    server.requests.clear()
    again = plan(WANTED, places, QUICK)
    assert (again.todo, again.present, again.holes, again.n_bytes) == ([], 15, [HOLE], 0)
    assert server.requests == []
    assert plan(WANTED, places, QUICK, retry_holes=True).todo == [HOLE]


def test_all_faults_at_once(server, places):
    kinds = ["500", "cut:9000", "reset:12000", "garbage", "long", "short", "silent:1", "nolength", "stall:1"]
    for model, kind in zip([m for m in WANTED if m != HOLE], kinds, strict=False):
        server.faults[model.path] = [kind]
    bad = WANTED[-1]
    server.always[bad.path] = "500"
    report = fetch(WANTED, places, 4, QUICK)
    assert len(report.fetched) == 14 and report.holes == [HOLE] and "HTTP 500" in report.failed[bad]
    assert same_files(server, places, WANTED[:-1]) and not (places.phoenix / bad.path).exists()
    server.always.clear()
    assert plan(WANTED, places, QUICK).todo == [bad]
    assert fetch([bad], places, 1, QUICK).fetched == [bad] and same_files(server, places)


def test_no_more_at_a_time_than_asked(server, places):
    server.always["*"] = "drip:0.003"
    now, most = [0], [0]
    original = module.download

    def counting(*args, **kwargs):
        now[0] += 1
        most[0] = max(most[0], now[0])
        try:
            return original(*args, **kwargs)
        finally:
            now[0] -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "download", counting)
        fetch(WANTED, places, 2, QUICK)
    assert most[0] == 2
    for parallel in (0, 9):
        with pytest.raises(ValueError, match=r"parallel = \d must be in \[1, 8\]"):
            fetch(WANTED, places, parallel)


def test_a_dead_server_is_left_alone_after_eight_files(server, places):
    server.always["*"] = "500"
    report = fetch(WANTED, places, 2, QUICK)
    assert report.stopped and len(report.failed) == 8 and report.holes == []
    assert len(gets(server)) <= 10 * QUICK.attempts
    assert plan(WANTED, places, QUICK).n_bytes is None


def test_a_wrong_address_makes_no_holes(server, tmp_path):
    wrong = Locations(tmp_path / "cache", f"{server.url}/elsewhere", "")
    with pytest.raises(ValueError, match=r"none of the 16 files is at .*elsewhere; is --url the folder"):
        fetch(WANTED, wrong, 4, QUICK)
    assert Cache(wrong.phoenix).holes == set()


def test_a_mirror_that_works_is_preferred_from_then_on(server, places, tmp_path):
    with serving(tmp_path / "served") as dead:
        dead.always["*"] = "500"
        both = Locations(places.cache, dead.url, server.url)
        report = fetch(WANTED[:5], both, 1, QUICK)
        assert len(report.fetched) == 5
        assert len(dead.requests) == QUICK.attempts  # for the first file only
        assert plan(WANTED, both, QUICK).n_bytes is not None


def test_a_damaged_file_in_the_cache_is_fetched_again(server, places):
    fetch(WANTED[:2], places, 2, QUICK)
    (places.phoenix / WANTED[0].path).write_bytes(b"half")
    assert plan(WANTED[:2], places, QUICK).todo == [WANTED[0]]
    fetch([WANTED[0]], places, 1, QUICK)
    assert same_files(server, places, WANTED[:2])


def test_files_that_came_another_way_are_checked_and_taken(server, places):
    path = places.phoenix / WANTED[0].path
    path.parent.mkdir(parents=True)
    path.write_bytes((server.folder / WANTED[0].path).read_bytes())
    (places.phoenix / WANTED[1].path).write_bytes(b"<html>")
    assert plan(WANTED[:2], places, QUICK).todo == [WANTED[1]]


def test_a_journal_that_was_cut_is_read_and_goes_on(server, places):
    fetch(WANTED[:3], places, 1, QUICK)
    cache = Cache(places.phoenix)
    entry = cache.journal.read_text().splitlines()[0]
    for key in ("sha256", "size", "url", "etag"):
        assert key in entry
    cache.journal.write_bytes(cache.journal.read_bytes()[:-10])
    assert plan(WANTED[:3], places, QUICK).todo == []  # the third is opened instead
    fetch(WANTED[3:4], places, 1, QUICK)
    assert len(Cache(places.phoenix).sizes) == 3


def test_a_full_disc_is_said_before(places):
    with pytest.raises(ValueError, match=r"about 1000000000.0 GB are to come .* GB free"):
        check_space(Plan(WANTED, 0, [], 10**18), places)


def test_a_disc_that_fills_up_is_said_with_its_folder(server, places, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "download", full)
    with pytest.raises(ValueError, match=f"{places.phoenix.name} cannot be written to .*No space left.*kept"):
        fetch(WANTED[:3], places, 1, QUICK)


def test_two_processes_do_not_share_a_folder(server, places):
    with alone(places.phoenix):
        with pytest.raises(ValueError, match="another process is downloading"):
            fetch(WANTED, places, 1, QUICK)
    assert len(fetch(WANTED[:1], places, 1, QUICK).fetched) == 1


def size(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:  # it has just got its name
        return 0


CLIENT = """
import sys
from pathlib import Path
from dynamojax.atmosphere.locations import Locations
from dynamojax.atmosphere.phoenix.catalogue import models
from dynamojax.atmosphere.phoenix.fetch import fetch
from dynamojax.atmosphere.phoenix.transfer import Patience
fetch(models((5000.0, 5300.0), (4.0, 4.5), (-0.5, 0.0)), Locations(Path(sys.argv[1]), sys.argv[2], ""), 3)
"""


def test_a_killed_client_leaves_what_the_next_one_completes(server, places):
    server.always["*"] = "drip:0.02"
    client = subprocess.Popen([sys.executable, "-c", CLIENT, str(places.cache), server.url])
    arrived = 0
    while arrived < 25000:  # a file is 20 kB, three are on their way
        assert client.poll() is None
        time.sleep(0.005)
        arrived = sum(size(p) for p in places.phoenix.glob("*/*.part"))
    client.send_signal(signal.SIGKILL)
    client.wait()
    half = {p.name.removesuffix(".part"): p.stat().st_size for p in places.phoenix.glob("*/*.part")}
    assert 1 <= len(half) <= 3
    server.always.clear()
    server.requests.clear()
    report = fetch(plan(WANTED, places, QUICK).todo, places, 3, QUICK)
    assert report.holes == [HOLE] and report.failed == {}
    assert same_files(server, places)
    resumed = {os.path.basename(path): r for method, path, r in server.requests if r}
    assert {name: f"bytes={size}-" for name, size in half.items() if size} == resumed
    cache = Cache(places.phoenix)
    for line in cache.journal.read_text().splitlines():
        if '"sha256"' in line:
            entry = json.loads(line)
            content = (server.folder / entry["path"]).read_bytes()
            assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    assert not list(places.phoenix.glob("*/*.part*"))
