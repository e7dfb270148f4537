"""From files to a grid: what is in it, what is a hole, what is refused, and how much memory it takes."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from dynamojax.atmosphere.building import Stretch, Unsuited, read_stretch
from dynamojax.atmosphere.grid_file import open_grid
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.locations import Locations
from dynamojax.atmosphere.phoenix.build import STRETCHES, build_phoenix
from dynamojax.atmosphere.phoenix.catalogue import models
from tests.atmosphere.phoenix.files import MU, write_specint
from tests.atmosphere.phoenix.test_limb import SHAPES, exact_flux, synthetic

WANTED = models((5000.0, 5300.0), (4.0, 4.5), (-0.5, 0.5))
HOLES = {WANTED[3], WANTED[10]}
SHAPE = SHAPES["subgiant"]
GREEN = Stretch("green", 4050.0, 4250.0, 2000.0)
RED = Stretch("red", 4250.0, 4350.0, 1000.0)
WAVELENGTH = 4000.0 + np.arange(400)


def colour(model):
    """Level at each wavelength, smooth; different for each model. [erg/s/cm2/cm/sr]"""
    return 1e14 * (model.teff / 5000) ** 4 * (1 + 0.1 * model.feh) * (WAVELENGTH / 4000) ** -(model.logg)


def write(places, model, **more):
    u = 0.8 - 0.3 * (WAVELENGTH - 4000) / 400
    profile = np.stack([synthetic(MU, *SHAPE, u=x) for x in u[::40]], axis=1)
    profile = np.stack([np.interp(WAVELENGTH, WAVELENGTH[::40], row) for row in profile])
    labels = {"PHXTEFF": model.teff, "PHXLOGG": model.logg, "PHXM_H": model.feh}
    path = places.phoenix / model.path
    return write_specint(path, profile * colour(model), start=4000.0, dtype=">f8", **(labels | more))


@pytest.fixture
def places(tmp_path):
    places = Locations(tmp_path, "http://nowhere", "")
    for model in WANTED:
        if model not in HOLES:
            write(places, model)
    return places


@pytest.fixture
def built(places):
    told = []
    built, limbs = build_phoenix(
        places, WANTED, stretches=(GREEN, RED), n_mu=8, tell=lambda *done: told.append(done)
    )
    assert told == [(i, 22) for i in range(23)]
    return built, limbs


def stored(path, segment, node):
    """log10 I of a model, from the datasets of the file as its layout is documented."""
    import h5py

    with h5py.File(path) as file:
        group = file[f"segments/{segment}"]
        residual = group["residual"][node].astype(np.float64)
        return group["mean"][()] + group["level"][node][:, None] + group["step"][node] * residual


def test_axes_holes_and_attributes(built):
    grid = open_grid(built[0].path)
    assert (built[0].n_models, built[0].n_nodes, built[0].damaged) == (22, 24, {})
    assert [list(axis) for axis in (grid.teff, grid.logg, grid.feh)] == [
        [5000, 5100, 5200, 5300],
        [4.0, 4.5],
        [-0.5, 0.0, 0.5],
    ]
    for i, teff in enumerate(grid.teff):
        for j, logg in enumerate(grid.logg):
            for k, feh in enumerate(grid.feh):
                hole = any((m.teff, m.logg, m.feh) == (teff, logg, feh) for m in HOLES)
                assert grid.exists[i, j, k] == (not hole)
    info = grid.info()
    assert info["limb"] == "intensity" and "Husser et al. (2013)" in info["licence"]
    assert info["provenance"]["n_files"] == 22 and "Espinoza" in info["provenance"]["method"]
    assert info["segments"]["green"]["resolution"] == 2000.0
    assert info["segments"]["green"]["wavelength"] == pytest.approx((4050, 4250), abs=2)


def test_intensities_flux_and_units(built):
    """The synthetic models have a known flux at every wavelength, and smooth spectra."""
    grid = open_grid(built[0].path)
    _, weights = quadrature_nodes(8)
    for model in (WANTED[0], WANTED[12], WANTED[-1]):
        node = tuple(
            int(np.flatnonzero(axis == x)[0])
            for axis, x in zip(
                (grid.teff, grid.logg, grid.feh), (model.teff, model.logg, model.feh), strict=True
            )
        )
        for name in ("green", "red"):
            wavelength = grid.segments[name].axis.wavelength
            intensity = 10 ** stored(built[0].path, name, node)
            for at in (2, len(wavelength) // 2, -3):
                x = wavelength[at]
                u = 0.8 - 0.3 * (x - 4000) / 400
                level = np.interp(x, WAVELENGTH, colour(model)) * 1e-8
                flux = level * exact_flux(*SHAPE, u) / np.median(built[1].radius) ** 2
                # Radius from unequal samples 1e-4, quadrature over the model's mu 1e-4, stored steps 1e-5.
                assert weights @ intensity[:, at] == pytest.approx(flux, rel=4e-4)


def test_limbs_are_reported(built):
    assert len(built[1].radius) == 22
    np.testing.assert_allclose(built[1].radius, SHAPE[0], atol=4e-4)
    assert max(built[1].factor) < 5e-3


def test_only_part_of_the_range_and_float32(places, tmp_path):
    wanted = models((5100.0, 5200.0), (4.0, 4.5), (0.0, 0.0))
    built, _ = build_phoenix(places, wanted, tmp_path / "a.h5", (GREEN,), n_mu=6, representation="float32")
    grid = open_grid(tmp_path / "a.h5")
    assert built.n_models == grid.exists.sum() == len([m for m in wanted if m not in HOLES])
    assert grid.segments["green"].representation == "float32" and len(grid.mu_nodes) == 6


def test_nothing_downloaded_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match=r"none of these 24 models is in .* grid fetch phoenix"):
        build_phoenix(Locations(tmp_path, "http://nowhere", ""), WANTED)


def test_a_damaged_file_is_named_with_a_remedy_or_left_out(places, tmp_path):
    bad = places.phoenix / WANTED[5].path
    bad.write_bytes(bad.read_bytes()[:50000])
    with pytest.raises(ValueError, match=r"lte05.*not a readable.*delete it, fetch again") as error:
        build_phoenix(places, WANTED, tmp_path / "a.h5", (GREEN,))
    assert str(bad) in str(error.value)
    assert not list(tmp_path.glob("*a*.h5*"))
    built, _ = build_phoenix(places, WANTED, tmp_path / "a.h5", (GREEN,), skip_damaged=True)
    assert list(built.damaged) == [bad] and built.n_models == 21
    assert open_grid(tmp_path / "a.h5").exists.sum() == 21


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"PHXTEFF": 7000.0}, "header says teff = 7000, its name 5000"),
        ({"PHXM_H": 0.0}, "header says feh = 0"),
    ],
)
def test_a_file_under_a_wrong_name_is_refused(places, tmp_path, header, message):
    write(places, WANTED[0], **header)
    with pytest.raises(ValueError, match=message):
        build_phoenix(places, WANTED, tmp_path / "a.h5", (GREEN,))


def test_dark_or_infinite_intensities_are_refused(places, tmp_path):
    path = places.phoenix / WANTED[0].path
    intensity = np.ones((78, 400))
    intensity[:, 100:140] = 0.0
    write_specint(path, intensity, start=4000.0)
    with pytest.raises(ValueError, match="intensities are not positive and finite"):
        build_phoenix(places, WANTED, tmp_path / "a.h5", (GREEN,))
    write_specint(path, np.full((78, 400), np.nan), start=4000.0)
    with pytest.raises(ValueError, match="not finite, or all zero; delete it"):
        build_phoenix(places, WANTED, tmp_path / "a.h5", (GREEN,))


@pytest.mark.parametrize(
    ("stretch", "message"),
    [
        (Stretch("a", 3900.0, 4200.0, 1000.0), r"needs 38.* to 42.* A.* has 3999.5 to 4399.5 A"),
        (Stretch("a", 4050.0, 4250.0, 5000.0), r"resolution = 5000 is more .* at most 21\d\d"),
        (Stretch("a", 4250.0, 4050.0, 1000.0), "segment a: low = 4250"),
    ],
)
def test_what_the_files_do_not_hold_ends_the_build_even_when_damaged_ones_are_left_out(
    places, tmp_path, stretch, message
):
    with pytest.raises(Unsuited, match=message):
        build_phoenix(places, WANTED, tmp_path / "a.h5", (stretch,), skip_damaged=True)


def test_segments_from_text():
    assert read_stretch("optical:3000:1e4:5000") == STRETCHES[0]
    for text in ("optical", "optical:3000:10000", "a b:1:2:3", "a:1:2:x", "a:1:2:3:4"):
        with pytest.raises(ValueError, match="NAME:LOW:HIGH:RESOLUTION"):
            read_stretch(text)


BUILDER = """
import sys
from pathlib import Path
from dynamojax.atmosphere.building import Stretch
from dynamojax.atmosphere.locations import Locations
from dynamojax.atmosphere.phoenix.build import build_phoenix
from dynamojax.atmosphere.phoenix.catalogue import models
stretches = [Stretch(n, float(l), float(h), float(r)) for n, l, h, r in [s.split(":") for s in sys.argv[3:]]]
build_phoenix(
    Locations(Path(sys.argv[1]), "http://nowhere", ""), models(), sys.argv[2], stretches,
    tell=lambda done, total: print(done, flush=True),
)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


def test_a_killed_build_leaves_no_grid_and_the_next_one_cleans_up(places, tmp_path):
    command = [
        sys.executable,
        "-c",
        BUILDER,
        str(places.cache),
        str(tmp_path / "a.h5"),
        "green:4050:4250:2000",
    ]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in client.stdout:
        if int(line) == 3:
            break
    client.send_signal(signal.SIGKILL)
    client.wait()
    client.stdout.close()
    assert [p.suffix for p in tmp_path.glob(".a.part*")] == [".h5"] and not (tmp_path / "a.h5").exists()
    living = tmp_path / f".a.part{os.getpid()}.h5"
    living.touch()
    (tmp_path / "b.h5").touch()
    build_phoenix(places, WANTED[:2], tmp_path / "b.h5", (GREEN,))
    assert len(list(tmp_path.glob(".a.part*"))) == 2  # another grid's
    living.unlink()
    build_phoenix(places, WANTED[:2], tmp_path / "a.h5", (GREEN,))
    assert sorted(p.name for p in tmp_path.glob("*.h5")) == ["a.h5", "b.h5"]
    assert list(tmp_path.glob(".*part*")) == []


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_files(tmp_path):
    """Files eighty times as wide as the library's, the same one under many names."""
    places = Locations(tmp_path, "http://nowhere", "")
    n = 2_100_000
    wavelength = 3000.0 + 0.01 * np.arange(n)
    spectrum = 1e14 * (wavelength / 5000) ** -2
    chosen = models((5000.0, 5400.0), (4.0, 5.5), (0.0, 0.0))
    first = places.phoenix / chosen[0].path
    profile = synthetic(MU, *SHAPE)
    write_specint(first, profile.astype(">f4")[:, None] * spectrum.astype(">f4"), start=3000.0, step=0.01)
    assert first.stat().st_size > 600e6
    peaks = []
    for count in (2, 20):
        for model in chosen[:count]:
            path = places.phoenix / model.path
            if not path.exists():
                os.link(first, path)
        begin = time.monotonic()
        out = subprocess.run(
            [sys.executable, "-c", BUILDER, str(tmp_path), str(tmp_path / "a.h5"), "all:3100:23000:50000"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        peaks.append(int(out.split()[-1]) / 1024**2)
        print(f"{count} files: {peaks[-1]:.2f} GiB, {time.monotonic() - begin:.0f} s")
    assert max(peaks) < 4.0 and peaks[1] < 1.05 * peaks[0]
