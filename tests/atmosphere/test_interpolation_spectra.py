"""Interpolation of spectra; that of bands and the weights themselves are in test_interpolation.py."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dynamojax.atmosphere.grid_file import open_grid
from dynamojax.atmosphere.interpolation import intensity
from tests.atmosphere import spectra
from tests.oracles import interpolation as oracle

KINDS = ["float32", "int16", "low_rank"]
WINDOW = {"wavelength": (5150.0, 5200.0), "rank": 12}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return open_grid(spectra.write(tmp_path_factory.mktemp("grids") / "grid.h5"))


@pytest.fixture(scope="module", params=KINDS)
def grid(request, file):
    with jax.enable_x64(True):
        return file.cut(**WINDOW, representation=request.param)


def held(grid):
    """ln I of every node as the grid holds it."""
    values = np.asarray(grid.values, float) * np.asarray(grid.step)[..., None, None]
    shape = values if grid.basis is None else values @ np.asarray(grid.basis)
    return np.asarray(grid.level)[..., None] + np.asarray(grid.mean) + shape


N = 64  # points of one call, so that each kind of grid is compiled once


def _in_batches(compiled):
    def call(grid, *points):
        points = [np.asarray(p, float) for p in points]
        n = len(points[0])
        parts = []
        for at in range(0, n, N):
            chunk = [np.resize(p[at : at + N], N) for p in points]
            dtype = grid.mean.dtype
            parts.append(jax.tree.map(np.asarray, compiled(grid, *(jnp.asarray(c, dtype) for c in chunk))))
        return jax.tree.map(lambda *p: np.concatenate(p)[:n], *parts)

    return call


def _log_blend(grid, teff, logg, feh):
    """One number that has all wavelengths and mu in it."""
    value = jnp.log(intensity(grid, teff, logg, feh)[0])
    return jnp.sum(value * jnp.cos(jnp.arange(value.size, dtype=value.dtype)).reshape(value.shape))


evaluate = _in_batches(jax.jit(jax.vmap(intensity, (None, 0, 0, 0))))
blend = _in_batches(jax.jit(jax.vmap(jax.value_and_grad(_log_blend, argnums=(1, 2, 3)), (None, 0, 0, 0))))


def gradient(grid, *points):
    return np.stack(blend(grid, *points)[1])


def test_matches_the_oracle(x64, grid):
    axes, cube = [np.asarray(a) for a in (grid.teff, grid.logg, grid.feh)], held(grid)
    for point in ((4870.0, 4.3, -0.2), (4030.0, 3.6, 0.4), (5950.0, 4.9, -0.9), (5990.0, 4.1, 0.1)):
        value, valid = (x[0] for x in evaluate(grid, *([x] for x in point)))
        assert valid
        for m, w in ((0, 0), (3, 7), (1, grid.n_wavelength - 1)):
            want = oracle.interpolate3(axes, cube[..., m, w], point)
            # Rounding of 16-bit whole numbers times their step, in float64.
            assert np.log(value[m, w]) == pytest.approx(want, abs=1e-11)


def test_exact_at_nodes_and_holes_stay_holes(x64, file, grid):
    axes = [np.asarray(a) for a in (grid.teff, grid.logg, grid.feh)]
    exists = np.asarray(grid.exists)
    np.testing.assert_array_equal(exists, file.exists)
    nodes = np.argwhere(np.ones_like(exists))
    value, valid = evaluate(grid, *(axes[k][nodes[:, k]] for k in range(3)))
    np.testing.assert_array_equal(valid, exists.ravel())
    assert np.isnan(value[~exists.ravel()]).all()
    want = np.exp(held(grid)).reshape(-1, *value.shape[1:])
    np.testing.assert_allclose(value[exists.ravel()], want[exists.ravel()], rtol=1e-11)
    start, stop = spectra.OPTICAL.covering(*WINDOW["wavelength"])
    model = 10 ** spectra.log10_intensity(5000.0, 4.5, 0.0, spectra.OPTICAL)[:, start:stop]
    at = np.ravel_multi_index((3, 2, 2), exists.shape)
    # Fixed point: half of 1.5 dex / 32767; rank 12: 1e-4.
    np.testing.assert_allclose(value[at], model, rtol=3e-4)


@pytest.mark.parametrize(
    "point",
    [
        (3999.0, 4.0, 0.0),
        (6001.0, 4.0, 0.0),
        (5000.0, 3.4, 0.0),
        (5000.0, 4.0, 0.6),
        (np.nan, 4.0, 0.0),
        (np.inf, 4.0, 0.0),
        (5600.0, 3.6, 0.0),
        (5100.0, 3.9, 0.0),
        (4100.0, 4.9, -0.9),
    ],
)
def test_outside_and_in_holes_is_nan_and_leaves_others_alone(x64, grid, point):
    points = [[good, bad] for good, bad in zip((5000.0, 4.4, 0.1), point, strict=True)]
    value, valid = evaluate(grid, *points)
    assert valid.tolist() == [True, False]
    assert np.isfinite(value[0]).all() and np.isnan(value[1]).all()


def test_no_value_depends_on_what_stands_in_a_hole(x64, file):
    grid = file.cut(**WINDOW)
    absent = ~np.asarray(grid.exists)
    poisoned = eqx.tree_at(lambda g: g.level, grid, jnp.where(absent[..., None], 1e3, grid.level))
    nodes = np.argwhere(~absent)
    points = [np.asarray(a)[nodes[:, k]] for k, a in enumerate((grid.teff, grid.logg, grid.feh))]
    np.testing.assert_array_equal(evaluate(grid, *points)[0], evaluate(poisoned, *points)[0])
    # Two cells away from any hole nothing changes either.
    far = [[x] for x in (4300.0, 4.2, 0.3)]
    np.testing.assert_array_equal(evaluate(grid, *far)[0], evaluate(poisoned, *far)[0])


def _points_at_nodes(grid, k, n=N):
    """Points whose k-th parameter is an inner node, the others anywhere."""
    rng = np.random.default_rng(k)
    axes = [np.asarray(a) for a in (grid.teff, grid.logg, grid.feh)]
    points = [rng.uniform(a[0], a[-1], n) for a in axes]
    points[k] = rng.choice(axes[k][1:-1], n)
    return points, axes[k][-1] - axes[k][0]


@pytest.mark.parametrize("k", [0, 1, 2])
def test_slope_does_not_jump_at_nodes(x64, grid, k):
    points, span = _points_at_nodes(grid, k)
    step = 1e-9 * span
    sides = []
    for sign in (-1, 1):
        moved = [p + sign * step * (i == k) for i, p in enumerate(points)]
        value, slopes = blend(grid, *moved)
        sides.append(np.where(np.isfinite(value), np.stack(slopes), np.nan))
    both = np.isfinite(sides[0] + sides[1]).all(0)
    assert both.sum() > 30
    scale = np.abs(sides[0][:, both]).max(1, keepdims=True)
    # Two steps of 1e-9 of the axis, times a second derivative of up to 100 in these units.
    assert (np.abs(sides[0] - sides[1])[:, both] / scale).max() < 1e-6


def test_the_check_above_sees_a_kink(x64, file):
    grid = file.cut(**WINDOW)
    smooth = gradient(grid, [4500.0 - 1e-6, 4500.0 + 1e-6], [4.25] * 2, [0.1] * 2)[0]
    nodes = np.array([4200.0, 4500.0, 5000.0])
    linear = np.diff(blend(grid, nodes, [4.25] * 3, [0.1] * 3)[0]) / np.diff(nodes)
    assert abs(smooth[1] / smooth[0] - 1) < 1e-5 < 0.05 < abs(linear[1] / linear[0] - 1)


def test_modes_of_differentiation(x64, file):
    grid = file.cut(**WINDOW)

    def scaled(t, g, f):
        return _log_blend(grid, *(jnp.asarray(x) for x in (1000.0 * t, g, f)))

    at = tuple(jnp.asarray(x) for x in (4.870, 4.3, -0.2))
    check_grads(jax.jit(scaled), at, order=1, modes=("fwd", "rev"), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("k", [0, 1, 2])
@pytest.mark.parametrize("where", ["anywhere", "at nodes"])
def test_gradients_match_differences(x64, grid, k, where):
    points, span = _points_at_nodes(grid, k)
    if where == "anywhere":
        points[k] = points[k] + np.random.default_rng(9).uniform(-0.1, 0.1, N) * span
    step = 1e-5 * span
    sides = [blend(grid, *(p + sign * step * (i == k) for i, p in enumerate(points)))[0] for sign in (-1, 1)]
    difference = (sides[1] - sides[0]) / (2 * step)
    slope = gradient(grid, *points)[k]
    good = np.isfinite(difference)
    assert good.sum() > 25
    # The second derivative jumps at a node, so a centred difference errs there by a step times half the jump.
    scale = np.abs(difference[good]).max()
    np.testing.assert_allclose(
        slope[good], difference[good], atol=scale * (1e-3 if where == "at nodes" else 1e-5)
    )


def test_gradients_are_finite_wherever_the_value_is(x64, grid):
    axes = [np.asarray(a) for a in (grid.teff, grid.logg, grid.feh)]
    nodes = np.argwhere(np.asarray(grid.exists))
    assert np.isfinite(gradient(grid, *(axes[k][nodes[:, k]] for k in range(3)))).all()


def test_precisions_agree_and_dtypes_follow(file):
    points = [np.array(p, np.float32) for p in ((4870.0, 5990.0), (4.3, 4.1), (-0.2, 0.1))]
    for kind in KINDS:
        single = file.cut(**WINDOW, representation=kind)
        got, valid = evaluate(single, *points)
        assert got.dtype == np.float32 and valid.all()
        with jax.enable_x64(True):
            double = file.cut(**WINDOW, representation=kind)
            want, _ = evaluate(double, *points)
            assert want.dtype == np.float64
        # ln I is 14: its rounding is 1e-6, the same at all wavelengths; what differs among them is less.
        ratio = got / want
        np.testing.assert_allclose(ratio, 1.0, atol=3e-6)
        assert np.ptp(ratio, axis=-1).max() < 2e-6


def test_one_trace_for_changed_parameters(file):
    grid = file.cut(**WINDOW)
    f = jax.jit(eqx.debug.assert_max_traces(intensity, max_traces=1))
    for teff in (5000.0, 5100.0):
        f(grid, jnp.asarray(teff), jnp.asarray(4.0), jnp.asarray(0.0))
