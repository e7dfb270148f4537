import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dynamojax.atmosphere.grid import extrapolated, load_grid
from dynamojax.atmosphere.interpolation import band_intensity, hermite_weights
from tests.oracles import interpolation as oracle

NODES = np.array([2300.0, 2400.0, 2500.0, 2700.0, 3000.0, 3100.0])


@pytest.fixture(scope="module")
def grid():
    with jax.enable_x64(True):
        return load_grid().select(("kepler", "2mass_j"))


@functools.cache
def _kepler(precision):
    return load_grid().select(("kepler",))


def _points(grid, n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(2310, 11990, n), rng.uniform(0.1, 5.9, n), rng.uniform(-3.9, 0.9, n)


evaluate = jax.jit(jax.vmap(band_intensity, (None, 0, 0, 0)))


def _log_kepler(grid, teff, logg, feh):
    return jnp.log(band_intensity(grid, teff, logg, feh)[0][0, 2])


gradient = jax.jit(jax.vmap(jax.grad(_log_kepler, argnums=(1, 2, 3)), (None, 0, 0, 0)))


@pytest.mark.parametrize("at", [2300.0, 2333.0, 2450.0, 2500.0, 2600.0, 2999.0, 3050.0, 3100.0])
def test_weights_match_the_oracle_on_uneven_nodes(x64, at):
    f = np.sin(NODES / 200)
    start, weights, cell, linear, inside = hermite_weights(jnp.asarray(NODES), jnp.asarray(at))
    got = float(weights @ f[int(start) : int(start) + 4])
    assert bool(inside)
    assert got == pytest.approx(oracle.interpolate(NODES, f, at), abs=1e-12)
    assert float(linear @ NODES[int(cell) : int(cell) + 2]) == pytest.approx(at, rel=1e-12)


def test_parabolas_are_reproduced_exactly(x64):
    for at in np.linspace(2300, 3100, 37):
        start, weights, *_ = hermite_weights(jnp.asarray(NODES), jnp.asarray(at))
        x = NODES[int(start) : int(start) + 4]
        assert float(weights @ (x - 2600) ** 2) == pytest.approx((at - 2600) ** 2, abs=1e-7)


def test_matches_the_oracle_inside_the_grid(x64, grid):
    axes = [np.asarray(a) for a in (grid.teff, grid.logg, grid.feh)]
    cube = np.asarray(grid.log_intensity[..., 0, 2])
    for point in ((5772.0, 4.438, 0.0), (3333.0, 4.9, 0.3), (7100.0, 4.2, 0.77), (2310.0, 5.9, -3.5)):
        intensity, valid = band_intensity(grid, *map(jnp.asarray, point))
        assert bool(valid)
        np.testing.assert_allclose(
            np.log(intensity[0, 2]), oracle.interpolate3(axes, cube, point), rtol=1e-12
        )


def test_exact_at_nodes_and_holes_stay_holes(x64, grid):
    exists = np.asarray(grid.exists)
    axes = [np.asarray(a) for a in (grid.teff, grid.logg, grid.feh)]
    for wanted in (True, False):
        nodes = np.argwhere(exists == wanted)
        intensity, valid = evaluate(grid, *(jnp.asarray(axes[k][nodes[:, k]]) for k in range(3)))
        assert (np.asarray(valid) == wanted).all()
        if wanted:
            expected = np.exp(np.asarray(grid.log_intensity)[tuple(nodes.T)])
            np.testing.assert_allclose(intensity, expected, rtol=1e-12)
        else:
            assert np.isnan(intensity).all()


@pytest.mark.parametrize(
    "point",
    [
        (2299.0, 4.0, 0.0),
        (12001.0, 4.0, 0.0),
        (5000.0, -0.1, 0.0),
        (5000.0, 6.1, 0.0),
        (5000.0, 4.0, 1.1),
        (np.nan, 4.0, 0.0),
        (np.inf, 4.0, 0.0),
        (9000.0, 0.2, 0.0),
        (7700.0, 3.2, -2.5),
    ],
)
def test_outside_is_nan_and_not_valid_and_leaves_others_alone(precision, point):
    grid = _kepler(precision)
    points = [jnp.array([5772.0, p]) for p in point[:1]] + [
        jnp.array([4.438, point[1]]),
        jnp.array([0.0, point[2]]),
    ]
    intensity, valid = evaluate(grid, *points)
    assert np.isnan(intensity[1]).all() and not bool(valid[1])
    alone, ok = band_intensity(grid, *(p[0] for p in points))
    assert bool(valid[0]) and bool(ok)
    np.testing.assert_allclose(intensity[0], alone, rtol=1e-5 if precision == "float32" else 1e-12)


def test_slope_does_not_jump_at_nodes(x64, grid):
    axes = [np.asarray(a) for a in (grid.teff, grid.logg, grid.feh)]
    points = np.array(_points(grid, 400))
    for k, axis in enumerate(axes):
        step = 1e-9 * (axis[-1] - axis[0])
        points[k] = axis[np.random.default_rng(k).integers(1, len(axis) - 1, 400)]
        sides = []
        for sign in (-1, 1):
            moved = points.copy()
            moved[k] += sign * step
            valid = np.asarray(evaluate(grid, *map(jnp.asarray, moved))[1])
            sides.append((np.stack(gradient(grid, *map(jnp.asarray, moved))), valid))
        both = sides[0][1] & sides[1][1]
        assert both.sum() > 200
        scale = np.abs(sides[0][0][:, both]).max(1, keepdims=True)
        # Two steps of 1e-9 of the axis, times a second derivative of up to 1e3 in these units.
        assert (np.abs(sides[0][0] - sides[1][0])[:, both] / scale).max() < 1e-5


def test_gradient_matches_differences_across_nodes(x64, grid):
    for point in ((5772.0, 4.438, 0.0), (5800.0, 4.5, 0.0), (7000.0, 4.5, -1.5), (2350.0, 5.6, 0.7)):

        def scaled(*p):
            return _log_kepler(grid, jnp.asarray(1000 * p[0]), jnp.asarray(p[1]), jnp.asarray(p[2]))

        arguments = (jnp.asarray(point[0] / 1000), jnp.asarray(point[1]), jnp.asarray(point[2]))
        # At a node the second derivative jumps, so a centred difference errs by its step, 1e-4.
        check_grads(scaled, arguments, order=1, modes=("fwd", "rev"), rtol=3e-3, atol=3e-3)


def test_single_precision(grid):
    points = _points(grid, 500)
    single = load_grid().select(grid.bands)
    assert single.log_intensity.dtype == jnp.float32
    points32 = [np.asarray(p, np.float32) for p in points]
    got, valid = evaluate(single, *map(jnp.asarray, points32))
    with jax.enable_x64(True):
        expected, _ = evaluate(grid, *(jnp.asarray(p, jnp.float64) for p in points32))
    good = np.asarray(valid)
    # ln I up to 18 carries 1e-6 in float32.
    np.testing.assert_allclose(np.asarray(got)[good], np.asarray(expected)[good], rtol=5e-6)


def test_one_trace_for_changed_parameters(grid):
    with jax.enable_x64(True):
        f = jax.jit(eqx.debug.assert_max_traces(band_intensity, max_traces=1))
        for teff in (5000.0, 6000.0):
            f(grid, jnp.asarray(teff), jnp.asarray(4.0), jnp.asarray(0.0))


def test_extrapolation_continues_lines():
    axes = [np.array([0.0, 1.0, 3.0, 4.0]), np.arange(4.0), np.arange(4.0)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    cube = (2 * x - y + 0.5 * z)[..., None, None]
    holed = cube.copy()
    holed[3, 3, :] = holed[0, 0, 0] = np.nan
    np.testing.assert_allclose(extrapolated(holed, axes), cube, atol=1e-12)
    holed[:] = np.nan
    with pytest.raises(ValueError, match="too sparse"):
        extrapolated(holed, axes)


def test_too_few_nodes():
    with pytest.raises(ValueError, match="at least 4"):
        hermite_weights(jnp.arange(3.0), jnp.asarray(1.0))
