"""Files of a fit: what is written is read again, and the report says what a person must know."""

from dataclasses import fields, replace

import numpy as np
import pytest
from astropy.table import Table

from dynamojax.files.fit_report import digits, write_report
from dynamojax.files.fit_results import read_fit_results, write_fit
from tests.files.fit_records import parameter, record


def same(a, b) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if hasattr(a, "__dataclass_fields__"):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, np.ndarray | float):
        return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")
    return a == b


@pytest.mark.parametrize("bare", [False, True])
def test_what_is_written_is_read(tmp_path, bare):
    written = record()
    if bare:
        nothing = {"covariance": None, "draws": None, "spot_map": None, "period": {}, "bics": ()}
        written = record("failed", open_directions=(), system={}, **nothing)
    paths = write_fit(tmp_path, written)
    assert [path.name for path in paths] == ["fit.h5", "parameters.ecsv"]
    found = read_fit_results(tmp_path)
    for field in fields(written):
        assert same(getattr(written, field.name), getattr(found, field.name)), field.name
    assert not list(tmp_path.glob(".*"))


def test_parameters_are_a_table(tmp_path):
    write_fit(tmp_path, record())
    table = Table.read(tmp_path / "parameters.ecsv")
    assert list(table["name"])[0] == "star.prot" and table.meta["status"] == "converged"
    np.testing.assert_allclose(table["high_68"] - table["low_68"], 0.02)
    assert table["is_open"].dtype == bool and table.meta["seed"] == 3


def test_other_files_are_refused(tmp_path):
    (tmp_path / "fit.h5").write_text("nothing")
    with pytest.raises(ValueError, match="damaged or not HDF5"):
        read_fit_results(tmp_path)
    import h5py

    with h5py.File(tmp_path / "fit.h5", "w") as file:
        file.attrs["format"] = "dynamojax simulation"
    with pytest.raises(ValueError, match="this release reads 'dynamojax fit'"):
        read_fit_results(tmp_path)


def test_the_report_says_what_counts(tmp_path):
    rows = (parameter(0), parameter(1, is_open=True, error=np.inf), parameter(2, is_at_bound=True))
    text = write_report(tmp_path, record(parameters=rows), {"a.png": "A figure."}).read_text()
    for words in (
        "| `star.prot` | d | 3.000 | 0.010 | 2.990 to 3.010 | 1 to none, flat |  |", "not held",
        "at its bound, which is its value", "open: see below", "+0.80 `spots.lat_deg[0]`, -0.60 `star.prot`",
        "2 ended within 1 of the highest", "exact curvature", "![A figure.](a.png)", "BIC by number of spots",
        "Period found first: 3 d", "| kepler | light curve | 59 | ", "| seed | 3 |",
    ):  # fmt: skip
        assert words in text, words


def test_the_report_of_a_failure(tmp_path):
    nothing = {"covariance": None, "draws": None, "spot_map": None, "open_directions": ()}
    columns = record().end_columns | {"is_valid": np.zeros(3, bool)}
    text = write_report(tmp_path, record("failed", end_columns=columns, **nothing), {}).read_text()
    assert "no start led to a star" in text and "| kepler | light curve | 59 | - | - |" in text
    text = write_report(tmp_path, record("not converged"), {}).read_text()
    assert "not converged" in text and "Raise `fit.steps`" in text


def test_draws_that_have_faults_are_not_trusted(tmp_path):
    rows = tuple(parameter(i, r_hat=1.0 + 0.1 * i, n_effective=500.0 - i) for i in range(3))
    chains = {"parameters": rows, "sampler": "nuts", "n_chains": 4}
    text = write_report(tmp_path, record(**chains, faults=("R-hat 1.200 of b",)), {}).read_text()
    assert "Not to be trusted yet:**\n\n- R-hat 1.200 of b" in text and "R-hat 1.200 |" in text
    text = write_report(tmp_path, record(**chains), {}).read_text()
    assert "200 draws by nuts in 4 chains, at least 498 effective ones. Nothing speaks against" in text


def test_a_fit_that_lacks_something_is_not_believed(tmp_path):
    data = record().data["kepler"]
    poor = {"kepler": replace(data, residual=np.full_like(data.residual, 10.8))}
    assert (
        "chi2 a point of kepler is far above 1" in write_report(tmp_path, record(data=poor), {}).read_text()
    )
    assert "far above 1" not in write_report(tmp_path, record(), {}).read_text()


def test_digits_follow_the_error():
    assert digits(3.14159, 0.02) == "3.142" and digits(1234.5, 70.0) == "1234"
    assert digits(1.5, np.inf) == "1.5" and digits(np.nan, 1.0) == "-"
