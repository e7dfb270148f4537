"""Walkers that step along each other's differences, or jump by a proposal of all maxima.

Source: ter Braak (2006, Stat. Comput. 16, 239): differential evolution; the halves of the ensemble move in
turn (Foreman-Mackey et al. 2013, PASP 125, 306). An independence step by the mixture carries weight between
maxima. What a walker's proposals were fitted to must not hold the walker itself: it is likely there because
it is there, leaves too easily, and all draw together.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Bool, Float, Key

from dynamojax.inference.mixture import DEGREES, Mixture

_JUMPS = 0.4  # of the steps are by the mixture
_WHOLE = 0.1  # of the others go the whole difference: from maximum to maximum
_SHARES = (0.15, 0.4, 1.0)  # of the coordinates that a step changes (Vrugt et al. 2009)
_SPREAD = 1e-3  # about the difference, relative to it


class Proposal(NamedTuple):
    """A mixture of Student's distributions on the device."""

    log_weights: Float[Array, " k"]
    centres: Float[Array, "k m"]
    factors: Float[Array, "k m m"]
    inverses: Float[Array, "k m m"]
    is_round: Bool[Array, " m"]

    @staticmethod
    def of(mixture: Mixture, dtype, size: int = 0) -> "Proposal":
        """From the host; filled up to a size with components of weight zero, or each size is compiled."""
        inverses = np.linalg.inv(mixture.factors)
        arrays = (mixture.log_weights, mixture.centres, mixture.factors, inverses)
        more = max(size - len(mixture.log_weights), 0)
        arrays = [np.concatenate([x, np.repeat(x[:1], more, axis=0)]) for x in arrays]
        arrays[0][len(arrays[0]) - more :] = -np.inf
        return Proposal(*(jnp.asarray(x, dtype) for x in arrays), jnp.asarray(mixture.is_round))

    def log_density(self, x: Float[Array, " m"]) -> Float[Array, ""]:
        """Up to a constant."""
        away = _shorter(x - self.centres, self.is_round)
        squares = jnp.sum(jnp.einsum("kij,kj->ki", self.inverses, away) ** 2, axis=1)
        m = x.size
        det = jnp.sum(jnp.log(jnp.abs(jnp.diagonal(self.inverses, axis1=1, axis2=2))), axis=1)
        return logsumexp(self.log_weights + det - 0.5 * (DEGREES + m) * jnp.log1p(squares / DEGREES))

    def draw(self, key: Key[Array, ""]) -> tuple[Float[Array, " m"], Bool[Array, ""]]:
        """A point, and whether it is within half a turn of its centre."""
        which, normal, stretch = jax.random.split(key, 3)
        k = jax.random.categorical(which, self.log_weights)
        z = jax.random.normal(normal, self.centres.shape[1:], self.centres.dtype)
        # Chi square of an even number of degrees: a sum of exponentials, without the loop of a gamma.
        squares = 2 * jnp.sum(jax.random.exponential(stretch, (DEGREES // 2,), z.dtype))
        scale = jnp.sqrt(DEGREES / squares)
        step = scale * (self.factors[k] @ z)
        return self.centres[k] + step, jnp.all(~self.is_round | (jnp.abs(step) <= jnp.pi))


def _shorter(step: Array, is_round: Array) -> Array:
    return jnp.where(is_round, jnp.mod(step + jnp.pi, 2 * jnp.pi) - jnp.pi, step)


def _proposed(proposal: Proposal, own: Array, others: Array, key: Key[Array, ""]):
    """A walker's next place, and ln of the ratio of the proposals' densities backward over forward."""
    pick, size, spread, kind, jump, part = jax.random.split(key, 6)
    i, ahead = jax.random.randint(pick, (2,), jnp.array([0, 1]), len(others))
    difference = _shorter(others[i] - others[(i + ahead) % len(others)], proposal.is_round)
    goes = _some(own.shape, part)
    usual = 2.38 / jnp.sqrt(2.0 * jnp.sum(goes)) * jnp.exp(0.5 * jax.random.normal(size, dtype=own.dtype))
    whole, by_mixture = jax.random.uniform(kind, (2,), own.dtype)
    is_whole = whole < _WHOLE
    gain = jnp.where(is_whole, 1.0, jnp.where(goes, usual, 0.0))
    noise = 1 + _SPREAD * jax.random.normal(spread, own.shape, own.dtype)
    drawn, is_kept = proposal.draw(jump)
    ratio = jnp.where(is_kept, proposal.log_density(own) - proposal.log_density(drawn), -jnp.inf)
    jumps = by_mixture < _JUMPS
    return jnp.where(jumps, drawn, own + gain * difference * noise), jnp.where(jumps, ratio, 0.0)


def _some(shape, key: Key[Array, ""]) -> Array:
    """Which coordinates a step changes: at least one; few, many or all of them, equally often."""
    share, which, one = jax.random.split(key, 3)
    chance = jax.random.choice(share, jnp.array(_SHARES))
    drawn = jax.random.uniform(which, shape) < chance
    return drawn | (jnp.arange(shape[0]) == jax.random.randint(one, (), 0, shape[0]))


class Walkers(NamedTuple):
    """Where an ensemble is.

    Attributes:
        z: Coordinates.
        likelihood: ln likelihood there.
        prior: ln prior density there.
    """

    z: Float[Array, "*steps n m"]
    likelihood: Float[Array, "*steps n"]
    prior: Float[Array, "*steps n"]


@partial(jax.jit, static_argnames="batch_size")
def begun(coordinates, z: Float[Array, "n m"], batch_size: int = 32) -> Walkers:
    """Walkers at these places."""
    return Walkers(z, *jax.lax.map(coordinates.log_parts, z, batch_size=batch_size))


def _turn(coordinates, proposal: Proposal, own: Walkers, others: Array, power: Array, batch_size: int, key):
    """Walkers after a step each, and the share that was accepted."""
    ways, chance = jax.random.split(key)
    keys = jax.random.split(ways, len(own.z))
    z, ratio = jax.vmap(lambda x, k: _proposed(proposal, x, others, k))(own.z, keys)
    new = Walkers(z, *jax.lax.map(coordinates.log_parts, z, batch_size=batch_size))
    gain = power * (new.likelihood - own.likelihood) + new.prior - own.prior + ratio
    gain = jnp.where(jnp.isnan(gain), -jnp.inf, gain)
    taken = jnp.log(jax.random.uniform(chance, gain.shape, gain.dtype)) < gain
    shaped = (taken[:, None], taken, taken)
    own = Walkers(*(jnp.where(t, a, b) for t, a, b in zip(shaped, new, own, strict=True)))
    return own, jnp.mean(taken)


@partial(jax.jit, static_argnames=("n_steps", "batch_size"))
def guided(
    coordinates,
    proposal: Proposal,
    walkers: Walkers,
    others: Float[Array, "k m"],
    power: Float[Array, ""],
    *,
    n_steps: int,
    key: Key[Array, ""],
    batch_size: int = 32,
) -> tuple[Walkers, Float[Array, ""]]:
    """Where walkers go, after each step, while others stay whose differences they step along.

    Steps along differences are as likely backward, their noise being relative to the difference alone.

    Args:
        coordinates: A `Standard`, a `Comoving` or a `Numbered`.
        proposal: For jumps; of these others, or of what else does not know the walkers.
        walkers: Where they are.
        others: Where the others are.
        power: Of the likelihood.
        n_steps: Of every walker.
        key: Of all.
        batch_size: Walkers together.

    Returns:
        Walkers after each step, and the share of steps accepted.
    """

    def step(own, key):
        own, share = _turn(coordinates, proposal, own, others, power, batch_size, key)
        return own, (own, share)

    _, (steps, share) = jax.lax.scan(step, walkers, jax.random.split(key, n_steps))
    return steps, jnp.mean(share)


@partial(jax.jit, static_argnames=("n_steps", "batch_size"))
def moved(
    coordinates,
    proposal: Proposal,
    walkers: Walkers,
    power: Float[Array, ""],
    *,
    n_steps: int,
    key: Key[Array, ""],
    batch_size: int = 32,
) -> tuple[Walkers, Float[Array, ""]]:
    """As `guided`, of an even number of walkers whose halves step along each other's differences in turn."""
    half = walkers.z.shape[0] // 2

    def turn(state, key):
        own, other = state
        own, share = _turn(coordinates, proposal, own, other.z, power, batch_size, key)
        return (other, own), (own, share)

    state = (Walkers(*(x[:half] for x in walkers)), Walkers(*(x[half:] for x in walkers)))
    _, (steps, share) = jax.lax.scan(turn, state, jax.random.split(key, 2 * n_steps))
    # Turns alternate between the halves: two of them are a step of all.
    return Walkers(*(x.reshape(n_steps, -1, *x.shape[2:]) for x in steps)), jnp.mean(share)
