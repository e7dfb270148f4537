"""The draw of one star from its own key, and of many.

A star's key is fold_in(root, star_id), and every part of it draws from a named stream of that key: star 17 is
the same in any batch, shard or machine, whatever else is drawn.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from dynamojax.evolution.track_file import load_tracks
from dynamojax.evolution.tracks import TrackGrid
from dynamojax.numerics import stream
from dynamojax.planets.orbit import semi_major_axis
from dynamojax.population.drawing import Body, Candidate, accepted, body, spot_window
from dynamojax.population.pairs import (
    Pair,
    both_magnitudes,
    bound,
    drawn_pair,
    drawn_turn,
    pair_labels,
    stable_planets,
)
from dynamojax.population.planets import conjunction_distance
from dynamojax.population.prior import Prior
from dynamojax.population.rotation import turnover_held
from dynamojax.population.sight import Place, kepler_magnitude
from dynamojax.surface.butterfly import expected_regions
from dynamojax.surface.emergence import is_complete
from dynamojax.system import Planets, Star, System

LABEL_UNITS = {
    "mass": "M_sun",
    "age_gyr": "Gyr",
    "eep": "1",
    "luminosity": "L_sun",
    "turnover": "day",
    "rossby": "1",
    "prot_by_law": "bool",
    "sph": "ppm",
    "level": "1",
    "cycle_length": "day",
    "tau_decay": "day",
    "kepler_mag": "mag",
    "n_spots": "1",
    "n_planets": "1",
    "is_transiting": "bool",
    "n_tries": "1",
    "is_binary": "bool",
    "is_blended": "bool",
    "is_eclipsing": "bool",
    "mass_ratio": "1",
    "flux_ratio": "1",
    "binary_period": "day",
    "binary_ecc": "1",
    "binary_inc": "rad",
    "binary_omega": "rad",
    "binary_t_conjunction": "day",
    "binary_obliquity": "rad",
    "companion_teff": "K",
}


class Sample(eqx.Module):
    """One star as drawn; with a leading axis on every leaf, a population.

    Attributes:
        system: What the simulator takes.
        companion: The other star of a binary, with no planets but the primary as its occulter; of a single
            star, some star that labels["is_binary"] says is not there; None where the prior has no binaries.
            `combined_light.observe` puts the light of both together.
        labels: What the star is, by name; units in `LABEL_UNITS`. Floats are NaN where not valid, and those
            of a binary where there is none.
        valid: Whether the star was found within the prior's bounds and its spots had room.
    """

    system: System
    companion: System | None
    labels: dict[str, Array]
    valid: Bool[Array, "*batch"]


def sample_star(root_key: Key[Array, ""], star_id: Int[Array, ""], prior: Prior, tracks: TrackGrid) -> Sample:
    """One star of a population.

    Args:
        root_key: Of the population.
        star_id: Its number.
        prior: What it is drawn from.
        tracks: Stars from mass, metallicity and age.

    Gradients: of continuous numbers in the prior's parameters, at a fixed place in each distribution and a
        fixed number of tries, spots and planets; bounds carry none.
    """
    key = jax.random.fold_in(root_key, star_id)
    of, n_tries = accepted(prior, tracks, key=stream(key, "star"))
    inc = prior.inclination.sample(key=stream(key, "inclination"))
    pair = None
    if prior.binaries is not None:
        pair = drawn_pair(prior, tracks, of, key=stream(key, "binary"))
        inc = pair.axis(inc)
    absolute, seen = kepler_magnitude(of.state.luminosity, of.state.teff)
    place = prior.sight(both_magnitudes(absolute, pair), key=stream(key, "sight"))
    if pair is None:
        lock = jnp.asarray(False), jnp.ones_like(inc)
        one = body(prior, tracks, of, place, inc, lock, key=stream(key, "primary"))
    else:
        one, other = _both(prior, tracks, of, pair, place, inc, key)
    system = _with_planets(prior, one, pair, stream(key, "planets"))
    labels = _labels(of, one, place, system) | {"n_tries": n_tries}
    valid = of.good & seen & is_complete(one.spots)
    companion = None
    if pair is not None:
        two = System(other.star, other.spots, Planets.empty(0))
        turn = drawn_turn(pair, key=stream(key, "turn"))
        labels |= pair_labels(prior, pair, system, two, turn)
        system, companion = bound(prior, pair, system, two, turn)
        valid = valid & (is_complete(two.spots) | ~pair.orbit.exists)
    return Sample(system, companion, {name: _nan_unless(valid, x) for name, x in labels.items()}, valid)


def _nan_unless(valid, x):
    return jnp.where(valid, x, jnp.nan) if jnp.issubdtype(x.dtype, jnp.floating) else x


def _with_planets(prior: Prior, one: Body, pair: Pair | None, key) -> System:
    """The star with its planets; a transiting one decides on the star's inclination."""
    if prior.planets is None:
        return System(one.star, one.spots, Planets.empty(0))
    planets, inc = prior.planets(one.star, prior.start, key=key)
    star = eqx.tree_at(lambda s: s.inc, one.star, inc)
    mass = star.mass if pair is None else pair.other.state.mass
    return System(star, one.spots, stable_planets(star, planets, pair, mass))


def _both(
    prior: Prior, tracks: TrackGrid, of: Candidate, pair: Pair, place: Place, inc: Float[Array, ""], key
) -> tuple[Body, Body]:
    """Both stars of a pair, side by side: what draws a star takes long to compile."""
    keys = jnp.stack([stream(key, "primary"), stream(key, "companion")])
    its = pair.axis(prior.inclination.sample(key=stream(keys[1], "inclination")))
    stars = jax.tree.map(lambda *x: jnp.stack(x), of, pair.other)

    def draw(star, inc, key):
        return body(prior, tracks, star, place, inc, pair.lock, key=key)

    both = jax.vmap(draw)(stars, jnp.stack([inc, its]), keys)
    one, other = (jax.tree.map(lambda x, k=k: x[k], both) for k in (0, 1))
    return one, other


def _labels(of: Candidate, one: Body, place: Place, system: System) -> dict[str, Array]:
    activity = one.spotted.activity
    no = jnp.asarray(False)
    return {
        "mass": of.mass,
        "age_gyr": of.state.age_gyr,
        "eep": of.state.eep,
        "luminosity": of.state.luminosity,
        "turnover": turnover_held(of.state.teff),
        "rossby": one.rossby,
        "prot_by_law": one.by_law,
        "sph": one.spotted.sph,
        "level": activity.level,
        "cycle_length": activity.cycle_length,
        "tau_decay": activity.tau_decay,
        "kepler_mag": place.magnitude,
        "n_spots": jnp.sum(one.spots.radius > 0),
        "n_planets": jnp.sum(system.planets.radius_ratio > 0),
        "is_transiting": jnp.any(transits(system.star, system.planets)),
        **dict.fromkeys(("is_binary", "is_blended", "is_eclipsing"), no),
    }


def transits(star: Star, planets: Planets) -> Bool[Array, " n_planets"]:
    """Whether planets touch the disc at conjunction."""
    axis = semi_major_axis(star.mass + planets.mass, planets.period) / star.radius
    distance = conjunction_distance(axis, planets.ecc, planets.omega)
    near = jnp.abs(jnp.cos(planets.inc)) * distance < 1.0 + planets.radius_ratio
    return near & (planets.radius_ratio > 0)


@jax.jit
def _sample_many(root_key, star_ids, prior: Prior, tracks: TrackGrid) -> Sample:
    return jax.vmap(sample_star, (None, 0, None, None))(root_key, star_ids, prior, tracks)


def sample_population(
    key: Key[Array, ""],
    n: int,
    prior: Prior | None = None,
    *,
    tracks: TrackGrid | None = None,
    start: float | int | None = None,
    stop: float | int | None = None,
    first_id: int = 0,
) -> Sample:
    """Stars first_id to first_id + n - 1 of a population, in one batch.

    Args:
        key: Of the population; star i is sample_star(key, i, ...), whatever n and first_id.
        n: How many.
        prior: `Prior.kepler()` if left out.
        tracks: The embedded MIST tracks if left out.
        start: First epoch, in place of the prior's. [day]
        stop: Last epoch, in place of the prior's. [day]
        first_id: Number of the first star.

    Raises:
        ValueError: n, first_id or the window out of range.
    """
    prior = with_window(Prior.kepler() if prior is None else prior, start, stop)
    if n < 1 or first_id < 0 or first_id + n > 2**31:
        raise ValueError(f"n = {n}, first_id = {first_id}: n at least 1, numbers of stars in [0, 2^31)")
    tracks = load_tracks() if tracks is None else tracks
    return _sample_many(key, jnp.arange(first_id, first_id + n), prior, tracks)


def with_window(prior: Prior, start: float | int | None, stop: float | int | None) -> Prior:
    """The prior with another window of epochs [day]; None keeps what it has.

    Raises:
        ValueError: the window is empty or not finite.
    """
    first = float(prior.start) if start is None else float(start)
    last = float(prior.stop) if stop is None else float(stop)
    if not -np.inf < first < last < np.inf:
        raise ValueError(f"start = {first} must be below stop = {last}, both finite; order them")
    return dataclasses.replace(prior, start=first, stop=last)


def sized_for(prior: Prior, *, key: Key[Array, ""], tracks: TrackGrid | None = None, n: int = 1024) -> Prior:
    """The prior with places for all spots of its window, after a trial population; on the host.

    Args:
        prior: Its window counts.
        key: Of the trial, not of the population.
        tracks: The embedded MIST tracks if left out.
        n: Stars of the trial: the busiest of them decides, so that about one star in n may lack room.
    """
    tracks = load_tracks() if tracks is None else tracks
    number = int(np.ceil(np.max(_expected_spots(key, jnp.arange(n), prior, tracks))))
    room = number + 5.0 * np.sqrt(number) + 5.0
    return dataclasses.replace(
        prior, emergence=dataclasses.replace(prior.emergence, n_spots=2 * int(np.ceil(room / 2)))
    )


@jax.jit
def _expected_spots(root_key, star_ids, prior: Prior, tracks: TrackGrid) -> Float[Array, " n"]:
    """Expected number of spots of primaries. [1]"""
    prior = dataclasses.replace(prior, planets=None, binaries=None)

    def one(star_id):
        key = jax.random.fold_in(root_key, star_id)
        of, _ = accepted(prior, tracks, key=stream(key, "star"))
        place = prior.sight(kepler_magnitude(of.state.luminosity, of.state.teff)[0], key=stream(key, "sight"))
        lock = jnp.asarray(False), jnp.ones_like(of.mass)
        inc = jnp.ones_like(of.mass)
        drawn = body(prior, tracks, of, place, inc, lock, key=stream(key, "primary")).spotted.activity
        per_region = 2 if prior.emergence.bipoles else 1
        return per_region * expected_regions(drawn, prior.emergence, *spot_window(prior, drawn))

    return jax.vmap(one)(star_ids)
