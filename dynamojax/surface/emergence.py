"""How spots are born: times, places and sizes of the regions of one star, as a padded map of spots.

The generator of Dynamo (Kamai, Perets & Bronstein 2026), which is that of butterpy (Claytor et al.
2022, ApJ 927, 219; before it Aigrain et al. 2015, MNRAS 450, 3211), after van Ballegooijen et al. (1998,
ApJ 501, 866, section 4) and Schrijver & Harvey (1994, Sol. Phys. 150, 1). The laws are in
`activity` and `butterfly`; where this differs from those programs, and why:

- Time, latitude and longitude are continuous; theirs are days and 36 x 16 cells, in each of which
  at most one region a day can emerge.
- The number is Poisson with a mean proportional to `level`, without a least or greatest number. Dynamo
  takes 0.1 sqrt(activity) a day: `level` = 0.19 sqrt(activity) is as many.
- Dynamo ignores the cycle before the current one and its own probability of correlated emergence; both
  are here, in uniform emergence too.
- A region of area A is a cap of area A. Dynamo's radius is sqrt(2.5 A), of 7.9 times the area.
- butterpy keeps a nest together in longitude at t = 0; differential rotation then takes it apart by the
  time its later members emerge. Here they emerge where the earlier one has drifted to. The same holds
  for the two poles of a bipole.
- Dynamo and butterpy tilt southern bipoles the northern way: the leading pole is the farther from the
  equator. Here it is the nearer one in both hemispheres, as Joy's law has it.
- A window may start at any phase of a cycle, and nests founded before it reach into it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from dynamojax.numerics import safe_sqrt
from dynamojax.surface.activity import Activity, Emergence
from dynamojax.surface.butterfly import cycle_phases, expected_regions, latitude_law, time_after
from dynamojax.system import SpotMap, Star

_UNTILTED = 0.14  # share of regions outside Joy's law, tilt below half a degree (butterpy's tilt law)
_UNTILTED_RAD = float(np.deg2rad(0.5))
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
        return jnp.arcsin(low + (high - low) * jax.random.uniform(key_lat, dtype=t.dtype))
    _, phase, rate = cycle_phases(activity, t)
    is_old = jax.random.uniform(key_cycle, dtype=t.dtype) * jnp.sum(rate) < rate[1]
    mean, deviation, low, high = latitude_law(activity, config, jnp.where(is_old, phase[1], phase[0]))
    bounds = (low - mean) / deviation, (high - mean) / deviation
    return mean + deviation * jax.random.truncated_normal(key_lat, *bounds, dtype=t.dtype)


def _longitude(activity: Activity, config: Emergence, *, key: Key[Array, ""]) -> Float[Array, ""]:
    """Longitude in the equatorial frame: uniform, or about one of the active longitudes. [rad]"""
    key_where, key_which, key_scatter, key_any = jax.random.split(key, 4)
    dtype = activity.active_lon.dtype
    n = config.n_active_longitudes
    which = jax.random.randint(key_which, (), 0, n) * (2 * jnp.pi / n)
    scatter = activity.active_scatter * jax.random.normal(key_scatter, dtype=dtype)
    preferred = activity.active_lon + which + scatter
    is_preferred = jax.random.uniform(key_where, dtype=dtype) < activity.active_prob
    return jnp.where(is_preferred, preferred, 2 * jnp.pi * jax.random.uniform(key_any, dtype=dtype))


def _founder(
    activity: Activity, config: Emergence, t: Float[Array, ""], *, key: Key[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Latitude and longitude of a region outside nests. [rad]"""
    key_lat, key_sign, key_lon = jax.random.split(key, 3)
    lat = _abs_latitude(activity, config, t, key=key_lat)
    sign = jnp.where(jax.random.bernoulli(key_sign), 1.0, -1.0)
    return sign.astype(t.dtype) * lat, _longitude(activity, config, key=key_lon)


def drift_rate(star: Star, lat: Float[Array, "..."]) -> Float[Array, "..."]:
    """How fast a latitude falls behind the equator, Omega_eq shear sin^2 lat. [rad/day]"""
    return 2 * jnp.pi / star.prot * star.shear * jnp.sin(lat) ** 2


def _follower(star: Star, activity: Activity, lat, lon, t, *, key: Key[Array, ""]):
    """Latitude, longitude and time of a region in the nest of one at (lat, lon, t). [rad, rad, day]

    The scatter is triangular, the difference of two uniform deviates, as of two regions in one
    cell of van Ballegooijen et al. (1998): it ends at sqrt(6) standard deviations.
    """
    key_delay, key_scatter = jax.random.split(key)
    u = jax.random.uniform(key_delay, dtype=lat.dtype)
    delay = activity.nest_delay_min + (activity.nest_delay_max - activity.nest_delay_min) * u
    v = jax.random.uniform(key_scatter, (2, 2), dtype=lat.dtype)
    offset = 6**0.5 * (v[0] - v[1])
    lon = lon - drift_rate(star, lat) * delay + activity.nest_scatter_lon * offset[0]
    return *_over_pole(lat + activity.nest_scatter_lat * offset[1], lon), t + delay


def _over_pole(lat, lon):
    """The same point with |latitude| up to pi/2."""
    is_over = jnp.abs(lat) > jnp.pi / 2
    return jnp.where(is_over, jnp.sign(lat) * jnp.pi - lat, lat), jnp.where(is_over, lon + jnp.pi, lon)


def _tilt(activity: Activity, lat: Float[Array, ""], *, key: Key[Array, ""]) -> Float[Array, ""]:
    """Tilt of a bipole: slope |lat| + offset + scatter x y, x and y cut normal deviates. [rad]

    Source: Wang & Sheeley (1991, ApJ 375, 761), Howard (1992, Sol. Phys. 137, 205), as in butterpy.
    """
    keys = jax.random.split(key, 4)
    dtype = lat.dtype
    x, y = (
        jax.random.truncated_normal(k, -b, b, dtype=dtype) for k, b in zip(keys, _TILT_BOUNDS, strict=False)
    )
    joy = activity.joy_slope * jnp.abs(lat) + activity.joy_offset + activity.joy_scatter * x * y
    free = jnp.deg2rad(jax.random.truncated_normal(keys[2], -0.5, 0.5, dtype=dtype))
    return jnp.where(jax.random.uniform(keys[3], dtype=dtype) < _UNTILTED, free, joy)


def _in_range(activity: Activity, expected: Float[Array, ""]) -> Bool[Array, ""]:
    """Whether the drawn regions mean what they say; NaN is out of range."""
    return (
        (expected >= 0)
        & (activity.nest_prob >= 0)
        & (activity.nest_prob < 1)
        & (activity.lat_min <= activity.lat_max)
        & (activity.area_max > 0)
        & (activity.area_max <= 2 * jnp.pi)
    )


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

    Founders are a Poisson process in time, from nest_delay_max before the window on. A founder has
    Poisson(m) followers, m = nest_prob / (1 - nest_prob), or Poisson(m / frequency of the largest) if
    only the largest found nests. Both are read off arrivals of a process of unit rate: the followers'
    on the line on which each founder holds a stretch as long as its expected number of them. The
    places that a map has do not change the regions that it holds.
    """
    n, dtype = config.n_regions, activity.level.dtype
    key_seeds, key_broods, key_places = jax.random.split(key, 3)
    place_keys = jax.vmap(jax.random.fold_in, (None, 0))(key_places, jnp.arange(n))
    key_size, key_found, key_follow, key_tilt = jax.vmap(lambda k: jax.random.split(k, 4), out_axes=1)(
        place_keys
    )
    size = jax.vmap(lambda k: _size(config, dtype, key=k))(key_size)

    begin = start - jnp.where(activity.nest_prob > 0, activity.nest_delay_max, 0.0)
    expected = (1.0 - activity.nest_prob) * expected_regions(activity, config, begin, stop)
    arrivals = _arrivals(n + 1, dtype, key=key_seeds)
    n_founders = jnp.sum(arrivals < expected)
    is_founder = jnp.arange(n) < n_founders
    share = jnp.where(is_founder, arrivals[:n], 0.0) / jnp.where(expected > 0, expected, 1.0)
    return _fill(
        star,
        activity,
        config,
        (begin, start, stop),
        (expected, share, n_founders, size),
        keys=(key_broods, key_found, key_follow, key_tilt),
    )
