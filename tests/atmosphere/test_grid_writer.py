import h5py
import numpy as np
import pytest

from dynamojax.atmosphere.grid_file import open_grid
from dynamojax.atmosphere.grid_layout import Segment, encoded
from dynamojax.atmosphere.grid_writer import GridWriter
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.wavelengths import LogAxis
from tests.atmosphere import spectra

AXIS = LogAxis.from_range(5000.0, 5100.0, 500.0)
FACTS = {"source": "s", "licence": "l", "provenance": {"a": [1, 2]}}


def writer(path, **changes):
    options = {"teff": [4000.0, 5000.0], "logg": [4.0], "feh": [0.0], "n_mu": 3}
    options |= {"segments": [Segment("optical", AXIS, 500.0)], **FACTS} | changes
    return GridWriter(path, **options)


MODEL = {"optical": spectra.log10_intensity(4000.0, 4.0, 0.0, AXIS, 3)}


@pytest.mark.parametrize("representation", ["float32", "int16"])
def test_the_layout_is_what_the_readme_says(tmp_path, representation):
    path = spectra.write(tmp_path / "grid.h5", representation=representation)
    with h5py.File(path) as file:
        assert file.attrs["format"] == "dynamojax intensity grid" and file.attrs["format_version"] == 1
        assert {"source", "licence", "provenance", "limb", "created_by", "content"} <= set(file.attrs)
        mu, weight = quadrature_nodes(spectra.N_MU)
        np.testing.assert_array_equal(file["mu"], mu)
        assert np.sum(file["mu_weight"]) == pytest.approx(0.5)
        for axis, nodes in (("teff", spectra.TEFF), ("logg", spectra.LOGG), ("feh", spectra.FEH)):
            np.testing.assert_array_equal(file[axis], nodes)
        for name, axis in (("optical", spectra.OPTICAL), ("h_band", spectra.NEAR)):
            group = file[f"segments/{name}"]
            assert group["residual"].dtype == representation
            assert group["residual"].chunks[:4] == (1, 1, 1, spectra.N_MU)
            assert group.attrs["representation"] == representation
            start, step, n = (
                group.attrs[f"{a}"] for a in ("ln_wavelength_start", "ln_wavelength_step", "n_wavelength")
            )
            np.testing.assert_allclose(np.exp(start + step * np.arange(n)), axis.wavelength, rtol=1e-14)
            for i, t in enumerate(spectra.TEFF):
                exists = not spectra.holes(t, 3.5, 0.0)
                assert file["exists"][i, 0, 2] == exists
                at = (i, 0, 2)
                if not exists:
                    assert np.isnan(group["level"][at]).all()
                    continue
                got = (
                    group["mean"][:] + group["level"][at][:, None] + group["step"][at] * group["residual"][at]
                )
                want = spectra.log10_intensity(t, 3.5, 0.0, axis)
                # Half a step of 16 bits over the residuals, at most 1.5 dex; float32 rounds them by 1e-7.
                np.testing.assert_allclose(got, want, atol=2.4e-5 if representation == "int16" else 2e-7)
        assert file["segments/h_band"].attrs["resolution"] == np.inf


def test_low_rank_keeps_what_it_is_given(tmp_path):
    rng = np.random.default_rng(0)
    mean, basis = rng.normal(size=AXIS.n), rng.normal(size=(2, AXIS.n))
    segment = Segment("optical", AXIS, 500.0, "low_rank")
    coefficients = rng.normal(size=(3, 2)).astype(np.float32)
    with writer(
        tmp_path / "g.h5", segments=[segment], means={"optical": mean}, bases={"optical": basis}
    ) as w:
        w.add(5000.0, 4.0, 0.0, {"optical": coefficients})
    with h5py.File(tmp_path / "g.h5") as file:
        group = file["segments/optical"]
        np.testing.assert_array_equal(group["coefficients"][1, 0, 0], coefficients)
        np.testing.assert_array_equal(group["mean"], mean)
        np.testing.assert_array_equal(group["basis"], basis)
    assert open_grid(tmp_path / "g.h5").ranks == {"optical": 2}


def test_the_digest_knows_every_number(tmp_path):
    def content(name, **options):
        return open_grid(spectra.write(tmp_path / f"{name}.h5", **options)).attributes["content"]

    first = content("a")
    assert first == content("b")
    changed = [
        content("c", hole=lambda t, g, f: spectra.holes(t, g, f) or t == 4000.0),
        content("d", representation="int16"),
        content("e", source="another"),
        content("f", means={"optical": np.zeros(spectra.OPTICAL.n)}),
    ]
    assert len({first, *changed}) == 5


def test_a_failure_leaves_the_older_file_and_no_other(tmp_path):
    path = tmp_path / "g.h5"
    path.write_bytes(b"older")
    with pytest.raises(RuntimeError, match="stop"), writer(path) as w:
        w.add(4000.0, 4.0, 0.0, MODEL)
        raise RuntimeError("stop")
    with pytest.raises(ValueError, match="no model was added"), writer(path):
        pass
    assert path.read_bytes() == b"older"
    assert [p.name for p in tmp_path.iterdir()] == ["g.h5"]


@pytest.mark.parametrize(
    "model,message",
    [
        ((4000.0, 4.0, 0.0, MODEL), "was added before"),
        ((4500.0, 4.0, 0.0, MODEL), "teff = 4500.0 is not a node; the nodes are"),
        ((5000.0, 4.0, 0.5, MODEL), "feh = 0.5 is not a node"),
        ((5000.0, 4.0, 0.0, {"other": MODEL["optical"]}), r"segments \['other'\], expected \['optical'\]"),
        ((5000.0, 4.0, 0.0, {"optical": MODEL["optical"][:2]}), "shape"),
        ((5000.0, 4.0, 0.0, {"optical": np.full_like(MODEL["optical"], -np.inf)}), "are not finite"),
    ],
)
def test_models_that_do_not_fit(tmp_path, model, message):
    with pytest.raises(ValueError, match=message), writer(tmp_path / "g.h5") as w:
        w.add(4000.0, 4.0, 0.0, MODEL)
        w.add(*model)
    assert not list(tmp_path.iterdir())


LOW = Segment("optical", AXIS, 500.0, "low_rank")


@pytest.mark.parametrize(
    "change,message",
    [
        ({"teff": [5000.0, 4000.0]}, "teff .* must be finite, increasing"),
        ({"feh": [np.nan]}, "feh .* must be finite"),
        ({"segments": []}, "at least one"),
        ({"segments": [Segment("optical", AXIS)] * 2}, "different names"),
        ({"means": {"optical": np.zeros(3)}}, "means"),
        ({"segments": [LOW]}, "a low rank needs"),
        (
            {"segments": [LOW], "means": {"optical": np.zeros(AXIS.n)}, "bases": {"optical": np.ones(3)}},
            r"expected \(rank, ",
        ),
    ],
)
def test_files_that_make_no_sense(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        writer(tmp_path / "g.h5", **change)


def test_segments_that_make_no_sense():
    with pytest.raises(ValueError, match="representation = 'float64', allowed: float32, int16, low_rank"):
        Segment("a", AXIS, representation="float64")
    with pytest.raises(ValueError, match="resolution = 0"):
        Segment("a", AXIS, 0.0)


def test_fixed_point_beats_half_floats():
    values = spectra.log10_intensity(4000.0, 4.5, 0.5, spectra.OPTICAL)
    mean = spectra.log10_intensity(5500.0, 4.5, 0.0, spectra.OPTICAL).mean(0)
    residual, level, step = encoded(values, mean, "int16")
    fixed = mean + level[:, None] + step * residual.astype(float)
    half = mean + level[:, None] + (values - mean - level[:, None]).astype(np.float16).astype(float)
    assert np.abs(fixed - values).max() <= 0.5001 * step
    assert np.abs(fixed - values).max() < 0.2 * np.abs(half - values).max()
