"""Regions against the laws they are drawn from (oracle), butterpy and dynamo-stellar.

Every statistical test has a fixed seed and the significance ALPHA: of the 30 or so that run, one would
fail by chance in 30 choices of the seed.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from benchmarks.check_emergence import ALPHA, PEERS, compare
from dynamojax.surface.activity import Activity, Emergence
from dynamojax.surface.butterfly import expected_regions
from dynamojax.surface.emergence import emerge_spots, is_complete
from dynamojax.system import Star
from tests.oracles import emergence as oracle
from tests.surface.emergence_runs import ANY, CYCLE, SUN, UNIFORM, YEAR, drawn, map_of


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
