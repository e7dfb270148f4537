"""Coordinates in which what a light curve measures is straight: how fast and how deep its spots go round.

Data hold the rates of single spots, to the error of a longitude over the time span; the equatorial
period, the shear and the latitudes are then tied to each other along narrow curved ridges, on which
proposals and walkers get stuck. The rates' mean and difference of the first two spots, in place of period
and shear, unbend them. The depth of a spot's wave is held as well, to a percent, and not the radius, the
latitude and the inclination that make it: ln radius + ln(sin inc cos lat) / 2 takes the radius's place.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.inference.standard import Standard

_LEAST = 0.02  # of sin inc cos lat


class Comoving(eqx.Module):
    """Standard coordinates; period and shear replaced if two latitudes are free, radii if inc or lat is.

    Attributes:
        standard: Where they come from.
        span: Of the data. [day]
        pair: Columns of period and shear; empty where nothing is replaced, static.
        lats: Columns of the two spots' latitudes, static.
        inc: Column of the inclination; -1 if it is held, static.
        sizes: Columns of radii that are replaced, and of their latitudes or -1, static.
        known: The same parameters with a part of the data, which counts as prior; None if there is none.
    """

    standard: Standard
    span: float = eqx.field(static=True)
    pair: tuple[int, ...] = eqx.field(static=True)
    lats: tuple[int, ...] = eqx.field(static=True)
    inc: int = eqx.field(static=True)
    sizes: tuple[tuple[int, int], ...] = eqx.field(static=True)
    known: Standard | None = None

    @staticmethod
    def of(standard: Standard, known: Standard | None = None) -> "Comoving":
        """On the host; of systems with one star only."""
        p = standard.problem.parameters
        at = {p.places[j]: i for i, j in enumerate(standard.active)}
        pair = tuple(at.get(("", "star", name, None), -1) for name in ("prot", "shear"))
        lats = tuple(
            i for (root, owner, field, _), i in at.items() if (root, owner, field) == ("", "spots", "lat")
        )
        is_whole = min(pair) >= 0 and len(lats) >= 2
        where = [np.ptp(np.asarray(d.where)) for sets in standard.problem.study.data.values() for d in sets]
        span = float(max([x for x in where if x > 1.0], default=1.0))
        inc = at.get(("", "star", "inc", None), -1)
        found = [
            (i, at.get((root, owner, "lat", index), -1))
            for (root, owner, field, index), i in at.items()
            if (root, owner, field) == ("", "spots", "radius")
        ]
        sizes = tuple(both for both in found if max(inc, both[1]) >= 0)
        pair, lats = (pair, lats[:2]) if is_whole else ((), ())
        return Comoving(standard, span, pair, lats, inc, sizes, known)

    def _of(self, z: Array, columns: tuple[int, ...]) -> Array:
        active = np.array(self.standard.active)[np.array(columns, int)]
        return self.standard.inside(z)[active]

    def to(self, z: Float[Array, " m"]) -> Float[Array, " m"]:
        """From standard coordinates."""
        y = z
        if self.sizes:
            radii = tuple(i for i, _ in self.sizes)
            y = y.at[np.array(radii)].set(jnp.log(self._of(z, radii)) + self._depths(z))
        if not self.pair:
            return y
        (prot, shear), lat = self._of(z, self.pair), self._of(z, self.lats)
        rate = 2 * jnp.pi / prot
        rates = rate * (1 - shear * jnp.sin(lat) ** 2)
        new = self.span * jnp.stack([0.5 * (rates[0] + rates[1]), rates[1] - rates[0]])
        return y.at[np.array(self.pair)].set(new)

    def _depths(self, z: Array) -> Array:
        """Half of ln(sin inc cos lat) of each spot, held where it would run away; what is fixed counts 1."""
        there = [self._of(z, (i,))[0] if i >= 0 else 0.0 for _, i in self.sizes]
        across = jnp.sin(self._of(z, (self.inc,))[0]) if self.inc >= 0 else 1.0
        return 0.5 * jnp.log(_LEAST + jnp.abs(across * jnp.cos(jnp.stack(jnp.broadcast_arrays(*there)))))

    def back(self, y: Float[Array, " m"]) -> Float[Array, " m"]:
        """Standard coordinates; NaN where no period and shear between the bounds make such rates."""
        return self._back(y)[0]

    def _back(self, y: Array) -> tuple[Array, Array]:
        """And ln of the change of volume."""
        y, volume = self._radii(y)
        if not self.pair:
            return y, volume
        columns = np.array(self.pair)
        sines = jnp.sin(self._of(y, self.lats)) ** 2
        start = self.standard.problem.parameters.start
        places = np.array(self.standard.active)[columns]

        def pair_of(two):
            mean, difference = two / self.span
            slowing = -difference / (sines[1] - sines[0])
            rate = mean + 0.5 * slowing * (sines[0] + sines[1])
            values = jnp.stack([2 * jnp.pi / rate, slowing / rate])
            return self.standard.outside(start.at[places].set(values), unclipped=True)[columns]

        two = y[columns]
        slopes = jax.jacfwd(pair_of)(two)
        det = slopes[0, 0] * slopes[1, 1] - slopes[0, 1] * slopes[1, 0]
        return y.at[columns].set(pair_of(two)), volume + jnp.log(jnp.abs(det))

    def _radii(self, y: Array) -> tuple[Array, Array]:
        """With radii in standard coordinates, and ln of the change of volume."""
        if not self.sizes:
            return y, jnp.zeros((), y.dtype)
        columns = np.array([i for i, _ in self.sizes])
        start = self.standard.problem.parameters.start
        places = np.array(self.standard.active)[columns]

        def of(ln_radius):
            values = start.at[places].set(jnp.exp(ln_radius))
            return self.standard.outside(values, unclipped=True)[columns]

        ln_radius = y[columns] - self._depths(y)
        z, slope = jax.jvp(of, (ln_radius,), (jnp.ones_like(ln_radius),))
        return y.at[columns].set(z), jnp.sum(jnp.log(jnp.abs(slope)))

    def log_parts(self, y: Float[Array, " m"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Natural logs of likelihood and prior density in these coordinates; NaN where there is none."""
        z, volume = self._back(y)
        likelihood, prior = self.standard.log_parts(z)
        if self.known is not None:
            before, _ = self.known.log_parts(z)
            likelihood, prior = likelihood - before, prior + before
        return likelihood, prior + volume

    def log_density(self, y: Float[Array, " m"]) -> Float[Array, ""]:
        """Their sum."""
        likelihood, prior = self.log_parts(y)
        return likelihood + prior


@jax.jit
def straightened(comoving: Comoving, z: Float[Array, "n m"]) -> Float[Array, "n m"]:
    """Of many standard coordinates."""
    return jax.vmap(comoving.to)(z)


@jax.jit
def with_slopes(
    comoving: Comoving, z: Float[Array, "n m"]
) -> tuple[Float[Array, "n m"], Float[Array, "n m m"]]:
    """Of many standard coordinates, and their slopes by these."""
    return jax.vmap(comoving.to)(z), jax.vmap(jax.jacfwd(comoving.to))(z)
