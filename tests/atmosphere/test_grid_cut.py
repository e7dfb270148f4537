import jax
import numpy as np
import pytest

from dynamojax.atmosphere.grid_cut import node_slice, wavelength_part
from dynamojax.atmosphere.grid_file import open_grid
from dynamojax.atmosphere.grid_layout import Segment
from dynamojax.atmosphere.grid_writer import GridWriter
from dynamojax.atmosphere.interpolation import intensity
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.low_rank import low_rank
from dynamojax.atmosphere.rebinning import rebinning
from tests.atmosphere import spectra

POINT = (4870.0, 4.3, -0.2)
SEGMENT = {"segment": "optical"}
interpolate = jax.jit(intensity)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return open_grid(spectra.write(tmp_path_factory.mktemp("grids") / "grid.h5"))


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    return open_grid(spectra.write(tmp_path_factory.mktemp("grids") / "grid.h5", representation="int16"))


def value(grid, point=POINT):
    got, valid = interpolate(grid, *(np.asarray(x, float) for x in point))
    assert bool(valid)
    return np.asarray(got, float)


def flux(grid, point=POINT):
    return 2 * np.pi * quadrature_nodes(len(grid.mu_nodes))[1] @ value(grid, point)


def test_inside_its_ranges_a_cut_is_the_whole_file(x64, file):
    whole = file.cut(**SEGMENT)
    part = file.cut((4600.0, 4900.0), (4.1, 4.4), (-0.3, -0.1), (5100.0, 5300.0))
    assert np.asarray(part.teff).tolist() == [4200.0, 4500.0, 5000.0, 5500.0]
    start, stop = whole.axis.covering(5100.0, 5300.0)
    np.testing.assert_allclose(part.wavelength, whole.wavelength[start:stop], rtol=1e-13)
    np.testing.assert_allclose(value(part), value(whole)[:, start:stop], rtol=1e-12)


@pytest.mark.parametrize("representation", ["float32", "int16", "low_rank"])
@pytest.mark.parametrize("resolution", [None, 300.0])
def test_next_to_holes_a_cut_is_the_whole_file_too(x64, tmp_path, representation, resolution):
    # A lone hole, and one deep in a corner that is filled from nodes that are filled themselves.
    path = spectra.write(
        tmp_path / "grid.h5",
        hole=lambda t, g, f: (t, g, f) == (4500.0, 4.5, 0.0) or (t < 4600.0 and g < 4.2 and f < -0.2),
        representation="float32" if representation == "low_rank" else representation,
    )
    file, options = open_grid(path), {**SEGMENT, "representation": representation, "resolution": resolution}
    if representation == "low_rank":  # enough rows for all there is: the basis of the part is another one
        options["rank"] = 40
    whole = file.cut(**options)
    for point, teff, logg, feh in (
        ((4150.0, 4.9, 0.05), (4100.0, 4200.0), (4.6, 5.0), (0.0, 0.1)),
        ((4700.0, 4.6, -0.9), (4600.0, 4900.0), (4.55, 4.7), (-1.0, -0.8)),
    ):
        part = file.cut(teff, logg, feh, **options)
        assert part.exists.shape != whole.exists.shape and not part.exists.all()
        # Values of holes are rounded once more in fixed point; what rank 40 leaves of spectra and their sums.
        tolerance = {"float32": 1e-6, "int16": 1e-4, "low_rank": 1e-5}[representation]
        np.testing.assert_allclose(value(part, point), value(whole, point), rtol=tolerance)


def test_axes_of_the_cut(file):
    grid = file.cut(**SEGMENT)
    assert (grid.ln_start, grid.ln_step) == (spectra.OPTICAL.ln_start, spectra.OPTICAL.ln_step)
    assert grid.n_wavelength == spectra.OPTICAL.n == grid.mean.shape[0]
    assert grid.resolution == 2000.0
    assert file.cut(segment="h_band").resolution == np.inf
    np.testing.assert_array_equal(grid.mu, quadrature_nodes(spectra.N_MU)[0])
    np.testing.assert_array_equal(grid.mu_weight, quadrature_nodes(spectra.N_MU)[1])
    assert grid.n_bytes == sum(leaf.nbytes for leaf in jax.tree.leaves(grid))


def test_half_the_size_and_its_error(file, half):
    whole = file.cut(**SEGMENT)
    reference = flux(whole)
    # Fixed point: half a step of 1.5 dex / 32767, averaged over 64 models and 4 mu. Float32: rounding.
    for grid, bound in (
        (half.cut(**SEGMENT), 5e-5),
        (file.cut(**SEGMENT, representation="int16"), 5e-5),
        (half.cut(**SEGMENT, representation="float32"), 5e-5),
    ):
        assert grid.values.dtype == (np.int16 if grid.values.nbytes < whole.values.nbytes else np.float32)
        assert np.abs(flux(grid) / reference - 1).max() < bound
    assert half.cut(**SEGMENT).n_bytes < 0.55 * whole.n_bytes


def test_low_rank_and_its_error(file):
    whole = file.cut(**SEGMENT)
    errors = {}
    for rank in (4, 8, 16):
        grid = file.cut(**SEGMENT, representation="low_rank", rank=rank)
        assert grid.basis.shape == (rank, grid.n_wavelength)
        errors[rank] = np.abs(flux(grid) / flux(whole) - 1).max()
    assert grid.n_bytes < 0.2 * whole.n_bytes
    # Lines of one shape that scale with the parameters: what is left falls fast with the rank.
    assert errors[4] < 5e-2 and errors[8] < 2e-3 and errors[16] < 3e-5


def test_low_rank_files_are_cut_as_they_are_or_made_dense(x64, tmp_path):
    models = [(t, g, f) for t in spectra.TEFF for g in (4.0, 4.5) for f in (0.0, 0.5)]
    rows = np.concatenate([spectra.log10_intensity(*model, spectra.OPTICAL) for model in models])
    mean, basis, coefficients = low_rank(rows, 12)
    with GridWriter(
        tmp_path / "low.h5",
        **{"teff": spectra.TEFF, "logg": [4.0, 4.5], "feh": [0.0, 0.5], "n_mu": spectra.N_MU},
        **{"source": "s", "licence": "l", "provenance": {}},
        segments=[Segment("optical", spectra.OPTICAL, 2000.0, "low_rank")],
        means={"optical": mean},
        bases={"optical": basis},
    ) as writer:
        for model, values in zip(models, coefficients.reshape(-1, spectra.N_MU, 12), strict=True):
            writer.add(*model, {"optical": values})
    low = open_grid(tmp_path / "low.h5")
    point = (4870.0, 4.2, 0.2)
    grid = low.cut()
    assert grid.basis.shape == (12, spectra.OPTICAL.n)
    dense = low.cut(representation="float32")
    np.testing.assert_allclose(value(dense, point), value(grid, point), rtol=1e-5)
    truth = 10 ** spectra.log10_intensity(5000.0, 4.5, 0.5, spectra.OPTICAL)
    # What rank 12 leaves of these spectra.
    np.testing.assert_allclose(value(grid, (5000.0, 4.5, 0.5)), truth, rtol=2e-3)
    fewer = low.cut(rank=6)
    assert fewer.basis.shape[0] == 6
    low.cut(rank=6, max_bytes=fewer.n_bytes)
    # What rank 6 leaves of them.
    np.testing.assert_allclose(value(fewer, point), value(grid, point), rtol=0.05)
    part = low.cut(wavelength=(5150.0, 5200.0))
    start, stop = spectra.OPTICAL.covering(5150.0, 5200.0)
    np.testing.assert_allclose(value(part, point), value(grid, point)[:, start:stop], rtol=1e-12)
    coarse = low.cut(resolution=300.0)
    assert coarse.basis.shape[0] == 12 and coarse.resolution == 300.0
    direct = low.cut(resolution=300.0, representation="float32")
    np.testing.assert_allclose(value(coarse, point), value(direct, point), rtol=1e-3)


@pytest.mark.parametrize("wavelength", [None, (5300.0, 5700.0)])
def test_lower_resolution_is_that_of_the_model_and_keeps_the_flux(x64, file, wavelength):
    grid = file.cut(**SEGMENT, wavelength=wavelength, resolution=250.0)
    assert grid.resolution == 250.0 and 3.0 <= grid.axis.sampling / 250.0 < 6.0
    if wavelength:
        assert grid.wavelength[0] <= wavelength[0] and grid.wavelength[-1] >= wavelength[1]
    rebin = rebinning(spectra.OPTICAL, 2000.0, 250.0)
    node = (5000.0, 4.5, 0.0)
    truth = rebin(10 ** spectra.log10_intensity(*node, spectra.OPTICAL), spectra.OPTICAL)
    if wavelength is None:
        # Float32 residuals.
        np.testing.assert_allclose(value(grid, node), truth, rtol=1e-6)
    fine = 10 ** spectra.log10_intensity(*node, spectra.OPTICAL)
    low, high = np.log(grid.wavelength[[0, -1]]) + 0.5 * grid.ln_step * np.array([-1, 1])
    x = spectra.OPTICAL.ln_wavelength
    inside = (x > low) & (x < high)
    energy = (fine * spectra.OPTICAL.wavelength)[:, inside].sum(1) * spectra.OPTICAL.ln_step
    got = (value(grid, node) * grid.wavelength).sum(1) * grid.ln_step
    # The smoothing carries light over the two ends, and a sample of the fine axis lies on either.
    np.testing.assert_allclose(got, energy, rtol=4e-3)


@pytest.mark.parametrize("low", [5230.0, 5303.3])
def test_a_range_at_lower_resolution_is_covered_by_the_bins_of_the_whole(file, low):
    segment = file.segments["optical"]
    whole = wavelength_part(segment, None, 50.0)[2].axis
    for high in np.linspace(5400.0, 5700.0, 61):
        start, stop, rebin = wavelength_part(segment, (low, high), 50.0)
        assert rebin.factor > 4 and 0 <= start < stop <= segment.axis.n
        assert rebin.axis.ends[0] <= low and rebin.axis.ends[1] >= high
        offset = (rebin.axis.ln_start - whole.ln_start) / whole.ln_step
        assert abs(offset - round(offset)) < 1e-6


def test_ranges_that_are_not_there(file):
    for name, wanted, message in (
        ("teff", (3000.0, 5000.0), r"teff = \(3000, 5000\) must increase and lie within 4000 to 6000"),
        ("logg", (4.5, 4.0), "logg = .* must increase"),
        ("feh", (0.0, np.nan), "feh = "),
        ("wavelength", (4000.0, 5900.0), "wavelength = .* lie within 5000.00 to 6001"),
    ):
        with pytest.raises(ValueError, match=message):
            file.cut(**{name: wanted}, **SEGMENT)
    with pytest.raises(ValueError, match="resolution = 5000"):
        file.cut(**SEGMENT, resolution=5000.0)
    with pytest.raises(ValueError, match="at resolution = 100"):
        file.cut((4200.0, 4500.0), wavelength=(5001.0, 5800.0), resolution=100.0)
    with pytest.raises(ValueError, match="representation = 'half', allowed"):
        file.cut(**SEGMENT, representation="half")


def test_nodes_about_a_range():
    nodes = np.arange(10.0)
    assert node_slice("teff", nodes, None) == slice(0, 10)
    assert node_slice("teff", nodes, (4.5, 4.5)) == slice(3, 7)
    assert node_slice("teff", nodes, (4.0, 6.0)) == slice(3, 8)
    assert node_slice("teff", nodes, (0.0, 0.5)) == slice(0, 4)
    assert node_slice("teff", nodes, (9.0, 9.0)) == slice(6, 10)
    assert node_slice("teff", nodes[:2], (0.5, 0.5)) == slice(0, 2)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_axes_of_few_nodes(x64, tmp_path, n):
    file = open_grid(spectra.write(tmp_path / "g.h5", feh=spectra.FEH[-n:], hole=lambda *p: False))
    grid = file.cut(**SEGMENT)
    truth = 10 ** spectra.log10_intensity(5000.0, 4.5, 0.5, spectra.OPTICAL)
    np.testing.assert_allclose(value(grid, (5000.0, 4.5, 0.5)), truth, rtol=1e-6)
    between = interpolate(grid, 5000.0, 4.5, 0.3)
    assert bool(between[1]) == (n > 1)
    if n > 1:
        inside = 10 ** spectra.log10_intensity(5000.0, 4.5, 0.3, spectra.OPTICAL)
        # Two nodes are a line, three a parabola.
        np.testing.assert_allclose(between[0], inside, rtol=2e-2 if n == 2 else 2e-3)
    assert not bool(interpolate(grid, 5000.0, 4.5, 0.6)[1])
