"""How finely the disc is sampled for spectra: as rotation, spots and the spectrograph ask for."""

import math
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dynamojax.constants import C_KM_S
from dynamojax.splines import SPLINE_REACH
from dynamojax.surface.convection import Convection
from dynamojax.surface.geometry import fastest_rotation
from dynamojax.system import Star

FASTEST_KM_S = 3000.0  # room that velocity kernels may have
_USUAL_SPOT = math.radians(10)
_SLACK, _SLACK_KM_S = 1.001, 1e-3  # rounding of what nodes were counted for


def velocity_parts(star: Star, convection: Convection) -> dict[str, float]:
    """What room on the disc a star needs, by the leaf it comes from, on the host. [km/s]"""
    return {
        "prot": float(jnp.abs(fastest_rotation(star))),
        "convective_blueshift": float(
            jnp.sum(jnp.abs(convection.shift)) * jnp.abs(star.convective_blueshift)
        ),
        **{name: 3 * float(getattr(star, name)) for name in ("macroturbulence", "microturbulence")},
    }


class DiscNodes(NamedTuple):
    """Numbers of nodes, as in `DiscConfig`."""

    disc: tuple[int, int]
    cap: tuple[int, int]
    planet: tuple[int, int]


class DiscConfig(eqx.Module):
    """How finely the disc is sampled for spectra: static, no leaves.

    The more elements of resolution rotation spreads the disc over, and a spot upon it, the more nodes keep
    spectra within 1e-4: `vsini`, `spot_radius` and `resolution` say for which stars and which spectrograph.
    Numbers of nodes that are given hold instead.

    Attributes:
        n_disc: Nodes of the immaculate disc, across and along the projected spin axis; found if left out.
        n_cap: Rings of each spot and facula, and nodes of a ring; found if left out. Overlapping spots that
            count once share somewhat more (`union_nodes`).
        n_planet: A third of the slices of a planet, and nodes of a slice; the spots behind it share as many
            slices again, and four for each spot on the star, or eight if overlapping spots count once. Found
            if left out.
        max_velocity: Largest velocity on the disc, turbulence included, that kernels have room for;
            a star that needs more is not valid. [km/s]
        vsini: Largest rotation velocity on the disc, as from `Simulator.sized_for`: a faster star is not
            valid; max_velocity if left out. [km/s]
        spot_radius: Of the widest spot or facula, as from `sized_for`: a star with a wider one is not valid.
            If left out there are nodes for 10 deg, and any is valid: 3e-3 at 40 deg and 100 km/s in APOGEE.
            [rad]
        resolution: Resolving power, for `disc_spectra` by itself; a simulator takes that of each of its
            spectrographs.
    """

    n_disc: tuple[int, int] | None = eqx.field(static=True, default=None)
    n_cap: tuple[int, int] | None = eqx.field(static=True, default=None)
    n_planet: tuple[int, int] | None = eqx.field(static=True, default=None)
    max_velocity: float | int = eqx.field(static=True, default=120.0)
    vsini: float | int | None = eqx.field(static=True, default=None)
    spot_radius: float | int | None = eqx.field(static=True, default=None)
    resolution: float | int = eqx.field(static=True, default=22_500.0)

    def __check_init__(self):
        for name in ("n_disc", "n_cap", "n_planet"):
            value = getattr(self, name)
            if value is not None and (len(value) != 2 or min(value) < 1):
                raise ValueError(f"{name} = {value} must be two whole numbers from 1")
        for name in ("vsini", "spot_radius", "resolution"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"{name} = {value}, allowed: [0, inf)")
        if not 0 < self.max_velocity < FASTEST_KM_S:
            raise ValueError(f"max_velocity = {self.max_velocity} km/s, allowed: (0, {FASTEST_KM_S:g})")

    def nodes(self) -> "DiscNodes":
        """The numbers of nodes, given or found.

        Accuracy: 5e-5 in LAMOST and APOGEE, vsini 0 to 100 km/s, shear 0.4, one spot of up to 40 deg or
            several of up to 20, overlapping or not, at 5500 K; see tests/observables/test_disc_nodes.py. Not
            measured for finer spectrographs at such speeds (vsini R / c above 7.5).
        """
        vsini = self.max_velocity if self.vsini is None else min(self.vsini, self.max_velocity)
        elements = self.resolution * vsini / C_KM_S  # from the disc's centre to its limb
        radius = _USUAL_SPOT if self.spot_radius is None else self.spot_radius
        size = math.sin(min(radius, 0.5 * math.pi))
        across = elements * size
        least = max(2, math.ceil(6 * size)), 6 + math.ceil(5 * size)
        n_disc = math.ceil(10 + 7.2 * elements), 12 + int(0.5 * elements)
        n_cap = max(least[0], 1 + math.ceil(1.5 * across)), max(least[1], 4 + math.ceil(9 * across))
        n_planet = max(24, math.ceil(3.1 * elements)), n_disc[1]
        return DiscNodes(self.n_disc or n_disc, self.n_cap or n_cap, self.n_planet or n_planet)

    @property
    def fastest(self) -> float:
        """Rotation velocity up to which there are nodes; kernels have a room of their own. [km/s]"""
        return math.inf if self.vsini is None else _SLACK * self.vsini + _SLACK_KM_S

    def suits(self, star: Star, half_sine: Float[Array, " n_caps"]) -> Bool[Array, ""]:
        """Whether there are nodes for this rotation and these caps, sin(r/2) of their radii."""
        fits = jnp.abs(fastest_rotation(star)) <= self.fastest
        if self.spot_radius is not None:
            fits &= jnp.max(half_sine, initial=0) <= _SLACK * math.sin(0.5 * self.spot_radius)
        return fits

    def room(self, ln_step: float) -> int:
        """Samples on either side that shifts and widths together may take."""
        return self.reach(ln_step) - SPLINE_REACH

    def reach(self, ln_step: float) -> int:
        """Samples on either side of a velocity kernel."""
        return int(self.max_velocity / C_KM_S / ln_step) + SPLINE_REACH + 2
