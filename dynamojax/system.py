"""The parameters of a star, its spots and its planets: modules whose every leaf is a float array.

Each module describes one system; a leading axis on every leaf makes a population, and `jax.vmap`
takes it apart. Units: K, dex, day, rad, R_sun, M_sun, pc. Directions: the observer is on +z, the
projected spin axis on +y, the receding limb of a prograde rotator at +x; inclination 0 is pole-on.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from dynamojax.constants import LOGG_SUN_DEX, M_EARTH_M_SUN, R_EARTH_R_SUN, TEFF_SUN_K
from dynamojax.numerics import as_float

if TYPE_CHECKING:  # which knows this one for a field that has no default
    from equinox import field as leaf
else:

    def leaf():
        """A traced parameter: a field that turns what it is given into a float array."""
        return eqx.field(converter=as_float)


def check_shapes(module: eqx.Module) -> None:
    """Raise ValueError unless all fields of a parameter module have one shape."""
    shapes = {name: getattr(value, "shape", None) for name, value in vars(module).items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(
            f"{type(module).__name__}: all fields need one common shape, got {shapes}; "
            "broadcast scalars with jnp.full before construction"
        )


class Star(eqx.Module):
    """One star, its rotation and the temperature contrasts of its active regions.

    Attributes:
        teff: Effective temperature of the photosphere. [K]
        logg: Surface gravity, log10 of cm/s2. [dex]
        feh: Metallicity. [dex]
        mass: [M_sun]
        radius: [R_sun]
        distance: [pc]
        prot: Equatorial rotation period. [day]
        inc: Inclination of the spin axis; 0 is pole-on, pi/2 equator-on. [rad]
        shear: Differential rotation, Omega(lat) = Omega_eq (1 - shear sin^2 lat). [1]
        spot_contrast: Photosphere minus spot temperature. [K]
        facula_contrast: Facula minus photosphere temperature at disc centre. [K]
        facula_ratio: Facular area over spot area; 0 is none. [1]
        rv: Systemic radial velocity, positive when it recedes. [km/s]
        convective_blueshift: Of the photosphere, in units of the Sun's. [1]
        macroturbulence: Radial-tangential, the velocity zeta at which exp(-(v / zeta)^2) falls to 1/e. [km/s]
        microturbulence: Microscopic broadening of lines beyond the grid's own, at every point of the surface:
            the velocity xi at which exp(-(v / xi)^2) falls to 1/e. [km/s]
        av: Interstellar extinction in V, by the law of the simulator. [mag]
    """

    teff: Float[Array, "*batch"] = leaf()
    logg: Float[Array, "*batch"] = leaf()
    feh: Float[Array, "*batch"] = leaf()
    mass: Float[Array, "*batch"] = leaf()
    radius: Float[Array, "*batch"] = leaf()
    distance: Float[Array, "*batch"] = leaf()
    prot: Float[Array, "*batch"] = leaf()
    inc: Float[Array, "*batch"] = leaf()
    shear: Float[Array, "*batch"] = leaf()
    spot_contrast: Float[Array, "*batch"] = leaf()
    facula_contrast: Float[Array, "*batch"] = leaf()
    facula_ratio: Float[Array, "*batch"] = leaf()
    rv: Float[Array, "*batch"] = leaf()
    convective_blueshift: Float[Array, "*batch"] = leaf()
    macroturbulence: Float[Array, "*batch"] = leaf()
    microturbulence: Float[Array, "*batch"] = leaf()
    av: Float[Array, "*batch"] = leaf()

    def __check_init__(self):
        check_shapes(self)

    @staticmethod
    def from_degrees(
        *,
        teff: ArrayLike = TEFF_SUN_K,
        logg: ArrayLike = LOGG_SUN_DEX,
        feh: ArrayLike = 0.0,
        mass: ArrayLike = 1.0,
        radius: ArrayLike = 1.0,
        distance: ArrayLike = 10.0,
        prot: ArrayLike = 25.38,
        inc_deg: ArrayLike = 90.0,
        shear: ArrayLike = 0.2,
        spot_contrast: ArrayLike = 1500.0,
        facula_contrast: ArrayLike = 50.0,
        facula_ratio: ArrayLike = 0.0,
        rv: ArrayLike = 0.0,
        convective_blueshift: ArrayLike = 1.0,
        macroturbulence: ArrayLike = 0.0,
        microturbulence: ArrayLike = 0.0,
        av: ArrayLike = 0.0,
    ) -> "Star":
        """A star in a person's units; what is not given is the Sun at 10 pc. Angles in degrees."""
        return Star(
            teff=teff,
            logg=logg,
            feh=feh,
            mass=mass,
            radius=radius,
            distance=distance,
            prot=prot,
            inc=jnp.deg2rad(as_float(inc_deg)),
            shear=shear,
            spot_contrast=spot_contrast,
            facula_contrast=facula_contrast,
            facula_ratio=facula_ratio,
            rv=rv,
            convective_blueshift=convective_blueshift,
            macroturbulence=macroturbulence,
            microturbulence=microturbulence,
            av=av,
        )


class SpotMap(eqx.Module):
    """Spots: spherical caps that emerge and decay, padded to a fixed number with radius 0.

    A spot at longitude 0 crosses the central meridian at t = 0; longitude grows with rotation.

    Attributes:
        lat: [rad]
        lon: Longitude at t = 0. [rad]
        radius: Angular radius at maximum, up to pi/2; 0 is no spot. [rad]
        t_max: Time of maximum area. [day]
        tau_emerge: Time scale of growth, before t_max. [day]
        tau_decay: Time scale of decay, after t_max. [day]
    """

    lat: Float[Array, "*batch n_spots"] = leaf()
    lon: Float[Array, "*batch n_spots"] = leaf()
    radius: Float[Array, "*batch n_spots"] = leaf()
    t_max: Float[Array, "*batch n_spots"] = leaf()
    tau_emerge: Float[Array, "*batch n_spots"] = leaf()
    tau_decay: Float[Array, "*batch n_spots"] = leaf()

    def __check_init__(self):
        check_shapes(self)

    @property
    def n_spots(self) -> int:
        """Number of places for spots, empty ones included."""
        return self.lat.shape[-1]

    @staticmethod
    def empty(n_spots: int = 0) -> "SpotMap":
        """A map of n_spots empty places."""
        zero, one = jnp.zeros(n_spots), jnp.ones(n_spots)
        return SpotMap(lat=zero, lon=zero, radius=zero, t_max=zero, tau_emerge=one, tau_decay=one)

    @staticmethod
    def from_degrees(
        lat_deg: ArrayLike | Sequence,
        lon_deg: ArrayLike | Sequence,
        radius_deg: ArrayLike | Sequence,
        *,
        t_max: ArrayLike | Sequence = 0.0,
        tau_emerge: ArrayLike | Sequence = np.inf,
        tau_decay: ArrayLike | Sequence = np.inf,
    ) -> "SpotMap":
        """Spots from sequences in degrees and days; scalars are broadcast, infinite times never change."""
        angles = (jnp.deg2rad(as_float(angle)) for angle in (lat_deg, lon_deg, radius_deg))
        return SpotMap(
            *jnp.broadcast_arrays(*jnp.atleast_1d(*angles, *map(as_float, (t_max, tau_emerge, tau_decay))))
        )

    def padded(self, n_spots: int) -> "SpotMap":
        """The same spots with empty places added up to n_spots."""
        missing = n_spots - self.n_spots
        if missing < 0:
            raise ValueError(f"n_spots = {n_spots} is below the {self.n_spots} spots present; raise it")
        empty = SpotMap.empty(missing)
        batch = self.lat.shape[:-1]
        return SpotMap(
            **{
                name: jnp.concatenate(
                    [value, jnp.broadcast_to(getattr(empty, name), (*batch, missing))], axis=-1
                )
                for name, value in vars(self).items()
            }
        )


class Planets(eqx.Module):
    """Planets on Keplerian orbits, padded to a fixed number with radius ratio 0.

    Attributes:
        radius_ratio: Planet over stellar radius; 0 is no planet. [1]
        mass: [M_sun]
        period: [day]
        t_transit: Time of an inferior conjunction. [day]
        inc: Inclination of the orbit; pi/2 is edge-on. [rad]
        ecc: Eccentricity, 0 <= ecc < 1. [1]
        omega: Argument of periastron of the star's orbit, as in radial-velocity work. [rad]
        obliquity: Sky-projected angle from the stellar spin axis to the orbit normal. [rad]
    """

    radius_ratio: Float[Array, "*batch n_planets"] = leaf()
    mass: Float[Array, "*batch n_planets"] = leaf()
    period: Float[Array, "*batch n_planets"] = leaf()
    t_transit: Float[Array, "*batch n_planets"] = leaf()
    inc: Float[Array, "*batch n_planets"] = leaf()
    ecc: Float[Array, "*batch n_planets"] = leaf()
    omega: Float[Array, "*batch n_planets"] = leaf()
    obliquity: Float[Array, "*batch n_planets"] = leaf()

    def __check_init__(self):
        check_shapes(self)

    @property
    def n_planets(self) -> int:
        """Number of places for planets, empty ones included."""
        return self.period.shape[-1]

    @staticmethod
    def empty(n_planets: int = 0) -> "Planets":
        """n_planets empty places."""
        zero, one = jnp.zeros(n_planets), jnp.ones(n_planets)
        return Planets(zero, zero, one, zero, 0.5 * jnp.pi * one, zero, zero, zero)

    @staticmethod
    def from_degrees(
        *,
        radius_earth: ArrayLike | Sequence,
        star_radius: ArrayLike,
        period: ArrayLike | Sequence,
        t_transit: ArrayLike | Sequence = 0.0,
        inc_deg: ArrayLike | Sequence = 90.0,
        ecc: ArrayLike | Sequence = 0.0,
        omega_deg: ArrayLike | Sequence = 90.0,
        obliquity_deg: ArrayLike | Sequence = 0.0,
        mass_earth: ArrayLike | Sequence = 0.0,
    ) -> "Planets":
        """Planets from sequences in Earth radii, Earth masses, days and degrees; scalars are broadcast."""
        return Planets(
            *jnp.broadcast_arrays(
                *jnp.atleast_1d(
                    as_float(radius_earth) * R_EARTH_R_SUN / star_radius,
                    as_float(mass_earth) * M_EARTH_M_SUN,
                    as_float(period),
                    as_float(t_transit),
                    jnp.deg2rad(as_float(inc_deg)),
                    as_float(ecc),
                    jnp.deg2rad(as_float(omega_deg)),
                    jnp.deg2rad(as_float(obliquity_deg)),
                )
            )
        )


class System(eqx.Module):
    """A star with its spots and planets: what the simulator takes."""

    star: Star
    spots: SpotMap
    planets: Planets


class Epochs(eqx.Module):
    """Times as whole days plus a fraction, so that float32 keeps milliseconds over decades.

    Attributes:
        day: Whole days, exact in float32 up to 16 million. [day]
        fraction: In [0, 1). [day]
    """

    day: Float[Array, " n_times"] = leaf()
    fraction: Float[Array, " n_times"] = leaf()

    @staticmethod
    def from_days(times) -> "Epochs":
        """Split float64 days, counted from the epoch of the parameters, on the host."""
        times = np.asarray(times, dtype=np.float64)
        day = np.floor(times)
        return Epochs(day=day, fraction=times - day)
