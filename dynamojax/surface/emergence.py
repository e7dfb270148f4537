"""How spots are born: the emergence of regions on one star, as a padded map of spots.

The generator of Dynamo (Kamai, Perets & Bronstein 2026), which comes from butterpy (Claytor et al.
2022, ApJ 927, 219) and Aigrain et al. (2015, MNRAS 450, 3211), after van Ballegooijen et al. (1998,
ApJ 501, 866, section 4) and Schrijver & Harvey (1994, Sol. Phys. 150, 1). `activity` holds the
parameters, `butterfly` the laws of the cycle, `regions` the draw. What differs from those
programs, and why:

- Time, latitude and longitude are continuous; theirs are days and 36 x 16 cells of a hemisphere, with
  at most one region a day and row, so that very active stars lose regions.
- The number is Poisson with a mean proportional to `level`, without a least or greatest number and
  without a fixed seed. Dynamo has 0.1 sqrt(activity) a day: as many as `level` = 0.19 sqrt(activity).
- Dynamo leaves out the cycle before the current one, and does not use its probability of correlated
  emergence; both are here, in uniform emergence too.
- Nests: nest_prob is the fraction of regions in nests (butterpy's prob_corr is followers per region,
  nest_prob / (1 - nest_prob)). Followers found no further nests.
- A region of area A is a cap of area A. Dynamo's radius sqrt(2.5 A) has 7.9 times the area, and
  butterpy takes the area of the whole active region for the spot's, then scales it to a filling factor.
- butterpy keeps a nest together in longitude at t = 0, and differential rotation takes it apart by the
  time the followers emerge. Here they emerge where the founder has drifted to; the poles of a
  bipole are side by side at their maximum likewise.
- butterpy and Dynamo tilt southern bipoles the northern way: the leading pole is the farther from
  the equator. Here it is the nearer one in both hemispheres, as Joy's law has it.
- A window may lie anywhere in a cycle (theirs starts with one) and has the followers of nests founded
  before it. Spots that are past their maximum at the first epoch need a window that starts a few
  decay times earlier; theirs starts from an immaculate star.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from dynamojax.numerics import safe_sqrt
from dynamojax.surface.activity import Activity, Emergence
from dynamojax.surface.butterfly import expected_regions
from dynamojax.surface.regions import Regions, draw_regions, drift_rate, founding_start, nest_members
from dynamojax.system import SpotMap, Star

_MOMENT_EXPONENTS = np.geomspace(1e-4, 5.0, 200)  # theta of the bound in recommend_n_spots


def cap_radius(area: Float[Array, "..."]) -> Float[Array, "..."]:
    """Angular radius of a cap of area 2 pi (1 - cos r) [sr]; zero, also in slope, at 0. [rad]"""
    return 2.0 * jnp.arcsin(safe_sqrt(area / (4 * jnp.pi)))


def _poles(
    activity: Activity, lat: Float[Array, ""], tilt: Float[Array, ""], area: Float[Array, ""]
) -> tuple[Float[Array, " 2"], Float[Array, " 2"]]:
    """Latitudes and longitude offsets of the leading and the following pole of a bipole. [rad]

    Each is half the separation from the centre on a great circle, the leading one forward in longitude and
    turned by the tilt towards the equator; on a small scale this is butterpy's offset along the parallel.
    """
    d = 0.5 * activity.separation * safe_sqrt(area) * jnp.array([1.0, -1.0], dtype=lat.dtype)
    south = -jnp.sin(tilt) * jnp.where(lat < 0, -1.0, 1.0)
    x = jnp.cos(d) * jnp.cos(lat) - jnp.sin(d) * south * jnp.sin(lat)
    y = jnp.sin(d) * jnp.cos(tilt)
    z = jnp.cos(d) * jnp.sin(lat) + jnp.sin(d) * south * jnp.cos(lat)
    return jnp.arctan2(z, safe_sqrt(x**2 + y**2)), jnp.arctan2(y, x)


def _spots(activity: Activity, config: Emergence, regions: Regions) -> dict[str, Float[Array, " n_spots"]]:
    """Leaves of the map of the regions' spots, longitudes still those at t_max."""
    lat, lon, share = regions.lat[None], regions.lon[None], jnp.ones_like(activity.leader_share)[None]
    if config.bipoles:
        lat, offset = jax.vmap(lambda *r: _poles(activity, *r), out_axes=1)(
            regions.lat, regions.tilt, regions.area
        )
        lon = lon + offset
        share = jnp.stack([activity.leader_share, 1.0 - activity.leader_share])
    n_poles = lat.shape[0]
    area = activity.area_max * share[:, None] * jnp.where(regions.is_active, regions.area, 0.0)
    scale = regions.area**activity.tau_power
    return {
        "lat": lat.ravel(),
        "lon": lon.ravel(),
        "radius": cap_radius(area).ravel(),
        "t_max": jnp.tile(regions.t_max, n_poles),
        "tau_emerge": jnp.tile(activity.tau_emerge * scale, n_poles),
        "tau_decay": jnp.tile(activity.tau_decay * scale, n_poles),
    }


def emerge_spots(
    star: Star,
    activity: Activity,
    config: Emergence,
    start: Float[Array, ""] | float | int,
    stop: Float[Array, ""] | float | int,
    *,
    key: Key[Array, ""],
) -> SpotMap:
    """Spots of one star that reach their maximum in [start, stop).

    Args:
        star: Only its rotation counts: prot and shear.
        activity: How often, where and how large.
        config: Static choices, the number of places among them.
        start: Start of the window; a few decay times before the first epoch. [day]
        stop: End of the window; a few growth times after the last epoch. [day]
        key: One per star.
    Returns:
        Spots, the rest of the places empty (radius 0). If the places do not suffice
        (`recommend_n_spots`) or a parameter is out of range, all NaN: see `is_complete`.
    Gradients: along the paths of the spots at fixed number, cycle, nest and size of each; finite.
        Numbers are steps, so that the gradient in `level` is that of the times alone.
    """
    start, stop = (jnp.asarray(t, dtype=activity.level.dtype) for t in (start, stop))
    regions = draw_regions(star, activity, config, start, stop, key=key)
    spots = _spots(activity, config, regions)
    at_zero = spots["lon"] + drift_rate(star, spots["lat"]) * spots["t_max"]
    spots["lon"] = jnp.mod(at_zero + jnp.pi, 2 * jnp.pi) - jnp.pi
    return SpotMap(**{name: jnp.where(regions.is_complete, x, jnp.nan) for name, x in spots.items()})


def is_complete(spots: SpotMap) -> Bool[Array, "*batch"]:
    """Whether a map holds all the spots that were drawn: no place is NaN."""
    return jnp.all(jnp.isfinite(spots.radius), axis=-1)


def recommend_n_spots(activity: Activity, config: Emergence, start, stop, *, chance: float = 1e-6) -> int:
    """Places that suffice for every star of a population but for a chance; on the host.

    Chernoff's bound on the number N of founders and followers: ln P(N >= n) is at most
    mu (E exp(theta (1 + K)) - 1) - theta n for every theta > 0, mu founders with K followers each.

    Args:
        activity: One star or a population.
        config: Its n_spots does not matter.
        start: Start of the window. [day]
        stop: End of the window. [day]
        chance: That a map is incomplete, for each star at most. [1]
    Raises:
        ValueError: start, stop, chance or a parameter out of range.
    """
    if not -np.inf < start < stop < np.inf:
        raise ValueError(f"start = {start} must be below stop = {stop}, both finite; order them")
    if not 0 < chance < 1:
        raise ValueError(f"chance = {chance} must be in (0, 1); 1e-6 loses one star in a million")

    def expected(one):
        begin = founding_start(one, jnp.asarray(start, dtype=one.level.dtype))
        founders = (1 - one.nest_prob) * expected_regions(one, config, begin, jnp.asarray(stop, begin.dtype))
        return founders, nest_members(one, config)

    flat = jax.tree.map(jnp.ravel, activity)
    founders, members = (np.asarray(x, dtype=float)[:, None] for x in jax.vmap(expected)(flat))
    if not np.all(np.isfinite(founders) & (founders >= 0) & np.isfinite(members)):
        raise ValueError("activity is out of range, so that no number is expected; see validate_activity")
    share = config.frequencies[0] if config.nest_parents == "largest" else 1.0
    theta = _MOMENT_EXPONENTS
    with np.errstate(over="ignore"):  # an infinite moment is a bound too, and never the least
        growth = 1 - share + share * np.exp(members * np.expm1(theta))
        bound = (founders * (np.exp(theta) * growth - 1) - np.log(chance)) / theta
    n_regions = max(1, int(np.ceil(np.min(bound, axis=1).max())))
    return 2 * n_regions if config.bipoles else n_regions
