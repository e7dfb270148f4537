"""The draw of one star from its own key, and of many.

A star's key is fold_in(root, star_id), and every part of it draws from a named stream of that key: star 17 is
the same in any batch, shard or machine, whatever else is drawn.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Key

from dynamojax.evolution.tracks import StellarState, TrackGrid, evolve
from dynamojax.numerics import stream
from dynamojax.population.prior import Prior
from dynamojax.population.rotation import turnover_held
from dynamojax.population.sight import Place, kepler_magnitude
from dynamojax.surface.emergence import emerge_spots, is_complete
from dynamojax.system import Planets, SpotMap, Star, System

_FADED = 2.0  # decay times after which a spot is gone: e^-8 of its area


class Sample(eqx.Module):
    """One star as drawn; with a leading axis on every leaf, a population.

    Attributes:
        system: What the simulator takes.
        labels: What the star is, by name; units in `LABEL_UNITS`.
        valid: Whether it was found within the prior's bounds and its spots had room; if not, its
            labels are NaN, and its spots too where they had none.
    """

    system: System
    labels: dict[str, Array]
    valid: Bool[Array, "*batch"]


LABEL_UNITS = {
    "mass": "M_sun",
    "feh": "dex",
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
    "av": "mag",
    "n_spots": "1",
    "n_tries": "1",
}


def _candidate(prior: Prior, tracks: TrackGrid, key) -> tuple[Array, Array, StellarState, Array]:
    """Mass, metallicity and state of one try, and whether it is within the bounds."""
    mass = prior.mass.sample(key=stream(key, "mass"))
    feh = prior.feh.sample(key=stream(key, "feh"))
    age = prior.age.sample(key=stream(key, "age"))
    star = evolve(tracks, mass, feh, age)
    good = star.valid & (star.teff >= prior.teff_low) & (star.teff <= prior.teff_high)
    good = good & (star.logg >= prior.logg_low) & (star.logg <= prior.logg_high)
    return mass, feh, star, good


def _accepted(prior: Prior, tracks: TrackGrid, key) -> tuple[Array, Array, StellarState, Array, Array]:
    """The first try within the bounds, drawn once more outside the search so that it has derivatives."""
    known = jax.lax.stop_gradient((prior, tracks))

    def missed(carry):
        attempt, good = carry
        return ~good & (attempt + 1 < prior.max_tries)

    def again(carry):
        attempt = carry[0] + 1
        return attempt, _candidate(*known, jax.random.fold_in(key, attempt))[3]

    first = jnp.asarray(0), _candidate(*known, jax.random.fold_in(key, 0))[3]
    attempt, _ = jax.lax.while_loop(missed, again, first)
    return *_candidate(prior, tracks, jax.random.fold_in(key, attempt)), attempt + 1


def sample_star(root_key: Key[Array, ""], star_id: Int[Array, ""], prior: Prior, tracks: TrackGrid) -> Sample:
    """One star of a population.

    Args:
        root_key: Of the population.
        star_id: Its number.
        prior: What it is drawn from.
        tracks: Stars from mass, metallicity and age.

    Gradients: of continuous numbers in the prior's parameters, at a fixed place in each distribution and a
        fixed number of tries and spots; what is outside the bounds carries none into those inside.
    """
    key = jax.random.fold_in(root_key, star_id)
    mass, feh, state, good, n_tries = _accepted(prior, tracks, stream(key, "star"))
    # A star that was given up goes on as the Sun, so that no NaN reaches what follows; its labels are NaN.
    sun = StellarState(5772.0, 4.438, 1.0, 1.0, 1.0, 4.6, 350.0, jnp.nan, jnp.nan, True)
    kept = StellarState(
        *(jnp.where(good, x, jnp.asarray(s, x.dtype)) for x, s in zip(state, sun, strict=True))
    )
    safe_mass, safe_feh = jnp.where(good, mass, 1.0), jnp.where(good, feh, 0.0)
    spin = prior.rotation(tracks, safe_mass, safe_feh, kept.age_gyr, kept, key=stream(key, "rotation"))
    turnover = turnover_held(kept.teff)
    rossby = spin.prot / turnover
    absolute, seen = kepler_magnitude(kept.luminosity, kept.teff)
    place = prior.sight(absolute, key=stream(key, "sight"))
    spotted = prior.spots(
        kept.teff, spin.prot, rossby, kept.age_gyr, prior.emergence, key=stream(key, "activity")
    )
    star = _star(prior, kept, safe_feh, spin.prot, place, spotted, stream(key, "axis"))
    spots = _spots(prior, star, spotted.activity, stream(key, "spots"))
    valid = good & seen & is_complete(spots)
    labels = {
        "mass": safe_mass,
        "feh": safe_feh,
        "age_gyr": kept.age_gyr,
        "eep": kept.eep,
        "luminosity": kept.luminosity,
        "turnover": turnover,
        "rossby": rossby,
        "sph": spotted.sph,
        "level": spotted.activity.level,
        "cycle_length": spotted.activity.cycle_length,
        "tau_decay": spotted.activity.tau_decay,
        "kepler_mag": place.magnitude,
        "av": place.av,
    }
    labels = {name: jnp.where(valid, x, jnp.nan) for name, x in labels.items()}
    counts = {"prot_by_law": spin.by_law, "n_spots": (spots.radius > 0).sum(), "n_tries": n_tries}
    return Sample(System(star, spots, Planets.empty(0)), labels | counts, valid)


def _star(prior: Prior, state: StellarState, feh, prot, place: Place, spotted, key) -> Star:
    shear = prior.shear(prot, key=stream(key, "shear"))
    inc = prior.inclination.sample(key=stream(key, "inclination"))
    blank = Star.from_degrees()
    values = dict(
        teff=state.teff,
        logg=state.logg,
        feh=feh,
        mass=state.mass,
        radius=state.radius,
        distance=place.distance,
        prot=prot,
        inc=inc,
        shear=shear,
        spot_contrast=spotted.spot_contrast,
        facula_contrast=spotted.facula_contrast,
        facula_ratio=spotted.facula_ratio,
        rv=place.rv,
        av=place.av,
    )
    dtype = state.teff.dtype
    return Star(**{name: jnp.asarray(values.get(name, x), dtype) for name, x in vars(blank).items()})


def _spots(prior: Prior, star: Star, activity, key) -> SpotMap:
    """Spots seen between the first and the last epoch, those that fade or grow at the ends included."""
    start = prior.start - _FADED * activity.tau_decay
    stop = prior.stop + _FADED * activity.tau_emerge
    return emerge_spots(star, activity, prior.emergence, start, stop, key=key)


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
    from dynamojax.evolution.track_file import load_tracks

    prior = Prior.kepler() if prior is None else prior
    prior = with_window(prior, start, stop)
    if n < 1 or first_id < 0 or first_id + n > 2**31:
        raise ValueError(f"n = {n}, first_id = {first_id}: n at least 1, numbers of stars in [0, 2^31)")
    tracks = load_tracks() if tracks is None else tracks
    return _sample_many(key, jnp.arange(first_id, first_id + n), prior, tracks)


def with_window(prior: Prior, start: float | int | None, stop: float | int | None) -> Prior:
    """The prior with another window of epochs [day]; None keeps what it has.

    Raises:
        ValueError: the window is empty or not finite.
    """
    first = float(np.asarray(prior.start)) if start is None else start
    last = float(np.asarray(prior.stop)) if stop is None else stop
    if not -np.inf < first < last < np.inf:
        raise ValueError(f"start = {first} must be below stop = {last}, both finite; order them")
    return eqx.tree_at(
        lambda p: (p.start, p.stop), prior, tuple(jnp.asarray(t, prior.start.dtype) for t in (first, last))
    )
