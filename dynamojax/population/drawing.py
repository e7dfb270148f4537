"""One star with its spots, once its mass, age and place are known: primaries and companions alike."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from dynamojax.evolution.tracks import StellarState, TrackGrid, evolve
from dynamojax.numerics import stream
from dynamojax.population.activity import Spottedness
from dynamojax.population.ages import one_by_light
from dynamojax.population.prior import Prior
from dynamojax.population.rotation import turnover_held
from dynamojax.population.sight import Place
from dynamojax.surface.activity import Activity
from dynamojax.surface.emergence import emerge_spots
from dynamojax.system import SpotMap, Star

_FADED = 2.0  # decay times after which a spot is gone: e^-8 of its area
_SUN = StellarState(5772.0, 4.438, 1.0, 1.0, 1.0, 4.6, 350.0, jnp.nan, jnp.nan, True)


class Candidate(NamedTuple):
    """A star by mass, metallicity and age.

    Attributes:
        mass: Initial. [M_sun]
        feh: Initial. [dex]
        state: By the tracks.
        good: Whether it is within bounds; if not, the Sun stands in, so that no NaN reaches what follows.
    """

    mass: Float[Array, ""]
    feh: Float[Array, ""]
    state: StellarState
    good: Bool[Array, ""]


def star_at(tracks: TrackGrid, mass, feh, age_gyr, bounds=None) -> Candidate:
    """A star by mass [M_sun], metallicity [dex] and age [Gyr].

    Args:
        tracks: Tracks.
        mass: Initial mass.
        feh: Initial metallicity.
        age_gyr: Age.
        bounds: A prior whose bounds of teff and logg hold; None for none.
    """
    star = evolve(tracks, mass, feh, age_gyr)
    good = star.valid
    if bounds is not None:
        good = good & (star.teff >= bounds.teff_low) & (star.teff <= bounds.teff_high)
        good = good & (star.logg >= bounds.logg_low) & (star.logg <= bounds.logg_high)
    state = StellarState(
        *(jnp.where(good, x, jnp.asarray(s, x.dtype)) for x, s in zip(star, _SUN, strict=True))
    )
    return Candidate(jnp.where(good, mass, 1.0), jnp.where(good, feh, 0.0), state, good)


def accepted(prior: Prior, tracks: TrackGrid, *, key: Key[Array, ""]) -> tuple[Candidate, Int[Array, ""]]:
    """The first try within the prior's bounds, and its number from 1 on.

    The try is searched for without derivatives, and drawn once more with them.
    """

    def attempt(prior, tracks, number):
        own = jax.random.fold_in(key, number)
        mass, feh = (getattr(prior, n).sample(key=stream(own, n)) for n in ("mass", "feh"))
        return _aged(prior, tracks, mass, feh, key=own)

    known = jax.lax.stop_gradient((prior, tracks))

    def missed(carry):
        return ~carry[1] & (carry[0] + 1 < prior.max_tries)

    def again(carry):
        return carry[0] + 1, attempt(*known, carry[0] + 1).good

    number, _ = jax.lax.while_loop(missed, again, (jnp.asarray(-1), jnp.asarray(False)))
    return attempt(prior, tracks, number), number + 1


def _aged(prior: Prior, tracks: TrackGrid, mass, feh, *, key: Key[Array, ""]) -> Candidate:
    """A star of a mass and metallicity, at one of the ages drawn for it: as likely as it is seen."""
    ages = jax.vmap(lambda k: prior.age.sample(key=k))(jax.random.split(stream(key, "age"), prior.n_ages))
    stars = jax.vmap(lambda age: star_at(tracks, mass, feh, age, bounds=prior))(ages)
    light = jnp.where(stars.good, stars.state.luminosity, jnp.nan)
    one = one_by_light(jax.lax.stop_gradient(light), prior.light_power, key=stream(key, "seen"))
    return jax.tree.map(lambda x: x[one], stars)


class Body(NamedTuple):
    """A star, its spots, and what they come from."""

    star: Star
    spots: SpotMap
    spotted: Spottedness
    rossby: Float[Array, ""]
    by_law: Bool[Array, ""]


def body(
    prior: Prior,
    tracks: TrackGrid,
    of: Candidate,
    place: Place,
    inc: Float[Array, ""],
    locked: tuple[Bool[Array, ""], Float[Array, ""]],
    *,
    key: Key[Array, ""],
) -> Body:
    """A star with rotation and spots of its own.

    Args:
        prior: What they are drawn from.
        tracks: Tracks.
        of: Its mass, metallicity and state.
        place: Where it is.
        inc: Inclination of its axis. [rad]
        locked: Whether tides make it turn with an orbit, and the orbit's period [day].
        key: Randomness.
    """
    state = of.state
    spin = prior.rotation(tracks, of.mass, of.feh, state.age_gyr, state, key=stream(key, "rotation"))
    prot = jnp.where(locked[0], locked[1], spin.prot)
    rossby = prot / turnover_held(state.teff)
    spotted = prior.spots(
        state.teff, prot, rossby, state.age_gyr, prior.emergence, key=stream(key, "activity")
    )
    shear = prior.shear(prot, key=stream(key, "shear"))
    star = _star(of, place, spotted, prot=prot, inc=inc, shear=shear)
    window = spot_window(prior, spotted.activity)
    spots = emerge_spots(star, spotted.activity, prior.emergence, *window, key=stream(key, "spots"))
    return Body(star, spots, spotted, rossby, spin.by_law & ~locked[0])


def _star(of: Candidate, place: Place, spotted: Spottedness, **turning) -> Star:
    state = of.state
    values = dict(
        teff=state.teff,
        logg=state.logg,
        feh=of.feh,
        mass=state.mass,
        radius=state.radius,
        distance=place.distance,
        spot_contrast=spotted.spot_contrast,
        facula_contrast=spotted.facula_contrast,
        facula_ratio=spotted.facula_ratio,
        rv=place.rv,
        av=place.av,
        **turning,
    )
    plain = vars(Star.from_degrees())
    return Star(**{name: jnp.asarray(values.get(name, x), state.teff.dtype) for name, x in plain.items()})


def spot_window(prior: Prior, activity: Activity) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """From when and until when spots emerge that are seen between the first and the last epoch. [day]"""
    return prior.start - _FADED * activity.tau_decay, prior.stop + _FADED * activity.tau_emerge
