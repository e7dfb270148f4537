"""Coordinates in which what a light curve measures is straight: how fast, deep and long its waves are.

Data hold the mean rate of the spots, to the error of a longitude over the time span, and the depth of a
spot's wave, to a percent; period, shear, radius, latitude and inclination are then tied to each other along
curved ridges, on which proposals and walkers get stuck. So the mean rate takes the period's place, and the
spread of the rates the shear's: it is prior that ends where spots are alike in latitude and tell no shear.
ln radius + ln(sin inc cos lat) / 2 takes the radius's. How long a small spot is in sight goes by
tan(lat) / tan(inc): as arsinh, for spots always in sight, it takes the latitude's, so that all stay when the
inclination changes.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.inference.standard import Standard

_LEAST = 0.02  # of sin inc cos lat
_ALIKE = 0.05  # of sin^2 lat: spots nearer to each other tell no shear
_NEAR = 0.2  # of cot inc: nearer to the equator light does not tell where a spot is


class Comoving(eqx.Module):
    """Standard coordinates; period and shear replaced if both and a latitude are free, the others with inc.

    Attributes:
        standard: Where they come from.
        span: Of the data. [day]
        rates: Columns of period and shear; empty where they are not replaced, static.
        lats: Columns of latitudes, static.
        inc: Column of the inclination; -1 if it is held, static.
        sizes: Columns of radii that are replaced, and of their latitudes or -1, static.
        known: The same parameters with a part of the data, which counts as prior; None if there is none.
    """

    standard: Standard
    span: float = eqx.field(static=True)
    rates: tuple[int, ...] = eqx.field(static=True)
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
        where = [np.ptp(np.asarray(d.where)) for sets in standard.problem.study.data.values() for d in sets]
        span = float(max([x for x in where if x > 1.0], default=1.0))
        inc = at.get(("", "star", "inc", None), -1)
        found = [
            (i, at.get((root, owner, "lat", index), -1))
            for (root, owner, field, index), i in at.items()
            if (root, owner, field) == ("", "spots", "radius")
        ]
        sizes = tuple(both for both in found if max(inc, both[1]) >= 0)
        rates = pair if min(pair) >= 0 and lats else ()
        return Comoving(standard, span, rates, lats, inc, sizes, known)

    @property
    def _tilted(self) -> tuple[int, ...]:
        return self.lats if self.inc >= 0 else ()

    @property
    def _radii(self) -> tuple[int, ...]:
        return tuple(i for i, _ in self.sizes)

    def _of(self, z: Array, columns: tuple[int, ...]) -> Array:
        active = np.array(self.standard.active)[np.array(columns, int)]
        return self.standard.inside(z)[active]

    def to(self, z: Float[Array, " m"]) -> Float[Array, " m"]:
        """From standard coordinates."""
        y = z
        if self._tilted:
            tilts = jnp.arcsinh(jnp.tan(self._of(z, self.lats)) * self._cot(z))
            y = y.at[np.array(self.lats)].set(tilts)
        if self.sizes:
            y = y.at[np.array(self._radii)].set(jnp.log(self._of(z, self._radii)) + self._depths(z))
        if self.rates:
            (prot, shear), (mean, spread) = self._of(z, self.rates), self._sines(z)
            rate = 2 * jnp.pi * self.span / prot * (1 - shear * mean)
            y = y.at[np.array(self.rates)].set(jnp.stack([rate, shear * spread]))
        return y

    def _cot(self, z: Array) -> Array:
        """Of the inclination, held away from zero."""
        inc = self._of(z, (self.inc,))[0]
        return jnp.sqrt((jnp.cos(inc) / jnp.sin(inc)) ** 2 + _NEAR**2)

    def _depths(self, z: Array) -> Array:
        """Half of ln(sin inc cos lat) of each spot, held where it would run away; what is fixed counts 1."""
        there = [self._of(z, (i,))[0] if i >= 0 else 0.0 for _, i in self.sizes]
        across = jnp.sin(self._of(z, (self.inc,))[0]) if self.inc >= 0 else 1.0
        return 0.5 * jnp.log(_LEAST + jnp.abs(across * jnp.cos(jnp.stack(jnp.broadcast_arrays(*there)))))

    def _sines(self, z: Array) -> tuple[Array, Array]:
        """Mean of sin^2 lat of the spots and its spread, held away from zero."""
        sines = jnp.sin(self._of(z, self.lats)) ** 2
        mean = jnp.mean(sines)
        return mean, jnp.sqrt(jnp.mean((sines - mean) ** 2) + _ALIKE**2)

    def back(self, y: Float[Array, " m"]) -> Float[Array, " m"]:
        """Standard coordinates; NaN where no parameters between the bounds have such."""
        return self._back(y)[0]

    def _back(self, y: Array) -> tuple[Array, Array]:
        """And ln of the change of volume: each step needs what the steps before have found."""
        total = jnp.zeros((), y.dtype)
        if self._tilted:
            y, volume = self._undone(y, self.lats, lambda tilt: jnp.arctan(jnp.sinh(tilt) / self._cot(y)))
            total = total + volume
        if self.sizes:
            y, volume = self._undone(y, self._radii, lambda depth: jnp.exp(depth - self._depths(y)))
            total = total + volume
        if self.rates:
            mean, spread = self._sines(y)
            prot, shear = self.rates
            y, volume = self._undone(y, (shear,), lambda x: x / spread)
            slowed = 2 * jnp.pi * self.span * (1 - self._of(y, (shear,)) * mean)
            y, more = self._undone(y, (prot,), lambda rate: slowed / rate)
            total = total + volume + more
        return y, total

    def _undone(
        self, y: Array, columns: tuple[int, ...], of: Callable[[Array], Array]
    ) -> tuple[Array, Array]:
        """With standard coordinates of what these columns say, each by itself; ln of the change of volume."""
        at = np.array(columns)
        places = np.array(self.standard.active)[at]
        start = self.standard.problem.parameters.start

        def standard(new):
            return self.standard.outside(start.at[places].set(of(new)), unclipped=True)[at]

        z, slope = jax.jvp(standard, (y[at],), (jnp.ones_like(y[at]),))
        return y.at[at].set(z), jnp.sum(jnp.log(jnp.abs(slope)))

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
