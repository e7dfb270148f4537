"""Radial velocities of a spotted star with planets, flux-weighted, at the speed of a light curve.

What is measured is the mean velocity of the light, sum(I v) / sum(I) over the disc. It is what a line
profile's centroid shows; a fit to a line or a correlation weights the profile otherwise.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dynamojax.numerics import safe_divide, weighted_sum
from dynamojax.observables.photometry import BandPolynomials, disc_flux, hidden_light
from dynamojax.planets.encounters import CrossingConfig, crossing_sums
from dynamojax.planets.nodes import Nodes, hidden_cap_nodes, hides_all, planet_nodes
from dynamojax.planets.orbit import planet_positions, reflex_velocity
from dynamojax.surface.convection import Convection
from dynamojax.surface.geometry import equatorial_velocity, relative_rotation
from dynamojax.surface.moments import SurfaceConfig, SurfaceMoments, caps_by_index, over_epochs
from dynamojax.surface.velocity_moments import velocity_moments
from dynamojax.system import Epochs, Planets, Star, System

# Slices, a third of those that the spots behind a planet share, and nodes of a slice.
_CROSSING_NODES = (16, 8)


class VelocitySeries(eqx.Module):
    """Radial velocity of one star in each band, positive when it recedes, term by term.

    Attributes:
        rotation: From the rotating surface that spots and faculae make uneven. [km/s]
        convection: Relative to the immaculate star, whose shift is `blueshift`. [km/s]
        transit: From what planets hide, spots and faculae too (Rossiter-McLaughlin). [km/s]
        reflex: Of the star about the barycentre. [km/s]
        systemic: Of the barycentre. [km/s]
        blueshift: Convective shift of the immaculate star; in none of the other terms. [km/s]
        flux: Relative to the immaculate star without planets. [1]
        valid: Whether every stage held; NaN where not. A total eclipse is none of them: flux is 0 then, and
            rotation, convection and transit are NaN for as long as there is no light.
    """

    rotation: Float[Array, "n_bands n_times"]
    convection: Float[Array, "n_bands n_times"]
    transit: Float[Array, "n_bands n_times"]
    reflex: Float[Array, " n_times"]
    systemic: Float[Array, ""]
    blueshift: Float[Array, " n_bands"]
    flux: Float[Array, "n_bands n_times"]
    valid: Bool[Array, ""]

    @property
    def is_lit(self) -> Bool[Array, "*batch n_bands n_times"]:
        """Whether any light is left whose velocity could be measured."""
        return self.flux != 0

    @property
    def total(self) -> Float[Array, "*batch n_bands n_times"]:
        """Sum of all terms but the immaculate star's blueshift, of one star or of many. [km/s]"""
        of_star = self.reflex[..., None, :] + self.systemic[..., None, None]
        return self.rotation + self.convection + self.transit + of_star


def _times_shift(a: Float[Array, "n_bands n"], shift: Float[Array, " n_powers"]) -> Float[Array, "n_bands m"]:
    """Coefficients of I(mu) mu v(mu)."""
    n = shift.shape[0] - 1
    return jnp.sum(jnp.stack([c * jnp.pad(a, ((0, 0), (j, n - j))) for j, c in enumerate(shift)]), axis=0)


def _seen(
    a: Float[Array, "n_bands n"], moments: Float[Array, "m n_times"]
) -> Float[Array, "n_bands n_times"]:
    """Sum over the first n moments."""
    return weighted_sum(a, moments[: a.shape[-1]])


def _hidden(bands: BandPolynomials, spot: Array, facula: Array) -> Float[Array, "n_bands n_times"]:
    """Difference to the immaculate disc, from as many moments as there are coefficients."""
    n = bands.photosphere.shape[-1]
    return hidden_light(
        bands, SurfaceMoments(spot[:n], facula[:n], jnp.broadcast_to(bands.valid, spot.shape[1:]))
    )


def _with_shift(bands: BandPolynomials, convection: Convection, scale: Float[Array, ""]) -> BandPolynomials:
    """Intensities times their convective shifts."""
    shift = scale * convection.shift
    spot, facula = 1 - convection.spot_inhibition, 1 - convection.facula_inhibition
    return BandPolynomials(
        _times_shift(bands.photosphere, shift),
        spot * _times_shift(bands.spot, shift),
        facula * _times_shift(bands.facula, shift),
        bands.valid,
    )


def _sums(star: Star, nodes: Nodes, n_light: int, n: int) -> Array:
    """Moments of light and of rotation of nodes, one after the other. [1]"""
    points, angle = nodes
    powers = points[2] ** jnp.arange(1, n_light + 1, dtype=angle.dtype)[:, None]
    moving = angle * relative_rotation(star, points)
    return jnp.concatenate([jnp.sum(powers * angle, axis=1), jnp.sum(powers[:n] * moving, axis=1)])


def _behind_planets(
    star: Star, planets: Planets, epochs: Epochs, n: int, n_light: int, n_nodes: tuple[int, int]
) -> Float[Array, "m n_times"]:
    """Moments of light and of rotation of what planets hide of the immaculate disc; planets add up."""
    positions = planet_positions(star, planets, epochs)
    if not planets.n_planets:
        return jnp.zeros((n_light + n, epochs.day.shape[0]), epochs.fraction.dtype)

    def one(x, y, z, p):
        return _sums(star, planet_nodes(x, y, z, p, *n_nodes), n_light, n)

    over_times = jax.vmap(one, (0, 0, 0, None))
    return jnp.sum(jax.vmap(over_times)(*positions, planets.radius_ratio), axis=0).T


def _spots_behind_planets(
    system: System, epochs: Epochs, surface: SurfaceConfig, n: int, n_light: int, room: CrossingConfig
) -> tuple[Float[Array, "m n_times"], Float[Array, "m n_times"], Bool[Array, ""]]:
    """The same of the spots and of the faculae behind planets, and whether there was room."""
    star, planets = system.star, system.planets
    if not planets.n_planets or not system.spots.n_spots:
        none = jnp.zeros((n_light + n, epochs.day.shape[0]), epochs.fraction.dtype)
        return none, none, jnp.asarray(True)

    def hidden(planet, position, half_sine):
        nodes = hidden_cap_nodes(*planet, position, half_sine, *_CROSSING_NODES, is_union=True)
        return _sums(star, nodes, n_light, n)

    def of(faculae):
        positions, p = planet_positions(star, planets, epochs), planets.radius_ratio
        caps = caps_by_index(surface, epochs, star, system.spots, faculae=faculae)
        return crossing_sums(*positions, p, caps, hidden, room)

    spot, fits = of(faculae=False)
    if not surface.faculae:
        return spot, jnp.zeros_like(spot), fits
    both, both_fit = of(faculae=True)
    return spot, both - spot, fits & both_fit


def _all_behind_planets(
    system: System,
    epochs: Epochs,
    surface: SurfaceConfig,
    sizes: tuple[int, int],
    n_nodes: tuple[int, int],
    room: CrossingConfig,
) -> tuple[Array, Array, Array, Bool[Array, ""]]:
    """Moments (m, n_times) of the disc, spots and faculae behind planets, and whether there was room."""
    disc = over_epochs(
        lambda part: _behind_planets(system.star, system.planets, part, *sizes, n_nodes),
        epochs,
        surface.times_per_step,
    )
    return disc, *_spots_behind_planets(system, epochs, surface, *sizes, room)


def _gone(bands: BandPolynomials, moving: BandPolynomials, behind, n_light: int) -> tuple[Array, ...]:
    """Light that planets hide, and what it carries of rotation and of convection, (n_bands, n_times) each."""
    disc, spot, facula, _ = behind
    light = _seen(bands.photosphere, disc) - _hidden(bands, spot, facula)
    turning = _seen(bands.photosphere, disc[n_light:]) - _hidden(bands, spot[n_light:], facula[n_light:])
    return light, turning, _seen(moving.photosphere, disc) - _hidden(moving, spot, facula)


def _is_possible(system: System, epochs: Epochs, surface: SurfaceConfig) -> Bool[Array, ""]:
    """Whether regions are caps of at most a hemisphere, and times are numbers."""
    radius, ratio = system.spots.radius, system.star.facula_ratio if surface.faculae else 0
    most = 1 + 8 * jnp.finfo(radius.dtype).eps
    rim = 2 * (1 + ratio) * jnp.sin(0.5 * radius) ** 2
    fits = (radius >= 0) & (radius <= 0.5 * jnp.pi * most) & (rim <= most)
    return jnp.all(fits) & jnp.all(jnp.isfinite(epochs.day + epochs.fraction))


def _is_dark(system: System, epochs: Epochs) -> Bool[Array, " n_times"]:
    """When one planet hides the whole disc."""
    positions = planet_positions(system.star, system.planets, epochs)
    return jnp.any(hides_all(*positions, system.planets.radius_ratio[:, None]), axis=0)


def room_for_all(room: CrossingConfig, system: System, n_times: int) -> CrossingConfig:
    """With room for every epoch to be in transit, unless the room says how many may be."""
    n = room.n_epochs or max(1, n_times * system.planets.n_planets)
    return dataclasses.replace(room, n_epochs=n)


def velocity_series(
    system: System,
    epochs: Epochs,
    bands: BandPolynomials,
    surface: SurfaceConfig,
    convection: Convection,
    *,
    n_nodes: tuple[int, int] = (8, 12),
    room: CrossingConfig | None = None,
) -> VelocitySeries:
    """Radial velocities of one system in every band.

    The velocity is that of the light: no small-spot approximation, the flux that remains is divided by.
    What planets hide is in `transit`: spots behind them are counted as seen in the other terms. Where a
    planet hides the whole disc, flux is exactly 0 and no light has a velocity: NaN. Impossible radii of
    spots and times that are no numbers are not valid.

    Args:
        system: One system.
        epochs: Times.
        bands: Intensities of its parts, as from `Simulator.polynomials`.
        surface: How the surface is computed.
        convection: Its shift across the disc.
        n_nodes: A third of the slices of a planet's disc, and nodes of a slice.
        room: For planets in front of spots; room for all epochs to be in transit if left out.

    Gradients: exact, first order; finite everywhere.
    Accuracy: rounding, and with shear that of `velocity_moments`; what planets hide of spots by quadrature
        on nodes that follow both, within 1e-3 of the largest velocity for radius ratios of 0.15
        to 1.2 and spots of 1 to 40 deg. See tests/observables.
    """
    star, n = system.star, bands.photosphere.shape[-1]
    moving = _with_shift(bands, convection, star.convective_blueshift)
    n_light = max(moving.photosphere.shape[-1], n + 1)
    moments = velocity_moments(star, system.spots, epochs, surface, n, n_light)
    light = moments.light
    vsini = equatorial_velocity(star) * jnp.sin(star.inc)
    whole = disc_flux(bands.photosphere)
    mean = disc_flux(moving.photosphere) / whole
    lost = _hidden(bands, light.spot, light.facula)
    turning = vsini * _hidden(bands, moments.spot, moments.facula)
    rising = _hidden(moving, light.spot, light.facula) - mean[:, None] * lost
    room = room_for_all(CrossingConfig() if room is None else room, system, epochs.day.shape[0])
    behind = _all_behind_planets(system, epochs, surface, (n, n_light), n_nodes, room)
    gone, turned_away, risen = _gone(bands, moving, behind, n_light)
    is_dark = _is_dark(system, epochs)
    left = jnp.where(is_dark, 0, whole[:, None] - lost - gone)
    transit = vsini * turned_away + risen - mean[:, None] * gone
    possible = _is_possible(system, epochs, surface)
    fits = behind[3]

    def known(term, holds=possible):
        return jnp.where(holds, term, jnp.nan)

    def of_light(total, holds=possible):
        return known(-safe_divide(total, left), holds & ~is_dark)

    return VelocitySeries(
        rotation=of_light(turning),
        convection=of_light(rising),
        transit=of_light(transit, possible & fits),
        reflex=reflex_velocity(star, system.planets, epochs),
        systemic=star.rv,
        blueshift=mean,
        flux=known(left / whole[:, None], possible & fits),
        valid=bands.valid & jnp.all(moments.valid) & fits & possible,
    )
