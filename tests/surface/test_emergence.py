"""Maps of emerged spots: windows, places, keys, dtypes and gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import stats

from benchmarks.check_emergence import ALPHA
from dynamojax.surface.activity import Activity, Emergence
from dynamojax.surface.emergence import cap_radius, emerge_spots, is_complete, recommend_n_spots
from dynamojax.surface.regions import drift_rate
from dynamojax.system import SpotMap, Star
from tests.surface.emergence_runs import SUN, map_of


def test_no_activity_no_spots():
    activity = Activity.from_degrees(level=0.0, nest_prob=0.5)
    spots = map_of(activity, Emergence(n_spots=300, bipoles=True))
    assert is_complete(spots)
    assert np.all(np.asarray(spots.radius) == 0)
    assert all(np.all(np.isfinite(x)) for x in jax.tree.leaves(spots))


@pytest.mark.parametrize("config", [Emergence(n_spots=300), Emergence(n_spots=300, bipoles=True)])
def test_window_and_places(config):
    activity = Activity.from_degrees(nest_prob=0.2)
    spots = map_of(activity, config, 100.0, 250.0)
    taken = np.asarray(spots.radius) > 0
    t = np.asarray(spots.t_max)[taken]
    assert 0 < taken.sum() < 300
    assert np.all((t >= 100) & (t < 250))
    assert np.all(np.abs(spots.lon) <= np.pi + 1e-6)
    assert np.all(np.abs(spots.lat) <= np.pi / 2)
    assert all(np.all(np.isfinite(x)) for x in jax.tree.leaves(spots))


def test_places_do_not_change_the_spots():
    activity = Activity.from_degrees(nest_prob=0.3)
    few, many = (map_of(activity, Emergence(n_spots=n)) for n in (300, 700))
    for a, b in zip(jax.tree.leaves(few), jax.tree.leaves(many), strict=True):
        taken = np.asarray(few.radius) > 0
        # cumulative sums of another length round otherwise
        np.testing.assert_allclose(a[taken], b[:300][taken], rtol=2e-5, atol=2e-5)
    assert int(jnp.sum(few.radius > 0)) == int(jnp.sum(many.radius > 0))


def test_too_few_places_are_nan_and_the_recommendation_suffices():
    spots = map_of(Activity.from_degrees(level=5.0))
    assert not is_complete(spots)
    assert all(np.all(np.isnan(x)) for x in jax.tree.leaves(spots))
    activity = Activity.from_degrees(nest_prob=0.4)
    n = recommend_n_spots(activity, Emergence(bipoles=True), 0.0, 60.0, chance=1e-2)
    config = Emergence(n, bipoles=True)
    keys = jax.random.split(jax.random.key(11), 500)
    maps = jax.jit(jax.vmap(lambda k: emerge_spots(SUN, activity, config, 0.0, 60.0, key=k)))(keys)
    lost = int(jnp.sum(~is_complete(maps)))
    assert lost <= stats.binom(500, 1e-2).isf(ALPHA)
    mean = float(jnp.mean(jnp.sum(maps.radius > 0, axis=1)))
    assert n < 4 * mean + 40  # and it is not lavish


def test_recommendation_is_for_the_most_active():
    population = Activity.from_degrees(level=np.array([0.0, 3.0, 1.0]))
    assert recommend_n_spots(population, Emergence(), 0.0, 60.0) == recommend_n_spots(
        Activity.from_degrees(level=3.0), Emergence(), 0.0, 60.0
    )


BAD = {"level": [np.nan, -1.0, np.inf], "nest_prob": [1.0], "lat_min": [1.0, 0.0], "lat_max": [np.nan]}
BAD |= {"area_max": [7.0], "cycle_length": [0.0], "cycle_overlap": [1e5], "nest_delay_max": [np.nan]}


def test_bad_parameters_are_nan_alone():
    cases = [(name, value) for name, values in BAD.items() for value in values]
    n = 2 * len(cases)
    batch = {k: np.array(v) for k, v in vars(Activity.from_degrees(level=np.ones(n), nest_prob=0.1)).items()}
    for i, (name, value) in enumerate(cases):
        batch[name][2 * i] = value
    keys = jax.random.split(jax.random.key(0), n)
    run = jax.jit(jax.vmap(lambda a, k: emerge_spots(SUN, a, Emergence(n_spots=300), 0.0, 100.0, key=k)))
    maps = run(Activity(**batch), keys)
    assert is_complete(maps).tolist() == [False, True] * len(cases)
    good = run(Activity.from_degrees(level=np.ones(n), nest_prob=0.1), keys)
    for a, b in zip(jax.tree.leaves(maps), jax.tree.leaves(good), strict=True):
        assert np.all(np.isnan(a[::2]))
        np.testing.assert_array_equal(a[1::2], b[1::2])


def test_same_key_same_map_and_batch_equals_single():
    activity = Activity.from_degrees(level=np.array([0.3, 1.0, 2.0]), nest_prob=0.2)
    keys = jax.random.split(jax.random.key(5), 3)
    config = Emergence(n_spots=400, modulation="cycle", bipoles=True)
    run = lambda a, k: emerge_spots(SUN, a, config, 500.0, 800.0, key=k)  # noqa: E731
    batch = jax.jit(jax.vmap(run))(activity, keys)
    for i in range(3):
        one = jax.tree.map(lambda x, i=i: x[i], activity)
        single, again = (jax.jit(run)(one, keys[i]) for _ in range(2))
        for a, b, c in zip(*map(jax.tree.leaves, (single, again, batch)), strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_allclose(a, c[i], rtol=1e-5, atol=1e-5)  # fused otherwise in a batch
    other = jax.jit(run)(one, keys[0])
    assert not np.allclose(other.lon, single.lon)


def test_one_trace():
    run = jax.jit(eqx.debug.assert_max_traces(emerge_spots, max_traces=1))
    for level in (1, 0.5, np.float64(2.0), 0.0):
        activity = Activity.from_degrees(level=level, lat_max_deg=30 + level)
        run(SUN, activity, Emergence(n_spots=250), 0.0, 100.0, key=jax.random.key(int(level)))


@pytest.mark.parametrize("x64", [False, True])
def test_dtype(x64):
    with jax.enable_x64(x64):
        activity, star = Activity.from_degrees(nest_prob=0.1), Star.from_degrees()
        spots = map_of(activity, Emergence(n_spots=300, bipoles=True), 100.0, 150.0, star=star)
        wanted = np.float64 if x64 else np.float32
        assert all(x.dtype == wanted and x.shape == (300,) for x in jax.tree.leaves(spots))
        assert isinstance(spots, SpotMap) and is_complete(spots)


def _smooth(config, start, stop):
    """All leaves of a map as a function of activity, at a fixed key."""

    @jax.jit
    def leaves(activity, shear):
        star = Star.from_degrees()
        star = eqx.tree_at(lambda s: s.shear, star, shear)
        spots = emerge_spots(star, activity, config, start, stop, key=jax.random.key(2))
        # sine and cosine, as the longitude jumps by a turn
        return jnp.stack([jnp.sin(spots.lon), jnp.cos(spots.lon), spots.lat, 30 * spots.radius]), jnp.stack(
            [spots.t_max, spots.tau_emerge, spots.tau_decay]
        ) / 100

    return leaves


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        Emergence(n_spots=80, modulation="cycle", bipoles=True, nest_parents="any"),
        Emergence(n_spots=80, latitudes="isotropic"),
        Emergence(n_spots=80, latitudes="random"),
    ],
)
def test_gradients(config):
    with jax.enable_x64(True):
        activity = Activity.from_degrees(nest_prob=0.3, active_prob=0.5)
        leaves = _smooth(config, 1500.0, 1530.0)
        radii = leaves(activity, jnp.asarray(0.2))[0][3]
        assert jnp.sum(radii > 0) > 5
        # central differences at 1e-6: 1e-9 of curvature, 1e-9 of rounding, times 1e3 of sensitivity
        check_grads(leaves, (activity, jnp.asarray(0.2)), order=1, eps=1e-6, atol=1e-4, rtol=1e-4)


EDGES = {
    Emergence(n_spots=150, modulation="cycle", bipoles=True, nest_parents="any"): [
        {"level": 0.0},
        {"nest_prob": 0.0},
        {"cycle_overlap_yr": 0.0, "cycle_start": 1500.0},
        {"cycle_overlap_yr": 11.0},
        {"leader_share": 0.0},
        {"separation_deg": 0.0},
        {"lat_min_deg": 28.0},
        {"tau_power": 0.0},
        {"lat_max_deg": 85.0, "nest_scatter_lat_deg": 40.0, "nest_prob": 0.5},
        {"active_scatter_deg": 0.0, "active_prob": 1.0, "nest_delay_min": 15.0},
    ],
    Emergence(n_spots=150, latitudes="random"): [{"lat_min_deg": 28.0}, {"lat_min_deg": 0.0}],
    Emergence(n_spots=150, latitudes="isotropic"): [{"lat_max_deg": 90.0, "lat_min_deg": 0.0}],
}


@pytest.mark.parametrize(
    ("config", "x64"),
    [(c, True) for c in EDGES] + [pytest.param(c, False, marks=pytest.mark.slow) for c in EDGES],
)
def test_gradients_match_differences_and_are_finite_at_edges(config, x64):
    with jax.enable_x64(x64):
        leaves = _smooth(config, 1500.0, 1540.0)
        total = lambda a, s: sum(jnp.sum(x) for x in leaves(a, s))  # noqa: E731
        run = jax.jit(jax.value_and_grad(total, argnums=(0, 1)))
        activity = Activity.from_degrees(nest_prob=0.3, active_prob=0.5)
        value, (grads, _) = run(activity, jnp.asarray(0.2))
        assert np.isfinite(value)
        step = jax.tree.map(lambda x: 1e-6 * (1 + abs(x)), activity)
        sides = [
            run(jax.tree.map(lambda x, d, s=s: x + s * d, activity, step), jnp.asarray(0.2))[0]
            for s in (1, -1)
        ]
        slope = sum(jnp.sum(g * d) for g, d in zip(*map(jax.tree.leaves, (grads, step)), strict=True))
        if x64:  # rounding of sums of 100 over 1e-6 is 1e-8
            assert 0.5 * float(sides[0] - sides[1]) == pytest.approx(float(slope), rel=1e-5)
        for edge in EDGES[config]:
            value, grads = run(Activity.from_degrees(**edge), jnp.asarray(0.0))
            assert np.isfinite(value), edge
            assert all(np.all(np.isfinite(g)) for g in jax.tree.leaves(grads)), edge


def test_cap_radius():
    # a hemisphere has 2 pi; nothing has nothing, and no slope
    np.testing.assert_allclose(cap_radius(jnp.array([2 * np.pi, 0.0])), [np.pi / 2, 0.0], rtol=1e-6)
    assert jax.grad(cap_radius)(0.0) == 0


def test_drift_rate():
    star = Star.from_degrees(prot=20.0, shear=0.25)
    expected = 2 * np.pi / 20 * 0.25 * np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(
        drift_rate(star, jnp.deg2rad(jnp.array([0.0, 45.0, 90.0]))), expected, rtol=1e-6
    )
