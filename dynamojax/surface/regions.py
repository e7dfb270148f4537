"""Active regions as points: when, where and how large each one emerges, and which ones form nests."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from dynamojax.numerics import safe_divide, safe_sqrt
from dynamojax.surface.activity import Activity, Emergence
from dynamojax.surface.butterfly import active_days, cycle_phases, expected_regions, latitude_law, time_after
from dynamojax.system import Star

_UNTILTED = 0.14  # share of regions outside Joy's law, tilt below half a degree (butterpy's tilt law)
_TILT_BOUNDS = (1.6, 1.8)  # where the two normal factors of the scatter are cut (butterpy's tilt law)


class Regions(eqx.Module):
    """Emerged regions, one a place, of which not all are taken.

    Attributes:
        lat: [rad]
        lon: Longitude at t_max, in the frame that turns at the equatorial rate. [rad]
        t_max: Time of maximum area. [day]
        area: Relative to the largest size. [1]
        tilt: Of the axis, positive if the leading pole is nearer the equator. [rad]
        parent: Place of the region whose nest it is in; -1 outside nests.
        is_active: Whether the place is taken by a region of the window.
        is_complete: Whether the places sufficed and the parameters were in range.
    """

    lat: Float[Array, "*batch n"]
    lon: Float[Array, "*batch n"]
    t_max: Float[Array, "*batch n"]
    area: Float[Array, "*batch n"]
    tilt: Float[Array, "*batch n"]
    parent: Int[Array, "*batch n"]
    is_active: Bool[Array, "*batch n"]
    is_complete: Bool[Array, "*batch"]


def drift_rate(star: Star, lat: Float[Array, "..."]) -> Float[Array, "..."]:
    """How fast a latitude falls behind the equator, Omega_eq shear sin^2 lat. [rad/day]"""
    return 2 * jnp.pi / star.prot * star.shear * jnp.sin(lat) ** 2


def nest_members(activity: Activity, config: Emergence) -> Float[Array, ""]:
    """Expected number of later members of the nest of one region that founds one. [1]"""
    mean = activity.nest_prob / (1.0 - activity.nest_prob)
    return mean / float(config.frequencies[0]) if config.nest_parents == "largest" else mean


def founding_start(activity: Activity, start: Float[Array, ""]) -> Float[Array, ""]:
    """Time from which founders can have members of their nest in a window from start on. [day]"""
    return start - jnp.where(activity.nest_prob > 0, activity.nest_delay_max, 0.0)


def _arrivals(n: int, dtype, *, key: Key[Array, ""]) -> Float[Array, " n"]:
    """First n arrivals of a Poisson process of unit rate; those below x are Poisson(x) in number."""
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(n))
    return jnp.cumsum(jax.vmap(lambda k: jax.random.exponential(k, dtype=dtype))(keys))


def _size(config: Emergence, dtype, *, key: Key[Array, ""]) -> Int[Array, ""]:
    """Index of a size drawn by frequency, 0 the largest."""
    edges = jnp.asarray(np.cumsum(config.frequencies)[:-1], dtype=dtype)
    return jnp.sum(jax.random.uniform(key, dtype=dtype) >= edges)


def _abs_latitude(
    activity: Activity, config: Emergence, t: Float[Array, ""], *, key: Key[Array, ""]
) -> Float[Array, ""]:
    """Distance from the equator of a region that emerges at t. [rad]"""
    key_cycle, key_lat = jax.random.split(key)
    if config.latitudes == "isotropic":
        low, high = jnp.sin(activity.lat_min), jnp.sin(activity.lat_max)
        z = low + (high - low) * jax.random.uniform(key_lat, dtype=t.dtype)
        return jnp.arctan2(z, safe_sqrt(1.0 - z**2))
    _, phase, rate = cycle_phases(activity, t)
    is_old = jax.random.uniform(key_cycle, dtype=t.dtype) * jnp.sum(rate) < rate[1]
    mean, deviation, low, high = latitude_law(activity, config, jnp.where(is_old, phase[1], phase[0]))
    bounds = safe_divide(low - mean, deviation), safe_divide(high - mean, deviation)
    return mean + deviation * jax.random.truncated_normal(key_lat, *bounds, dtype=t.dtype)


def _longitude(activity: Activity, config: Emergence, *, key: Key[Array, ""]) -> Float[Array, ""]:
    """Longitude in the equatorial frame: uniform, or about one of the active longitudes. [rad]"""
    key_where, key_which, key_scatter, key_any = jax.random.split(key, 4)
    dtype, n = activity.active_lon.dtype, config.n_active_longitudes
    which = jax.random.randint(key_which, (), 0, n).astype(dtype) * (2 * jnp.pi / n)
    scatter = activity.active_scatter * jax.random.normal(key_scatter, dtype=dtype)
    is_preferred = jax.random.uniform(key_where, dtype=dtype) < activity.active_prob
    anywhere = 2 * jnp.pi * jax.random.uniform(key_any, dtype=dtype)
    return jnp.where(is_preferred, activity.active_lon + which + scatter, anywhere)


def _found(
    activity: Activity, config: Emergence, t: Float[Array, ""], *, key: Key[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Latitude and longitude of a region outside nests, in either hemisphere. [rad]"""
    key_lat, key_sign, key_lon = jax.random.split(key, 3)
    lat = _abs_latitude(activity, config, t, key=key_lat)
    lat = jnp.where(jax.random.bernoulli(key_sign), lat, -lat)
    return lat, _longitude(activity, config, key=key_lon)


def _follow(star: Star, activity: Activity, lat, lon, t, *, key: Key[Array, ""]):
    """Latitude, longitude and time of a region in the nest of one at (lat, lon, t). [rad, rad, day]

    The scatter is triangular, the difference of two uniform deviates, as of two regions in one
    cell of van Ballegooijen et al. (1998): it ends at sqrt(6) standard deviations. By the
    time it emerges, the nest has drifted with its latitude.
    """
    key_delay, key_scatter = jax.random.split(key)
    u = jax.random.uniform(key_delay, dtype=lat.dtype)
    delay = activity.nest_delay_min + (activity.nest_delay_max - activity.nest_delay_min) * u
    v = jax.random.uniform(key_scatter, (2, 2), dtype=lat.dtype)
    offset = 6**0.5 * (v[0] - v[1])
    lon = lon - drift_rate(star, lat) * delay + activity.nest_scatter_lon * offset[0]
    lat = lat + activity.nest_scatter_lat * offset[1]
    is_over = jnp.abs(lat) > jnp.pi / 2  # over the pole, down the other side
    lon = jnp.where(is_over, lon + jnp.pi, lon)
    return jnp.where(is_over, jnp.sign(lat) * jnp.pi - lat, lat), lon, t + delay


def _tilt(activity: Activity, lat: Float[Array, ""], *, key: Key[Array, ""]) -> Float[Array, ""]:
    """Tilt of a bipole: slope |lat| + offset + scatter x y, x and y cut normal deviates. [rad]

    Source: Wang & Sheeley (1991, ApJ 375, 761), Howard (1992, Sol. Phys. 137, 205), as in butterpy.
    """
    key_x, key_y, key_free, key_is_free = jax.random.split(key, 4)
    (a, b), dtype = _TILT_BOUNDS, lat.dtype
    x = jax.random.truncated_normal(key_x, -a, a, dtype=dtype)
    y = jax.random.truncated_normal(key_y, -b, b, dtype=dtype)
    joy = activity.joy_slope * jnp.abs(lat) + activity.joy_offset + activity.joy_scatter * x * y
    free = jnp.deg2rad(jax.random.truncated_normal(key_free, -0.5, 0.5, dtype=dtype))
    return jnp.where(jax.random.uniform(key_is_free, dtype=dtype) < _UNTILTED, free, joy)


def _in_range(activity: Activity, config: Emergence, expected: Float[Array, ""]) -> Bool[Array, ""]:
    """Whether the draw means what it says; NaN is out of range."""
    a = activity
    floor = a.lat_min > 0 if config.latitudes == "butterfly" else a.lat_min >= 0
    nests = (a.nest_prob >= 0) & (a.nest_prob < 1) & (a.nest_delay_min <= a.nest_delay_max)
    cycle = (a.cycle_length > 0) & (a.cycle_overlap >= 0) & (a.cycle_overlap <= a.cycle_length)
    places = floor & (a.lat_min <= a.lat_max) & (a.active_prob >= 0) & (a.active_prob <= 1)
    return (expected >= 0) & nests & cycle & places & (a.area_max > 0) & (a.area_max <= 2 * jnp.pi)


def _founding_times(activity: Activity, config: Emergence, start, stop, expected, *, key: Key[Array, ""]):
    """Number of founders in a window, and their times in order; places not taken hold the start."""
    n = config.n_regions
    arrivals = _arrivals(n + 1, expected.dtype, key=key)
    n_founders = jnp.sum(arrivals < expected)
    share = jnp.where(arrivals < expected, arrivals / jnp.where(expected > 0, expected, 1.0), 0.0)[:n]
    days = share * active_days(activity, config, start, stop)
    return n_founders, jax.vmap(lambda d: time_after(activity, config, start, stop, d))(days)


def _parents(members: Float[Array, " n"], n_founders: Int[Array, ""], *, key: Key[Array, ""]):
    """Number of followers, and for each place the founder it follows if a follower takes it.

    The followers are the arrivals of a process of unit rate on a line on which each founder holds a
    stretch as long as its expected number of them; they take the places after the founders'.
    """
    n = members.shape[0]
    edges = jnp.cumsum(members)
    arrivals = _arrivals(n + 1, members.dtype, key=key)
    order = jnp.maximum(jnp.arange(n) - n_founders, 0)
    parent = jnp.searchsorted(edges, arrivals[order], side="right")
    return jnp.sum(arrivals < edges[-1]), jnp.minimum(parent, n - 1)


def draw_regions(
    star: Star,
    activity: Activity,
    config: Emergence,
    start: Float[Array, ""],
    stop: Float[Array, ""],
    *,
    key: Key[Array, ""],
) -> Regions:
    """The regions of one star that reach their maximum in [start, stop): a Neyman-Scott process.

    Founders are a Poisson process in time, from the longest delay before the window on; each has
    Poisson(`nest_members`) followers. Founders come first, in order of time. The regions
    do not depend on the number of places, as long as these suffice.
    """
    n, dtype = config.n_regions, activity.level.dtype
    key_founders, key_followers, key_places = jax.random.split(key, 3)
    keys = jax.vmap(lambda i: jax.random.split(jax.random.fold_in(key_places, i), 4))(jnp.arange(n)).T
    size = jax.vmap(lambda k: _size(config, dtype, key=k))(keys[0])

    begin = founding_start(activity, start)
    expected = (1.0 - activity.nest_prob) * expected_regions(activity, config, begin, stop)
    n_founders, t = _founding_times(activity, config, begin, stop, expected, key=key_founders)
    is_founder = jnp.arange(n) < n_founders
    lat, lon = jax.vmap(lambda t, k: _found(activity, config, t, key=k))(t, keys[1])

    fertile = is_founder & (size == 0) if config.nest_parents == "largest" else is_founder
    members = jnp.where(fertile, nest_members(activity, config), 0.0)
    n_followers, parent = _parents(members, n_founders, key=key_followers)
    followers = jax.vmap(lambda *x: _follow(star, activity, *x[:3], key=x[3]))(
        lat[parent], lon[parent], t[parent], keys[2]
    )
    lat, lon, t = (jnp.where(is_founder, a, b) for a, b in zip((lat, lon, t), followers, strict=True))
    return Regions(
        lat=lat,
        lon=lon,
        t_max=t,
        area=jnp.exp(-config.size_step * size.astype(dtype)),
        tilt=jax.vmap(lambda x, k: _tilt(activity, x, key=k))(lat, keys[3]),
        parent=jnp.where(is_founder, -1, parent),
        is_active=(jnp.arange(n) < n_founders + n_followers) & (t >= start) & (t < stop),
        is_complete=_in_range(activity, config, expected) & (n_founders + n_followers <= n),
    )
