"""All that a population is drawn from, in one module whose every part can be replaced."""

import equinox as eqx
from jaxtyping import Array, Float

from dynamojax.numerics import as_float
from dynamojax.population.activity import AbstractSpots, kepler_spots
from dynamojax.population.ages import kepler_ages
from dynamojax.population.binaries import Binaries
from dynamojax.population.distributions import AbstractDistribution, Isotropic, Normal
from dynamojax.population.masses import kepler_masses
from dynamojax.population.original import (
    OriginalSpots,
    original_ages,
    original_feh,
    original_masses,
    original_rotation,
    original_shear,
)
from dynamojax.population.planets import PlanetarySystems
from dynamojax.population.rotation import (
    AbstractRotation,
    RelativeShear,
    ShearLaw,
    kepler_rotation,
    kepler_shear,
)
from dynamojax.population.sight import Sight, kepler_sight
from dynamojax.surface.activity import Emergence
from dynamojax.system import leaf


class Prior(eqx.Module):
    """What stars, and what about them, are drawn from.

    A star off the tracks, or outside the bounds of teff and logg, is drawn again with its own key, up to
    max_tries times; so masses, metallicities and ages are those of stars within the bounds. Replace a part
    by `dataclasses.replace(prior, age=...)`.

    Attributes:
        mass: Initial mass. [M_sun]
        feh: Initial metallicity. [dex]
        age: [Gyr]
        inclination: Of the spin axis, 0 pole-on. [rad]
        rotation: Period from mass, metallicity and age.
        shear: Differential rotation from the period.
        spots: Activity, contrasts and cycle.
        sight: Brightness, distance, dust, velocity.
        teff_low: Coolest star. [K]
        teff_high: Hottest star. [K]
        logg_low: Most extended star. [dex]
        logg_high: Most compact star. [dex]
        start: First epoch at which spots are wanted. [day]
        stop: Last epoch. [day]
        planets: None for none.
        binaries: None for single stars.
        emergence: Static choices of the emergence of spots, number of places included.
        light_power: How much rather a survey by brightness sees the luminous ages of a star of some mass:
            power of the luminosity, 1.5 in even and empty space, 0 for a sample by volume.
        max_tries: Draws of mass, metallicity and age before a star is given up.
        n_ages: Ages drawn at each try, of which one is taken by its luminosity; 1 takes it as it comes.
    """

    mass: AbstractDistribution
    feh: AbstractDistribution
    age: AbstractDistribution
    inclination: AbstractDistribution
    rotation: AbstractRotation
    shear: ShearLaw | RelativeShear
    spots: AbstractSpots
    sight: Sight
    teff_low: Float[Array, ""] = leaf()
    teff_high: Float[Array, ""] = leaf()
    logg_low: Float[Array, ""] = leaf()
    logg_high: Float[Array, ""] = leaf()
    start: Float[Array, ""] = leaf()
    stop: Float[Array, ""] = leaf()
    emergence: Emergence
    planets: PlanetarySystems | None = None
    binaries: Binaries | None = None
    light_power: Float[Array, ""] = eqx.field(converter=as_float, default=0.0)
    max_tries: int = eqx.field(static=True, default=32)
    n_ages: int = eqx.field(static=True, default=1)

    @staticmethod
    def kepler(
        *,
        start: float | int = 0.0,
        stop: float | int = 90.0,
        n_spots: int = 200,
        planets: PlanetarySystems | None = None,
        binaries: Binaries | None = None,
    ) -> "Prior":
        """Main-sequence stars and subgiants as Kepler observed them.

        Args:
            start: First epoch. [day]
            stop: Last epoch. [day]
            n_spots: Places for spots; `sized_for` says how many a window needs.
            planets: Such as `kepler_planets()`; a light curve with transits in front of spots costs a
                hundred times as much.
            binaries: Such as `kepler_binaries()`.

        Source: [Fe/H] of Kepler's dwarfs, whose mean in 610 of them is -0.045 +- 0.009 (Guo et al. 2017, ApJ
            838, 25, abstract), which is a spread of 0.22 dex, errors included. Ages are weighted by
            luminosity, power 1.0: a star twice as bright is seen 1.2 times as far through 0.5 mag/kpc of
            dust, and 1 kpc away its density falls as distance^-0.6 (scale height of Girardi et al. 2005, A&A
            436, 895, for 3 Gyr at a latitude of 14 deg), hence 2^(2.4 * 0.83 / 2). The rest is beside each
            part.
        """
        return Prior(
            mass=kepler_masses(),
            feh=Normal(-0.04, 0.2, -2.0, 0.49),
            age=kepler_ages(),
            inclination=Isotropic(),
            rotation=kepler_rotation(),
            shear=kepler_shear(),
            spots=kepler_spots(),
            sight=kepler_sight(),
            teff_low=3000.0,
            teff_high=7200.0,
            logg_low=3.5,
            logg_high=5.3,
            start=start,
            stop=stop,
            planets=planets,
            binaries=binaries,
            emergence=Emergence(n_spots=n_spots, n_sizes=3, modulation="cycle"),
            light_power=1.0,
            n_ages=8,
        )

    @staticmethod
    def original(*, start: float | int = 0.0, stop: float | int = 90.0, n_spots: int = 800) -> "Prior":
        """The distributions of the original system, to compare with; no recommendation.

        Its tracks are fastlaunch, whose periods it takes; here periods are those that it draws where tracks
        have none, and the tracks are what the caller passes. [alpha/Fe] is left out, and latitudes drift in
        all stars, where it has 80 %. Brightness and contrasts are those of `kepler`, its own contrasts being
        a defect.

        Args:
            start: First epoch. [day]
            stop: Last epoch. [day]
            n_spots: Places for spots.
        """
        return Prior(
            mass=original_masses(),
            feh=original_feh(),
            age=original_ages(),
            inclination=Isotropic(),
            rotation=original_rotation(),
            shear=original_shear(),
            spots=OriginalSpots.build(),
            sight=kepler_sight(),
            teff_low=3000.0,
            teff_high=7200.0,
            logg_low=3.5,
            logg_high=5.3,
            start=start,
            stop=stop,
            emergence=Emergence(n_spots=n_spots, modulation="cycle"),
        )
