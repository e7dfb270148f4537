"""Data sets of a fit: windows, bins, flares, times, and files that cannot be fitted."""

import numpy as np
import pytest

from dynamojax.config.fit_cleaning import binned, outliers, scatter
from dynamojax.config.fit_data import prepare_data
from dynamojax.config.fit_reading import FitSettings, check_fit
from dynamojax.config.reading import Settings

NOISE = 1e-3


def table(path, columns):
    rows = [
        ",".join(columns),
        *(",".join(f"{x:.8g}" for x in row) for row in zip(*columns.values(), strict=True)),
    ]
    path.write_text("\n".join(rows) + "\n")


def curve(n=200, seed=0, **changes):
    rng = np.random.default_rng(seed)
    time = 100 + 0.05 * np.arange(n)
    flux = 1 + 0.01 * np.sin(time) + NOISE * rng.normal(size=n)
    return {"time": time, "flux": flux, "flux_err": np.full(n, NOISE)} | changes


def prepared(folder, data, **sections):
    tables = [{"kind": "light_curve", "path": "a.csv", "band": "kepler"} | one for one in data]
    own, shared = check_fit({"data": tables, "free": [{"name": "star.prot"}]} | sections)
    return prepare_data(FitSettings(Settings(shared, folder), own))


def test_a_window_is_binned_and_counts_from_its_middle(tmp_path):
    table(tmp_path / "a.csv", curve())
    found = prepared(tmp_path, [{"start": 102.0, "stop": 106.0, "bin": 0.5}])
    one = found.data[0]
    assert found.epoch == 104.0 and one.name == "kepler" and one.n_good == 8
    np.testing.assert_allclose(one.instrument.times, np.arange(8) * 0.5 - 1.775, atol=0.3)
    # Ten points a bin, the last, of one, left out: an error a third as large.
    np.testing.assert_allclose(np.asarray(one.errors)[0], NOISE / np.sqrt(10), rtol=0.02)
    assert one.instrument.exposure == pytest.approx(0.5, rel=0.02) and one.instrument.n_sub_spots == 2
    moved = prepared(tmp_path, [{}], fit={"epoch": 100.0})
    np.testing.assert_allclose(moved.data[0].instrument.times[:2], [0.0, 0.05], atol=1e-9)


def test_bins_are_weighted_means():
    time = np.array([0.0, 0.1, 1.0, 1.1, 2.0, 2.1])
    flux, error = np.arange(1.0, 7.0), np.full(6, 2.0)
    error[0] = 1.0
    t, f, e = binned(time, flux, error, 0.5)
    np.testing.assert_allclose(t, [0.02, 1.05, 2.05])
    np.testing.assert_allclose(f, [1.2, 3.5, 5.5])
    np.testing.assert_allclose(e, [np.sqrt(0.8), np.sqrt(2.0), np.sqrt(2.0)])
    time = np.array([0.0, 0.1, 0.2, 1.0, 1.1, 1.2, 2.0])  # less than half full
    assert len(binned(time, time, np.ones(7), 0.5)[0]) == 2


def test_flares_are_left_out_and_turns_are_not():
    given = curve(400)
    # A rotation of 29 points, as Kepler's of GJ 1243, ten times the noise.
    flux = given["flux"] + 0.01 * np.sin(2 * np.pi * np.arange(400) / 29)
    flux[[50, 51, 200]] += 0.05
    found = np.flatnonzero(outliers(given["time"], flux, 6.0))
    assert list(found) == [50, 51, 200]
    # 400 points: a standard deviation by the median to 6 %, four of them.
    assert scatter(0, given["time"], flux) == pytest.approx(NOISE, rel=0.25)
    with pytest.raises(ValueError, match="too few"):
        scatter(0, given["time"][:5], flux[:5])


def test_two_light_curves_share_their_times(tmp_path):
    table(tmp_path / "a.csv", curve())
    table(tmp_path / "b.csv", curve(time=curve()["time"] - 1000))
    both = [{"reference": 2454833.0}, {"path": "b.csv", "band": "tess", "reference": 2455833.0}]
    found = prepared(tmp_path, both)
    np.testing.assert_allclose(*(one.instrument.times for one in found.data), atol=1e-6)
    with pytest.raises(ValueError, match="nobody knows to which BJD"):
        prepared(tmp_path, [both[0], {"path": "b.csv", "band": "tess"}])
    with pytest.raises(ValueError, match="two data sets are called 'kepler'"):
        prepared(tmp_path, [{}, {"path": "b.csv"}])


def test_jitter_that_is_free_starts_inside(tmp_path):
    table(tmp_path / "a.csv", curve())
    free = [{"name": "kepler.jitter"}]
    assert float(prepared(tmp_path, [{}], free=free).data[0].nuisance.jitter) == pytest.approx(5e-4, rel=0.01)
    assert float(prepared(tmp_path, [{}]).data[0].nuisance.jitter) == 0.0


@pytest.mark.parametrize(
    ("changes", "keys", "words"),
    [
        ({"flux": np.full(200, np.nan)}, {}, "no good point among 200"),
        ({"flux_err": np.zeros(200)}, {}, "no good point among 200"),
        ({"flux_err": np.r_[np.zeros(1), np.full(199, NOISE)]}, {}, "flux_err = 0 at time 100"),
        ({"flux": 5e4 * curve()["flux"]}, {"flux_unit": "relative"}, "expects fluxes about 1"),
        ({}, {"start": 500.0}, "no good point between start = 500"),
        ({}, {"column": "SAP_FLUX"}, "lacks the columns SAP_FLUX"),
        ({}, {"path": "none.csv"}, "does not exist"),
        ({"flux": 958 + 3000 * np.sin(np.arange(200))}, {}, "does not tell its unit; give flux_unit"),
        ({"time": np.r_[100.05, curve()["time"][1:-1], 100.05]}, {}, "time 100.05 is there twice"),
        ({}, {"format": "lightkurve"}, "a.csv is a table"),
    ],
)
def test_light_curves_that_cannot_be_fitted(tmp_path, changes, keys, words):
    table(tmp_path / "a.csv", curve(**changes))
    with pytest.raises(ValueError, match=words):
        prepared(tmp_path, [keys])


def test_scatter_stands_in_for_errors_that_are_not_there(tmp_path):
    columns = curve()
    del columns["flux_err"]
    table(tmp_path / "a.csv", columns)
    one = prepared(tmp_path, [{"error": "scatter"}]).data[0]
    assert one.n_good == 200
    np.testing.assert_allclose(np.asarray(one.errors)[0], NOISE, rtol=0.3)
    table(tmp_path / "a.csv", curve(flux_err=np.r_[0.0, np.full(199, NOISE)]))
    assert prepared(tmp_path, [{"error": "scatter"}]).data[0].n_good == 200


def test_flags_of_a_table_count_and_the_note_says_of_how_many_rows(tmp_path):
    flagged = np.where(np.arange(200) < 60, 8, 0)
    table(tmp_path / "a.csv", curve(QUALITY=flagged))
    found = prepared(tmp_path, [{}])
    assert found.data[0].n_good == 140
    assert found.notes == ("kepler: 140 points of a.csv, which has 200 rows, flux in relative",)


def test_bins_are_the_exposures_whatever_the_file_had(tmp_path):
    table(tmp_path / "a.csv", curve())
    one = prepared(tmp_path, [{"bin": 0.5, "exposure_s": 60.0}]).data[0]
    assert one.instrument.exposure == pytest.approx(0.5, rel=0.02)


def test_an_epoch_far_from_the_data(tmp_path):
    table(tmp_path / "a.csv", curve())
    with pytest.raises(ValueError, match=r"fit.epoch = 2.45494e\+06 is 24548.. day from times of a.csv"):
        prepared(tmp_path, [{}], fit={"epoch": 2454939.0})


def test_a_column_with_words(tmp_path):
    table(tmp_path / "a.csv", curve())
    path = tmp_path / "a.csv"
    path.write_text(path.read_text().replace("100.05,", "soon,", 1))
    with pytest.raises(ValueError, match="a.csv: column time has what is no number"):
        prepared(tmp_path, [{}])


def test_a_table_without_rows_or_band(tmp_path):
    (tmp_path / "a.csv").write_text("time,flux,flux_err\n")
    with pytest.raises(ValueError, match="no good point among 0"):
        prepared(tmp_path, [{}])
    table(tmp_path / "a.csv", curve())
    tables = [{"kind": "light_curve", "path": "a.csv"}]
    own, shared = check_fit({"data": tables, "free": [{"name": "star.prot"}]})
    with pytest.raises(ValueError, match="does not tell its band"):
        prepare_data(FitSettings(Settings(shared, tmp_path), own))


def spectrum(**changes):
    wavelength = np.linspace(5000, 5300, 400)
    flux = 1 - 0.3 * np.exp(-(((wavelength - 5180) / 3) ** 2))
    return {"wavelength": wavelength, "flux": flux, "flux_err": np.full(400, 0.01)} | changes


def test_a_spectrum_of_ones_own(tmp_path):
    table(tmp_path / "s.csv", spectrum())
    keys = {"kind": "spectrum", "path": "s.csv", "name": "mine", "band": None}
    keys = {name: x for name, x in keys.items() if x is not None}
    asked = {
        "data": [keys | {"resolution": 2000.0, "wavelength": [5100.0, 5250.0]}],
        "free": [{"name": "star.rv"}],
    }
    own, shared = check_fit(asked)
    one = prepare_data(FitSettings(Settings(shared, tmp_path), own)).data[0]
    assert one.name == "mine" and one.instrument.wavelength[0] >= 5100
    own["data"][0]["resolution"] = None
    with pytest.raises(ValueError, match="resolving power .* is not known"):
        prepare_data(FitSettings(Settings(shared, tmp_path), own))
    own["data"][0] |= {"resolution": 2000.0, "wavelength": [8000.0, 9000.0]}
    with pytest.raises(ValueError, match="no good pixel between"):
        prepare_data(FitSettings(Settings(shared, tmp_path), own))
