import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.evolution import kiauhoku as ours
from dynamojax.evolution.tracks import at_phase, evolve
from tests.evolution import kiauhoku_files as files

evolved = jax.jit(jax.vmap(evolve, (None, 0, 0, 0, 0)))


@pytest.fixture(scope="module")
def kiauhoku():
    return pytest.importorskip("kiauhoku")


@functools.cache
def _grid(name, folder):
    return ours.load_kiauhoku(name, files.write(name, folder / name / f"{name}_eep.pqt"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("grids")


@pytest.mark.parametrize("name", ours.KIAUHOKU_GRIDS)
def test_every_grid_is_read_in_its_units(x64, kiauhoku, folder, name):
    grid = _grid(name, folder)
    alpha = 0.4 if len(grid.alpha) > 1 else 0.0
    star = at_phase(grid, *map(jnp.asarray, (0.9, -0.5, 12.0, alpha)))
    age, teff, luminosity, prot, turnover = files.physics(0.9, -0.5, alpha, 12.0)
    assert float(star.age_gyr) == pytest.approx(age, rel=1e-12)
    assert float(star.teff) == pytest.approx(teff, rel=1e-12)
    assert float(star.luminosity) == pytest.approx(luminosity, rel=1e-12)
    assert float(star.mass) == pytest.approx(0.9, rel=1e-12)
    if name in ("fastlaunch", "slowlaunch", "rocrit"):
        assert float(star.prot) == pytest.approx(prot, rel=1e-12)
        assert float(star.turnover) == pytest.approx(turnover / 86400, rel=1e-12)
    else:
        assert np.isnan(star.prot)


def test_agrees_with_kiauhokus_own_interpolation(x64, kiauhoku, folder):
    """It is linear in every axis, on age and log teff; ours is cubic, along the opacity's metals."""
    grid = _grid("fastlaunch", folder)
    path = folder / "fastlaunch" / "fastlaunch_eep.pqt"
    theirs = kiauhoku.stargrid.from_parquet(str(path), name="fastlaunch").to_interpolator()
    rng = np.random.default_rng(0)
    mass, feh, alpha = rng.uniform(0.85, 1.15, 20), rng.uniform(-0.9, 0.4, 20), rng.uniform(0, 0.4, 20)
    age = rng.uniform(1.0, 5.0, 20)
    got = evolved(grid, *map(jnp.asarray, (mass, feh, age, alpha)))
    assert got.valid.all()
    for k in range(20):
        star = theirs.get_star_age((mass[k], feh[k], alpha[k]), age[k], age_label="Age(Gyr)")
        assert float(got.teff[k]) == pytest.approx(10 ** star["Log Teff(K)"], rel=4e-3)
        assert float(got.prot[k]) == pytest.approx(star["Prot(days)"], rel=1e-2)
    # And both beside the truth, at the age where the made-up tracks are known in closed form.
    period = 25.0 * np.sqrt(age / 4.6)
    np.testing.assert_allclose(got.prot, period, rtol=1e-3)


def test_a_grid_without_alpha_knows_no_other(x64, kiauhoku, folder):
    grid = _grid("mist", folder)
    one = jnp.asarray(1.0)
    assert evolve(grid, one, 0 * one, 3 * one).valid
    assert not evolve(grid, one, 0 * one, 3 * one, 0.2).valid


def test_what_is_missing_is_named(monkeypatch, kiauhoku, tmp_path):
    with pytest.raises(ValueError, match="not a grid of kiauhoku; choose from fastlaunch"):
        ours.load_kiauhoku("padova")
    monkeypatch.setattr("kiauhoku.config.grids_path", str(tmp_path))
    with pytest.raises(ValueError, match=r"does not exist; download it once.*fetch_kiauhoku.*rocrit"):
        ours.load_kiauhoku("rocrit")
    path = files.write("fastlaunch", tmp_path / "a.pqt", lambda frame: frame.drop(columns="L/Lsun"))
    with pytest.raises(ValueError, match=r"no column \['L/Lsun'\]"):
        ours.load_kiauhoku("fastlaunch", path)
    path = files.write("mist", tmp_path / "b.pqt", lambda frame: frame.rename_axis(index={"eep": "step"}))
    with pytest.raises(ValueError, match=r"without \['eep'\]"):
        ours.load_kiauhoku("mist", path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match="damaged or not Parquet"):
        ours.load_kiauhoku("mist", path)


def test_a_failed_download_says_how_to_do_it_by_hand(monkeypatch, kiauhoku, tmp_path):
    def refuse(name, **_):
        raise ConnectionError("no route to zenodo.org")

    monkeypatch.setattr("kiauhoku.config.grids_path", str(tmp_path))
    monkeypatch.setattr("kiauhoku.download", refuse)
    with pytest.raises(ValueError, match=r"no route.*fastlaunch_eep.tar.gz.*zenodo.4287717"):
        ours.fetch_kiauhoku("fastlaunch")


def test_without_kiauhoku_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "kiauhoku", None)
    with pytest.raises(ValueError, match=r"dynamojax\[evolution\]"):
        ours.load_kiauhoku("mist")


def test_short_tracks_gaps_and_tracks_that_do_not_exist(x64, kiauhoku, tmp_path):
    def spoil(frame):
        mass, feh = (np.asarray(frame.index.get_level_values(k)) for k in ("initial_mass", "initial_met"))
        eep = np.asarray(frame.index.get_level_values("eep"))
        frame.loc[(mass == 1.2) & (eep == 20), "log_L"] = np.nan  # a gap: the track ends before it
        gone = ((mass == 0.8) & (feh == 0.5)) | ((mass == 1.1) & (eep > 25))
        return frame[~gone]

    grid = ours.load_kiauhoku("mist", files.write("mist", tmp_path / "m.pqt", spoil))
    index = {m: i for i, m in enumerate(files.MASS)}
    assert (np.asarray(grid.last)[index[1.2]] == 19).all()
    assert (np.asarray(grid.last)[index[1.1]] == 25).all()
    assert int(grid.last[index[0.8], 3, 0]) == -1
    assert not evolve(grid, *map(jnp.asarray, (0.85, 0.4, 3.0))).valid
    assert evolve(grid, *map(jnp.asarray, (0.95, 0.4, 3.0))).valid


def test_ages_that_do_not_increase_raise_or_are_left_out(x64, kiauhoku, tmp_path):
    def spoil(frame):
        mass, eep = (np.asarray(frame.index.get_level_values(k)) for k in ("initial_mass", "eep"))
        frame.loc[(mass == 0.8) & (eep == 7), "star_age"] = 1.0
        return frame

    path = files.write("mist", tmp_path / "m.pqt", spoil)
    with pytest.raises(ValueError, match=r"age does not increase at mass = 0.8"):
        ours.load_kiauhoku("mist", path)
    grid = ours.load_kiauhoku("mist", path, leave_out_broken=True)
    assert (np.asarray(grid.last)[0] == -1).all() and (np.asarray(grid.last)[1:] == files.N_EEP - 1).all()
