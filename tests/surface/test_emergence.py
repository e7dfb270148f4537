"""Emergence against its laws (oracle), against butterpy and dynamo-stellar, and as a JAX function.

Every statistical test has a fixed seed and the significance ALPHA: of the 30 or so that run, one would
fail by chance in 30 choices of the seed.
"""

import importlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import stats

from benchmarks.check_emergence import ALPHA, PEERS, compare
from dynamojax.surface.activity import Activity, Emergence, validate_activity
from dynamojax.surface.butterfly import expected_regions
from dynamojax.surface.emergence import cap_radius, emerge_spots, is_complete, recommend_n_spots
from dynamojax.surface.regions import draw_regions, drift_rate
from dynamojax.system import SpotMap, Star
from tests.oracles import emergence as oracle

YEAR = 365.25
SUN = Star.from_degrees()
# few configurations with many places, as each is compiled
UNIFORM = Emergence(n_spots=16000)
CYCLE = Emergence(n_spots=16000, modulation="cycle")
ANY = Emergence(n_spots=16000, nest_parents="any")
_draw = jax.jit(draw_regions)
_emerge = jax.jit(emerge_spots)


def drawn(activity, config, start, stop, seed=1, star=SUN):
    """Regions of the window as float64 arrays, and the places they take."""
    edges = (jnp.asarray(t, activity.level.dtype) for t in (start, stop))
    regions = _draw(star, activity, config, *edges, key=jax.random.key(seed))
    assert regions.is_complete
    return jax.tree.map(np.asarray, regions), np.asarray(regions.is_active)


def map_of(activity=None, config=None, start=0.0, stop=300.0, seed=1, star=SUN):
    activity = Activity.from_degrees() if activity is None else activity
    return _emerge(star, activity, config or Emergence(n_spots=300), start, stop, key=jax.random.key(seed))


# --- the laws, against the oracle ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overlap", "start", "stop"), [(2.0, 0.0, 22.0), (0.0, 3.0, 9.0), (11.0, -7.0, 30.0)]
)
def test_cycle_sets_times_and_number(overlap, start, stop):
    activity = Activity.from_degrees(cycle_overlap_yr=overlap)
    regions, at = drawn(activity, CYCLE, start * YEAR, stop * YEAR)
    cdf, days = oracle.time_cdf(regions.t_max[at], start * YEAR, stop * YEAR, 11 * YEAR, overlap * YEAR)
    assert stats.kstest(cdf, "uniform").pvalue > ALPHA
    expected = oracle.regions_per_day().sum() * days
    edges = (jnp.float32(t * YEAR) for t in (start, stop))
    # the oracle's trapezoids are good to 1e-6, float32 sums of days to 1e-5
    assert float(expected_regions(activity, CYCLE, *edges)) == pytest.approx(expected, rel=3e-5)
    assert 2 * stats.norm.sf(abs(at.sum() - expected) / expected**0.5) > ALPHA


def test_uniform_times_keep_the_number_of_a_cycle():
    activity = Activity.from_degrees(level=2.0, cycle_start=100.0)
    window = jnp.float32(0.0), jnp.float32(11 * YEAR)
    numbers = [
        float(expected_regions(activity, Emergence(modulation=m), *window)) for m in ("uniform", "cycle")
    ]
    assert numbers[0] == pytest.approx(numbers[1], rel=3e-6)
    regions, at = drawn(activity, UNIFORM, *window)
    assert stats.kstest(regions.t_max[at] / window[1], "uniform").pvalue > ALPHA


@pytest.mark.parametrize("config", [UNIFORM, CYCLE])
def test_butterfly(config):
    activity = Activity.from_degrees(level=2.0, lat_min_deg=10, lat_max_deg=50)
    regions, at = drawn(activity, config, 0.0, 22 * YEAR)
    t, lat = regions.t_max[at].astype(float), np.degrees(regions.lat[at].astype(float))
    assert np.all((np.abs(lat) >= 3 - 1e-4) & (np.abs(lat) <= 57 + 1e-4))
    assert stats.binomtest(int(np.sum(lat > 0)), lat.size).pvalue > ALPHA
    assert stats.kstest(regions.lon[at] / (2 * np.pi), "uniform").pvalue > ALPHA
    rank = oracle.latitude_quantile(np.abs(lat), t, 11 * YEAR, 2 * YEAR, 10, 50)
    bins = np.floor(8 * (t / (11 * YEAR) % 1)).astype(int)
    for b in range(8):
        assert stats.kstest(rank[bins == b], "uniform").pvalue > ALPHA
    # the test has the power to see two degrees
    wrong = oracle.latitude_quantile(np.abs(lat[::4]), t[::4], 11 * YEAR, 2 * YEAR, 10, 52)
    assert stats.kstest(wrong, "uniform").pvalue < ALPHA


@pytest.mark.parametrize("latitudes", ["random", "isotropic"])
def test_latitudes_without_cycle(latitudes):
    activity = Activity.from_degrees(lat_min_deg=0, lat_max_deg=90)
    regions, at = drawn(activity, Emergence(n_spots=5000, latitudes=latitudes), 0.0, 11 * YEAR)
    lat = np.abs(regions.lat[at].astype(float))
    law = stats.truncnorm(-(0.5**0.5), 0.5**0.5, np.pi / 4, np.pi / 2 * 0.5**0.5).cdf
    assert stats.kstest(lat, law if latitudes == "random" else np.sin).pvalue > ALPHA


@pytest.mark.parametrize(("n_sizes", "step", "power"), [(5, 0.5, 2.0), (9, 0.3, 1.0)])
def test_sizes(n_sizes, step, power):
    config = Emergence(n_spots=16000, n_sizes=n_sizes, size_step=step, area_power=power)
    counts = oracle.regions_per_day(n_sizes, step, power)
    assert config.rate_sun == pytest.approx(counts.sum(), rel=1e-8)
    np.testing.assert_allclose(config.frequencies, counts / counts.sum(), rtol=1e-8)
    regions, at = drawn(Activity.from_degrees(), config, 0.0, 8 * YEAR)
    seen = np.bincount(np.rint(-np.log(regions.area[at]) / step).astype(int), minlength=n_sizes)
    assert stats.chisquare(seen, counts / counts.sum() * seen.sum()).pvalue > ALPHA


def test_number_is_poisson_without_a_least():
    activity = Activity.from_degrees(level=0.1)
    keys = jax.random.split(jax.random.key(3), 4000)
    run = jax.jit(jax.vmap(lambda k: emerge_spots(SUN, activity, Emergence(n_spots=40), 0.0, 100.0, key=k)))
    maps = run(keys)
    number = np.sum(np.asarray(maps.radius) > 0, axis=1)
    mean = float(expected_regions(activity, Emergence(), jnp.float32(0.0), jnp.float32(100.0)))
    assert 5 < mean < 5.5
    seen = np.bincount(np.minimum(number, 12), minlength=13)
    law = stats.poisson(mean).pmf(np.arange(13))
    law[12] = stats.poisson(mean).sf(11)
    assert seen[0] > 0
    assert stats.chisquare(seen, law * len(number)).pvalue > ALPHA


@pytest.mark.parametrize("config", [UNIFORM, ANY])
def test_nests(config):
    delays = {"nest_delay_min": 4, "nest_delay_max": 30}
    scatter = {"nest_scatter_lat_deg": 2, "nest_scatter_lon_deg": 5}
    activity = Activity.from_degrees(level=2.0, nest_prob=0.3, **delays, **scatter)
    stop, seeds = 20 * YEAR, range(4)
    found, number, followers = [], 0, 0
    for seed in seeds:
        regions, at = drawn(activity, config, 0.0, stop, seed=seed)
        child = np.flatnonzero(at & (regions.parent >= 0))
        parent = regions.parent[child]
        assert np.all(regions.parent[parent] == -1)
        if config.nest_parents == "largest":
            assert np.all(regions.area[parent] == 1)
        rows = (
            np.array([x[child], x[parent]], dtype=float) for x in (regions.t_max, regions.lat, regions.lon)
        )
        found.append(np.stack(list(rows)))
        number, followers = number + at.sum(), followers + len(child)
    (t, t_parent), (lat, lat_parent), (lon, lon_parent) = np.concatenate(found, axis=2)
    # a follower beyond the window is not there: look at parents well inside it
    inside = (t_parent > 0) & (t_parent < stop - 30)
    assert stats.kstest((t - t_parent)[inside] / 26 - 4 / 26, "uniform").pvalue > ALPHA
    dlat = np.degrees(lat - lat_parent)
    assert stats.kstest(dlat, lambda x: oracle.triangular_cdf(x, 2.0)).pvalue > ALPHA
    drift = 2 * np.pi / 25.38 * 0.2 * np.sin(lat_parent) ** 2 * (t - t_parent)
    dlon = np.degrees(lon - lon_parent + drift)
    assert stats.kstest(dlon, lambda x: oracle.triangular_cdf(x, 5.0)).pvalue > ALPHA
    # the number: nests of 1 + K with mean 1 + m, mean square 1 + 3 m + m^2 (m^2 / share if few have all)
    total = len(seeds) * float(expected_regions(activity, config, jnp.float32(0.0), jnp.float32(stop)))
    m, share = 0.3 / 0.7, config.frequencies[0] if config.nest_parents == "largest" else 1.0
    square = 1 + 3 * m + m**2 / share
    assert 2 * stats.norm.sf(abs(number - total) / (0.7 * total * square) ** 0.5) > ALPHA
    assert followers / number == pytest.approx(0.3, abs=0.02)


def test_nests_of_before_reach_into_the_window():
    activity = Activity.from_degrees(nest_prob=0.5)
    keys = jax.random.split(jax.random.key(8), 2000)
    config = Emergence(n_spots=200, nest_parents="any")
    maps = jax.jit(jax.vmap(lambda k: emerge_spots(SUN, activity, config, 0.0, 60.0, key=k)))(keys)
    assert np.all(is_complete(maps))
    taken = np.asarray(maps.radius) > 0
    early = np.sum(taken & (np.asarray(maps.t_max) < 15.0), axis=1) - np.sum(taken, axis=1) / 4
    # without them a third of the first 15 days would be missing, 20 standard errors
    assert 2 * stats.norm.sf(abs(early.mean()) / (early.std() / len(early) ** 0.5)) > ALPHA


def test_nests_stay_together_under_shear():
    star = Star.from_degrees(prot=10.0, shear=0.3)
    activity = Activity.from_degrees(nest_prob=0.5, nest_scatter_lat_deg=0.5, nest_scatter_lon_deg=0.5)
    regions, at = drawn(activity, ANY, 3000.0, 4000.0, star=star)
    spots = jax.tree.map(np.asarray, map_of(activity, ANY, 3000.0, 4000.0, star=star))
    child = np.flatnonzero(at & (regions.parent >= 0))
    parent = regions.parent[child]
    rate = 2 * np.pi / 10 * (1 - 0.3 * np.sin(spots.lat.astype(float)) ** 2)
    t = spots.t_max[child].astype(float)
    apart = spots.lon[child] + rate[child] * t - spots.lon[parent] - rate[parent] * t
    apart = (apart + np.pi) % (2 * np.pi) - np.pi
    # sqrt(6) times the scatter, plus rounding of a phase of 2500 rad in float32
    assert len(child) > 100
    assert np.degrees(np.abs(apart)).max() < 0.5 * 6**0.5 + 0.1


def test_active_longitudes():
    activity = Activity.from_degrees(active_prob=0.6, active_lon_deg=30, active_scatter_deg=5)
    regions, at = drawn(activity, Emergence(n_spots=4000, n_active_longitudes=3), 0.0, 10 * YEAR)
    fold = (np.degrees(regions.lon[at].astype(float)) - 30 + 60) % 120 - 60
    law = lambda x: 0.6 * oracle.normal_cdf(x / 5) + 0.4 * (np.asarray(x) + 60) / 120  # noqa: E731
    assert stats.kstest(fold, law).pvalue > ALPHA
    sector = np.floor((np.degrees(regions.lon[at].astype(float)) + 30) % 360 / 120).astype(int)
    assert stats.chisquare(np.bincount(sector, minlength=3)).pvalue > ALPHA


def test_tilts_follow_joys_law():
    regions, at = drawn(Activity.from_degrees(level=2.0), UNIFORM, 0.0, 11 * YEAR)
    lat, tilt = (np.degrees(x[at].astype(float)) for x in (regions.lat, regions.tilt))
    expected = oracle.tilts(np.abs(lat), np.random.default_rng(5))
    assert stats.ks_2samp(tilt, expected).pvalue > ALPHA
    assert stats.ks_2samp(tilt[lat < 0], tilt[lat > 0]).pvalue > ALPHA


def test_bipoles():
    activity = Activity.from_degrees(
        lat_min_deg=5, lat_max_deg=80, joy_scatter_deg=0, leader_share=0.7, separation_deg=12
    )
    star = Star.from_degrees(shear=0.0)
    config = Emergence(n_spots=800, bipoles=True, latitudes="isotropic")
    regions, at = drawn(activity, config, 0.0, 500.0, star=star)
    spots = jax.tree.map(np.asarray, map_of(activity, config, 0.0, 500.0, star=star))
    leader, follower = (
        jax.tree.map(lambda x, k=k: x.reshape(2, -1)[k][at].astype(float), spots) for k in (0, 1)
    )
    area = np.radians(1.0) ** 2 * 10 * regions.area[at]
    for pole, share in ((leader, 0.7), (follower, 0.3)):
        # float32 rounding of 1 - cos r at r of 1 deg, by the half-angle form
        np.testing.assert_allclose(4 * np.pi * np.sin(pole.radius / 2) ** 2, share * area, rtol=2e-6)
        np.testing.assert_array_equal(pole.t_max, regions.t_max[at])
    a, b = (oracle.unit_vector(p.lat, p.lon) for p in (leader, follower))
    apart = 2 * np.arcsin(np.linalg.norm(a - b, axis=1) / 2)
    np.testing.assert_allclose(apart, np.radians(12) * np.sqrt(regions.area[at]), atol=2e-6)
    lat, lon = regions.lat[at].astype(float), regions.lon[at].astype(float)
    middle = (a + b) / np.linalg.norm(a + b, axis=1)[:, None]
    np.testing.assert_allclose(middle, oracle.unit_vector(lat, lon), atol=2e-6)
    east = np.stack([-np.sin(lon), np.cos(lon), 0 * lon], axis=-1)
    assert np.all(np.sum((a - b) * east, axis=1) > 0)
    tilted = regions.tilt[at] > np.radians(1)
    assert tilted.sum() > 100 and np.any(lat[tilted] < 0)
    south = oracle.unit_vector(lat - np.sign(lat) * np.pi / 2, lon)  # towards the equator
    slope = np.sum((a - b) * south, axis=1) / np.linalg.norm(a - b, axis=1)
    # the chord's slope is the sine of the tilt at the centre
    np.testing.assert_allclose(slope, np.sin(regions.tilt[at]), atol=1e-4)


def test_times_scale_with_area():
    activity = Activity.from_degrees(tau_emerge=3, tau_decay=40, tau_power=0.7)
    regions, at = drawn(activity, UNIFORM, 0.0, 300.0)
    spots = map_of(activity, UNIFORM)
    np.testing.assert_allclose(spots.tau_decay[at], 40 * regions.area[at] ** 0.7, rtol=1e-6)
    np.testing.assert_allclose(spots.tau_emerge[at], 3 * regions.area[at] ** 0.7, rtol=1e-6)
    radius = np.degrees(np.asarray(spots.radius, dtype=float)).max()
    assert 2 * np.pi * (1 - np.cos(np.radians(radius))) == pytest.approx(10 * np.radians(1) ** 2, rel=1e-5)


def test_the_sun_covers_a_thousandth_at_maximum():
    """Mean coverage over the years about maximum, areas evolving as exp(-2 u^2): 0.05-0.2 % was seen."""
    spots = jax.tree.map(
        lambda x: np.asarray(x, dtype=float),
        map_of(config=CYCLE, stop=11 * YEAR),
    )
    t = np.arange(4.5 * YEAR, 8.5 * YEAR, 10.0)[:, None]
    u = (t - spots.t_max) / np.where(t < spots.t_max, spots.tau_emerge, spots.tau_decay)
    assert 5e-4 < np.mean(np.sum(spots.radius**2 / 4 * np.exp(-2 * u**2), axis=1)) < 2e-3


@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS)
def test_peers(peer):
    pytest.importorskip(PEERS[peer])
    rows = compare(peer)
    assert len(rows) > 10
    assert [row for row in rows if not row["ok"]] == []


# --- a map of spots -------------------------------------------------------------------------------------


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


# --- gradients ------------------------------------------------------------------------------------------


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


# --- errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"level": -1}, ("level", "-1", "[0, inf)")),
        ({"level": np.nan}, ("level", "nan", "[0, inf)")),
        ({"level": [1.0, np.inf]}, ("level", "inf", "[0, inf)")),
        ({"lat_max_deg": 100}, ("lat_max", "1.74", "1.57")),
        ({"lat_min_deg": 40}, ("lat_min", "lat_max", "lower it")),
        ({"cycle_overlap_yr": 12}, ("cycle_overlap", "cycle_length", "shorten")),
        ({"cycle_overlap_yr": np.nan}, ("cycle_overlap", "nan")),
        ({"area_max_deg2": 0}, ("area_max", "(0, 6.28")),
        ({"area_max_deg2": 30000}, ("area_max", "9.13", "6.28")),
        ({"tau_decay": 0}, ("tau_decay", "(0, inf]")),
        ({"nest_prob": 1}, ("nest_prob", "[0, 1)")),
        ({"nest_delay_min": 20}, ("nest_delay_min", "nest_delay_max")),
        ({"leader_share": 1.5}, ("leader_share", "1.5", "[0, 1]")),
    ],
)
def test_activity_errors(bad, words):
    with pytest.raises(ValueError) as error:
        Activity.from_degrees(**bad)
    assert all(word in str(error.value) for word in words)


def test_butterfly_needs_a_positive_latitude():
    activity = Activity.from_degrees(lat_min_deg=0)
    assert validate_activity(activity, Emergence(latitudes="isotropic")) is activity
    with pytest.raises(ValueError, match="lat_min = 0 .*raise it"):
        validate_activity(activity, Emergence())


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ({"modulation": "sine"}, "modulation"),
        ({"latitudes": "solar"}, "butterfly"),
        ({"nest_parents": "all"}, "largest"),
        ({"n_spots": 0}, "n_spots = 0"),
        ({"n_spots": 7, "bipoles": True}, "even"),
        ({"n_sizes": 0}, "n_sizes"),
        ({"size_step": 0.0}, "size_step"),
        ({"area_power": np.inf}, "area_power"),
        ({"n_active_longitudes": 0}, "n_active_longitudes"),
    ],
)
def test_config_errors(bad, word):
    with pytest.raises(ValueError, match=word):
        Emergence(**bad)


@pytest.mark.parametrize(
    ("window", "chance", "word"),
    [((1.0, 1.0), 1e-6, "start = 1"), ((0.0, np.nan), 1e-6, "stop"), ((0.0, 1.0), 0.0, "chance = 0")],
)
def test_recommendation_errors(window, chance, word):
    with pytest.raises(ValueError, match=word):
        recommend_n_spots(Activity.from_degrees(), Emergence(), *window, chance=chance)
    with pytest.raises(ValueError, match="validate_activity"):
        bad = eqx.tree_at(lambda a: a.level, Activity.from_degrees(), jnp.asarray(jnp.nan))
        recommend_n_spots(bad, Emergence(), 0.0, 1.0)


def test_peers_are_named():
    assert set(PEERS) == {"butterpy", "dynamo-stellar"}
    assert importlib.util.find_spec("benchmarks.check_emergence")
