"""Active regions as points: when, where and how large each one emerges, and which ones form nests."""

from typing import NamedTuple

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
_FAR = 5.0  # where a normal deviate is cut for good, in standard deviations
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


class _Draws(NamedTuple):
    """Uniform deviates of one place, by what they decide."""

    founder_gap: Float[Array, ""]
    follower_gap: Float[Array, ""]
    size: Float[Array, ""]
    cycle: Float[Array, ""]
    lat: Float[Array, ""]
    hemisphere: Float[Array, ""]
    is_preferred: Float[Array, ""]
    which_lon: Float[Array, ""]
    preferred_lon: Float[Array, ""]
    lon: Float[Array, ""]
    delay: Float[Array, ""]
    lat_here: Float[Array, ""]
    lat_there: Float[Array, ""]
    lon_here: Float[Array, ""]
    lon_there: Float[Array, ""]
    is_untilted: Float[Array, ""]
    tilt_x: Float[Array, ""]
    tilt_y: Float[Array, ""]
    tilt_free: Float[Array, ""]


def _draws(n: int, dtype, *, key: Key[Array, ""]) -> _Draws:
    """Deviates of n places, each from a key of its own, so that n does not matter to them."""
    shape = (len(_Draws._fields),)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(n))
    return _Draws(*jax.vmap(lambda k: jax.random.uniform(k, shape, dtype=dtype))(keys).T)


def _arrivals(gaps: Float[Array, " n"]) -> Float[Array, " n"]:
    """Arrivals of a Poisson process of unit rate; those below x are Poisson(x) in number."""
    return jnp.cumsum(-jnp.log1p(-gaps))


def _normal(u: Float[Array, ""], low, high) -> Float[Array, ""]:
    """Standard normal deviate cut to [low, high], from a uniform one; finite at both ends of u."""
    eps = jnp.finfo(u.dtype).eps
    root = 2**0.5
    a, b = jax.lax.erf(jnp.asarray(low / root, u.dtype)), jax.lax.erf(jnp.asarray(high / root, u.dtype))
    return jnp.clip(root * jax.lax.erf_inv(a + (b - a) * (eps + (1 - 2 * eps) * u)), low, high)


def _abs_latitude(activity: Activity, config: Emergence, t: Float[Array, ""], u: _Draws) -> Float[Array, ""]:
    """Distance from the equator of a region that emerges at t. [rad]"""
    if config.latitudes == "isotropic":
        low, high = jnp.sin(activity.lat_min), jnp.sin(activity.lat_max)
        z = low + (high - low) * u.lat
        return jnp.arctan2(z, safe_sqrt(1.0 - z**2))
    _, phase, rate = cycle_phases(activity, t)
    is_old = u.cycle * jnp.sum(rate) < rate[1]
    mean, deviation, low, high = latitude_law(activity, config, jnp.where(is_old, phase[1], phase[0]))
    bounds = safe_divide(low - mean, deviation), safe_divide(high - mean, deviation)
    return mean + deviation * _normal(u.lat, *bounds)


def _longitude(activity: Activity, config: Emergence, u: _Draws) -> Float[Array, ""]:
    """Longitude in the equatorial frame: uniform, or about one of the active longitudes. [rad]"""
    n = config.n_active_longitudes
    centre = activity.active_lon + jnp.floor(n * u.which_lon) * (2 * jnp.pi / n)
    preferred = centre + activity.active_scatter * _normal(u.preferred_lon, -_FAR, _FAR)
    return jnp.where(u.is_preferred < activity.active_prob, preferred, 2 * jnp.pi * u.lon)


def _found(
    activity: Activity, config: Emergence, t: Float[Array, ""], u: _Draws
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Latitude and longitude of a region outside nests, in either hemisphere. [rad]"""
    lat = _abs_latitude(activity, config, t, u)
    return jnp.where(u.hemisphere < 0.5, lat, -lat), _longitude(activity, config, u)


def _follow(star: Star, activity: Activity, place, u: _Draws) -> tuple[Array, Array, Array]:
    """Latitude, longitude and time of a region in the nest of one at a place. [rad, rad, day]

    The scatter is triangular, the difference of two uniform deviates, as of two regions in one
    cell of van Ballegooijen et al. (1998): it ends at sqrt(6) standard deviations. By the
    time it emerges, the nest has drifted with its latitude.
    """
    lat, lon, t = place
    delay = activity.nest_delay_min + (activity.nest_delay_max - activity.nest_delay_min) * u.delay
    lon = lon - drift_rate(star, lat) * delay
    lon = lon + 6**0.5 * activity.nest_scatter_lon * (u.lon_there - u.lon_here)
    lat = lat + 6**0.5 * activity.nest_scatter_lat * (u.lat_there - u.lat_here)
    is_over = jnp.abs(lat) > jnp.pi / 2  # over the pole, down the other side
    lon = jnp.where(is_over, lon + jnp.pi, lon)
    return jnp.where(is_over, jnp.sign(lat) * jnp.pi - lat, lat), lon, t + delay


def _tilt(activity: Activity, lat: Float[Array, ""], u: _Draws) -> Float[Array, ""]:
    """Tilt of a bipole: slope |lat| + offset + scatter x y, x and y cut normal deviates. [rad]

    Source: Wang & Sheeley (1991, ApJ 375, 761), Howard (1992, Sol. Phys. 137, 205), as in butterpy.
    """
    (a, b) = _TILT_BOUNDS
    scatter = activity.joy_scatter * _normal(u.tilt_x, -a, a) * _normal(u.tilt_y, -b, b)
    joy = activity.joy_slope * jnp.abs(lat) + activity.joy_offset + scatter
    return jnp.where(u.is_untilted < _UNTILTED, jnp.deg2rad(_normal(u.tilt_free, -0.5, 0.5)), joy)


def _in_range(activity: Activity, config: Emergence, expected: Float[Array, ""]) -> Bool[Array, ""]:
    """Whether the draw means what it says; NaN is out of range."""
    a = activity
    floor = a.lat_min > 0 if config.latitudes == "butterfly" else a.lat_min >= 0
    nests = (a.nest_prob >= 0) & (a.nest_prob < 1) & (a.nest_delay_min <= a.nest_delay_max)
    cycle = (a.cycle_length > 0) & (a.cycle_overlap >= 0) & (a.cycle_overlap <= a.cycle_length)
    places = floor & (a.lat_min <= a.lat_max) & (a.active_prob >= 0) & (a.active_prob <= 1)
    return (expected >= 0) & nests & cycle & places & (a.area_max > 0) & (a.area_max <= 2 * jnp.pi)


def _founding_times(activity: Activity, config: Emergence, start, stop, expected, gaps):
    """Number of founders in a window, and their times in order; places not taken hold the start."""
    arrivals = _arrivals(gaps)
    is_in = arrivals < expected
    share = jnp.where(is_in, arrivals / jnp.where(expected > 0, expected, 1.0), 0.0)
    days = share[:-1] * active_days(activity, config, start, stop)
    return jnp.sum(is_in), jax.vmap(lambda d: time_after(activity, config, start, stop, d))(days)


def _parents(members: Float[Array, " n"], n_founders: Int[Array, ""], gaps):
    """Number of followers, and for each place the founder it follows if a follower takes it.

    The followers are the arrivals of a process of unit rate on a line on which each founder holds a
    stretch as long as its expected number of them; they take the places after the founders'.
    """
    n = members.shape[0]
    edges, arrivals = jnp.cumsum(members), _arrivals(gaps)
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
    draws = _draws(n + 1, dtype, key=key)  # one more gap than places, to see whether they suffice
    u = jax.tree.map(lambda x: x[:n], draws)
    frequencies = jnp.asarray(np.cumsum(config.frequencies)[:-1], dtype=dtype)
    size = jnp.searchsorted(frequencies, u.size, side="right")  # 0 is the largest

    begin = founding_start(activity, start)
    expected = (1.0 - activity.nest_prob) * expected_regions(activity, config, begin, stop)
    n_founders, t = _founding_times(activity, config, begin, stop, expected, draws.founder_gap)
    is_founder = jnp.arange(n) < n_founders
    lat, lon = jax.vmap(lambda t, u: _found(activity, config, t, u))(t, u)

    fertile = is_founder & (size == 0) if config.nest_parents == "largest" else is_founder
    members = jnp.where(fertile, nest_members(activity, config), 0.0)
    n_followers, parent = _parents(members, n_founders, draws.follower_gap)
    founders = (lat, lon, t)
    followers = _follow(star, activity, tuple(x[parent] for x in founders), u)
    lat, lon, t = (jnp.where(is_founder, a, b) for a, b in zip(founders, followers, strict=True))
    return Regions(
        lat=lat,
        lon=lon,
        t_max=t,
        area=jnp.exp(-config.size_step * size.astype(dtype)),
        tilt=jax.vmap(lambda x, u: _tilt(activity, x, u))(lat, u),
        parent=jnp.where(is_founder, -1, parent),
        is_active=(jnp.arange(n) < n_founders + n_followers) & (t >= start) & (t < stop),
        is_complete=_in_range(activity, config, expected) & (n_founders + n_followers <= n),
    )
