"""One file from a server that misbehaves: it arrives whole, or not at all and with a reason."""

import threading
import time

import pytest

from dynamojax.atmosphere.phoenix import transfer, web
from dynamojax.atmosphere.phoenix.cache import check_specint
from dynamojax.atmosphere.phoenix.transfer import Patience, Stopped, download
from dynamojax.atmosphere.phoenix.web import Failure, Hole, Remote
from tests.atmosphere.phoenix.bad_server import serving
from tests.atmosphere.phoenix.files import simple_intensity, write_specint

QUICK = Patience(timeout=0.4, attempts=3, first_wait=0.01, longest_wait=0.05, longest_request=5.0)
NAME = "Z-0.0/a.fits"


@pytest.fixture
def server(tmp_path):
    write_specint(tmp_path / "served" / NAME, simple_intensity())
    with serving(tmp_path / "served") as server:
        server.content = (tmp_path / "served" / NAME).read_bytes()
        yield server


@pytest.fixture
def goal(tmp_path):
    return tmp_path / "cache" / "a.fits"


def get(server, goal, urls=None, patience=QUICK, **more):
    return download(urls or [f"{server.url}/{NAME}"], goal, check_specint, patience, **more)


def left_overs(goal):
    return sorted(p.name for p in goal.parent.glob("*")) if goal.parent.exists() else []


def ranges(server):
    return [r for _, _, r in server.requests]


def test_a_good_server(server, goal):
    told = []
    arrived = get(server, goal, progress=told.append)
    assert goal.read_bytes() == server.content and left_overs(goal) == ["a.fits"]
    assert arrived.size == sum(told) == len(server.content) == arrived.remote.length
    assert ranges(server) == [None]


@pytest.mark.parametrize(
    "faults",
    [
        ["500", "503"],
        ["429"],
        ["cut:50000"],
        ["cut:1", "cut:100", "reset:30000", "cut:40000"],
        ["silent:1"],
        ["stall:1"],
        ["long"],
        ["short"],
        ["garbage"],
        ["garbage", "cut:7"],
        ["nolength"],
        ["reset:0", "reset:70000"],
    ],
)
def test_what_passes_is_overcome(server, goal, faults):
    server.faults[NAME] = list(faults)
    told = []
    get(server, goal, progress=told.append)
    assert goal.read_bytes() == server.content and left_overs(goal) == ["a.fits"]
    assert sum(told) == len(server.content)  # what was thrown away is not counted


def test_a_cut_file_is_resumed_where_it_stopped(server, goal):
    server.faults[NAME] = ["cut:50000", "reset:40000"]
    get(server, goal)
    assert goal.read_bytes() == server.content
    assert ranges(server)[:2] == [None, "bytes=50000-"]
    # What arrives before a connection breaks is not exactly what was sent.
    assert 50000 <= int(ranges(server)[2].removeprefix("bytes=").rstrip("-")) <= 90000


@pytest.mark.parametrize("fault", ["norange", "wrongpart"])
def test_a_server_that_cannot_resume_begins_again(server, goal, fault):
    server.faults[NAME] = ["cut:50000", fault]
    get(server, goal)
    assert goal.read_bytes() == server.content


def test_without_a_validator_the_file_begins_again(server, goal):
    server.faults[NAME] = ["novalidator:50000"]
    get(server, goal)
    assert goal.read_bytes() == server.content and ranges(server) == [None, None]


def test_a_file_that_changes_half_way_is_not_mixed(server, goal):
    server.faults[NAME] = ["cut:50000"]
    with pytest.raises(Stopped):
        stop = threading.Event()
        get(server, goal, progress=lambda n: stop.set(), stop=stop)
    assert left_overs(goal) == ["a.fits.part", "a.fits.part.json"]
    write_specint(server.folder / NAME, 2 * simple_intensity())
    get(server, goal)
    assert goal.read_bytes() == (server.folder / NAME).read_bytes() != server.content
    assert ranges(server)[1].startswith("bytes=")


def test_a_stop_is_resumed_by_the_next_call(server, goal):
    stop, come = threading.Event(), []

    def progress(n_bytes):
        come.append(n_bytes)
        if sum(come) > 40000:
            stop.set()

    server.faults[NAME] = ["drip:0.001"]
    with pytest.raises(Stopped):
        get(server, goal, progress=progress, stop=stop)
    assert not goal.exists() and 40000 < (goal.parent / "a.fits.part").stat().st_size < len(server.content)
    get(server, goal)
    assert goal.read_bytes() == server.content
    assert ranges(server) == [None, f"bytes={sum(come)}-"]


@pytest.mark.parametrize(
    ("fault", "message", "requests"),
    [
        ("500", "HTTP 500, after 3 attempts", 3),
        ("silent:1", "timed out.*, after 3 attempts", 3),
        ("cut:0", "cut off after 0 of", 3),
        ("garbage", "unusable .*not a readable", 3),
        ("long", "416|cut off after", None),
        ("403", "HTTP 403", 1),
        ("503:3600", "come back in 3600 s", 1),
    ],
)
def test_what_does_not_pass_is_said(server, goal, fault, message, requests):
    server.always[NAME] = fault
    with pytest.raises(Failure, match=message):
        get(server, goal)
    assert not goal.exists()
    assert len(server.requests) == requests if requests else 3 <= len(server.requests) <= 12


def test_a_server_that_always_cuts_at_the_same_place_is_given_up(server, goal):
    server.always[NAME] = "norange:50000"
    with pytest.raises(Failure, match=r"cut off after 50000 of \d+ bytes, after 3 attempts"):
        get(server, goal)
    assert len(server.requests) <= 4


def test_too_slow_is_a_failure(server, goal):
    server.always[NAME] = "drip:0.1"
    with pytest.raises(Failure, match=r"only \d+ bytes in"):
        get(server, goal, patience=Patience(0.4, slowest=1e9, attempts=1, first_wait=0.01))


def test_a_hole_is_not_asked_for_twice(server, goal):
    with pytest.raises(Hole):
        get(server, goal, [f"{server.url}/Z-0.0/none.fits"])
    assert len(server.requests) == 1 and left_overs(goal) == []


def test_retry_after_is_honoured(server, goal):
    server.faults[NAME] = ["503:0.3"]
    begin = time.monotonic()
    get(server, goal)
    assert 0.3 <= time.monotonic() - begin < 2.0


def test_retry_after_may_be_a_date():
    from email.utils import formatdate

    assert web._retry_after(formatdate(time.time() + 100, usegmt=True)) == pytest.approx(100, abs=3)
    assert web._retry_after(formatdate(time.time() - 100, usegmt=True)) == 0.0
    assert web._retry_after("soon") is None


def test_waits_double_and_are_spread_by_chance(server, goal, monkeypatch):
    waits = []
    monkeypatch.setattr(transfer._Transfer, "_sleep", lambda self, seconds: waits.append(seconds))
    server.faults[NAME] = ["500"] * 5
    get(server, goal, patience=Patience(0.4, attempts=9, first_wait=1.0, longest_wait=6.0))
    means = (1, 2, 4, 6, 6)
    assert len(waits) == 5 and all(0.5 * m <= w <= 1.5 * m for w, m in zip(waits, means, strict=True))
    assert len(set(waits)) == 5


def test_the_mirror_is_asked_when_the_first_fails(server, goal, tmp_path):
    with serving(tmp_path / "empty") as other:
        for fault, asked in (("500", 3), ("404", 1), (None, 1)):
            other.requests.clear()
            other.always["*"] = fault
            arrived = get(server, goal, [f"{other.url}/{NAME}", f"{server.url}/{NAME}"])
            assert goal.read_bytes() == server.content and arrived.url.startswith(server.url)
            assert len(other.requests) == asked
            goal.unlink()
        other.always["*"] = "500"
        with pytest.raises(Failure):  # it may exist where the server is down
            get(server, goal, [f"{other.url}/{NAME}", f"{server.url}/none.fits"])


def test_a_closed_port_is_a_failure(server, goal):
    with serving(goal.parent) as gone:
        url = gone.url
    with pytest.raises(Failure, match="no connection"):
        get(server, goal, [f"{url}/{NAME}"])


def test_asking_for_the_size(server):
    assert web.ask(f"{server.url}/{NAME}", 1.0).length == len(server.content)
    with pytest.raises(Hole):
        web.ask(f"{server.url}/none", 1.0)
    server.always[NAME] = "500"
    with pytest.raises(Failure, match="HTTP 500"):
        web.ask(f"{server.url}/{NAME}", 1.0)
    assert Remote(None, 'W/"weak"', "yesterday").validator == "yesterday"
