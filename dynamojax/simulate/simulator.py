"""The stages composed: from a system to what every instrument records. jit lives here."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from dynamojax.atmosphere.extinction import BandExtinction, Extinction
from dynamojax.atmosphere.grid import BandGrid
from dynamojax.atmosphere.grid_file import GridFile, open_grid
from dynamojax.atmosphere.limb_darkening import DEFAULT_DEGREE, LimbDarkening
from dynamojax.instruments.photometer import Photometer
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.observables.photometry import BandPolynomials, band_polynomials
from dynamojax.observables.velocity_series import VelocitySeries
from dynamojax.planets.encounters import CrossingConfig, room_needed, sized
from dynamojax.planets.orbit import planet_positions
from dynamojax.simulate.light_curves import (
    LightCurve,
    Schedule,
    bands_behind_dust,
    extinguished,
    light_curves,
    schedules,
)
from dynamojax.simulate.smoothing import Smoothing
from dynamojax.simulate.spectra import Recorder, Spectra, disc_for, recorded
from dynamojax.simulate.velocities import Velocimeter, velocities_in
from dynamojax.surface.convection import Convection
from dynamojax.surface.moments import SurfaceConfig, caps_at, caps_by_index
from dynamojax.surface.overlap import neighbours_needed
from dynamojax.system import System


class Observables(eqx.Module):
    """All that is observed of one star; `valid` is False, and its values NaN, where a stage failed.

    Attributes:
        light_curves: By name of the photometer.
        spectra: By name of the spectrograph.
        velocities: By name of the velocimeter.
        valid: Whether every stage held.
    """

    light_curves: dict[str, LightCurve]
    spectra: dict[str, Spectra]
    velocities: dict[str, VelocitySeries]
    valid: Bool[Array, ""]


def _check_names(names: list[str]) -> None:
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"photometers, spectrographs and velocimeters = {names} must be one or more, each with its "
            "own name; rename them"
        )


def check_laws(laws: Mapping[str, LimbDarkening], bands: Sequence[str]) -> None:
    """Raise ValueError if a law is for a band that nobody records."""
    unknown = sorted(set(laws) - set(bands))
    if unknown:
        raise ValueError(
            f"limb_darkening names {unknown}, which no photometer records; allowed: {', '.join(bands)}"
        )


def check_grids(grid: object, spectra: object) -> None:
    """Raise ValueError if one is of the other kind."""
    if not isinstance(grid, BandGrid):
        raise ValueError(
            f"grid is a {type(grid).__name__}, allowed: a BandGrid (load_grid); a GridFile goes to spectra="
        )
    if not isinstance(spectra, GridFile | None):
        raise ValueError(f"spectra is a {type(spectra).__name__}, allowed: a GridFile (open_grid)")


def _check_observer(observer: Mapping[str, np.ndarray], names: Sequence[str]) -> None:
    unknown = sorted(set(observer) - set(names))
    if unknown:
        raise ValueError(f"observer names {unknown}, which are no spectrographs; allowed: {', '.join(names)}")


class Simulator(eqx.Module):
    """A star's observables: `simulate(system)`, under `jax.jit`, `jax.vmap` and `jax.grad` alike.

    The grid and the times are leaves, hence arguments of the compiled function and never constants
    in it; a compiled function of one's own that only refers to it holds them as constants, one that takes
    it as an argument does not. It is deterministic, and equal to itself alone.

    Attributes:
        grid: Band intensities, cut to the photometers' bands.
        recorders: The spectrographs, each with its part of the spectral grid.
        velocimeters: Those who measure radial velocities in bands of the grid, in closed form.
        surface: How the surface is computed.
        disc: How finely the disc is sampled for spectra.
        convection: Shift of the lines across the disc; `Star.convective_blueshift` scales it.
        crossing: Room for planets in front of spots.
        extinction: Law of interstellar extinction; `Star.av` scales it.
        dust: The same in the bands of the grid.
        limb_darkening: Laws by band, in place of the grid's; the flux stays the grid's.
        degree: Degree of the limb darkening in mu.
        max_shift: Room for the velocity of the star as a whole; with more it is not valid. [km/s]

    Args:
        photometers: Who record light curves.
        spectrographs: Who record spectra.
        spectra: The spectral grid; the embedded one if left out.
        smoothing: Of it, to what each spectrograph needs.
        ranges: teff, logg, feh to cut of it, as in `GridFile.cut`.
        observer: Velocity of the observer towards the star at each epoch, by spectrograph. [km/s]
    """

    grid: BandGrid
    schedules: tuple[Schedule, ...]
    recorders: tuple[Recorder, ...]
    velocimeters: tuple[Velocimeter, ...]
    surface: SurfaceConfig
    disc: DiscConfig
    convection: Convection
    crossing: CrossingConfig
    extinction: Extinction = eqx.field(static=True)
    dust: BandExtinction
    limb_darkening: dict[str, LimbDarkening]
    degree: int = eqx.field(static=True)
    max_shift: float | int = eqx.field(static=True)

    def __init__(
        self,
        grid: BandGrid,
        photometers: Sequence[Photometer] = (),
        spectrographs: Sequence[Spectrograph] = (),
        velocimeters: Sequence[Photometer] = (),
        *,
        spectra: GridFile | None = None,
        smoothing: Smoothing | None = None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        observer: Mapping[str, np.ndarray] | None = None,
        surface: SurfaceConfig | None = None,
        disc: DiscConfig | None = None,
        convection: Convection | None = None,
        max_shift: float | int = 300.0,
        crossing: CrossingConfig | None = None,
        extinction: Extinction | None = None,
        limb_darkening: dict[str, LimbDarkening] | None = None,
        degree: int = DEFAULT_DEGREE,
    ):
        check_grids(grid, spectra)
        _check_names([instrument.name for instrument in (*photometers, *spectrographs, *velocimeters)])
        _check_observer(observer or {}, [s.name for s in spectrographs])
        bands = dict.fromkeys(b for p in (*photometers, *velocimeters) for b in p.bands)
        self.grid = grid.select(tuple(bands))
        self.schedules = schedules(tuple(photometers))
        self.velocimeters = tuple(Velocimeter.build(p) for p in velocimeters)
        self.surface, self.disc = surface or SurfaceConfig(), disc or DiscConfig()
        self.convection, self.crossing = convection or Convection.solar(), crossing or CrossingConfig()
        self.extinction = extinction or Extinction()
        self.dust = bands_behind_dust(self.extinction, self.grid)
        self.limb_darkening = limb_darkening or {}
        check_laws(self.limb_darkening, self.grid.bands)
        self.degree, self.max_shift = degree, max_shift
        options = {"extinction": self.extinction, "smoothing": smoothing or Smoothing(), **(ranges or {})}
        file = spectra or (open_grid() if spectrographs else None)
        self.recorders = tuple(
            Recorder.build(s, file, self.disc, max_shift, (observer or {}).get(s.name), **options)
            for s in spectrographs
        )

    # jax.jit wants a callable that can be hashed; its values cannot, and may be traced.
    __hash__ = object.__hash__
    __eq__ = object.__eq__

    @property
    def spectrographs(self) -> dict[str, Spectrograph]:
        """The spectrographs by name."""
        return {recorder.spectrograph.name: recorder.spectrograph for recorder in self.recorders}

    @property
    def photometers(self) -> dict[str, Photometer]:
        """The photometers by name."""
        return {p.name: p for schedule in self.schedules for p in schedule.photometers}

    def __call__(self, system: System) -> Observables:
        """Observables of one system; `jax.vmap(simulate)(systems)` for a population."""
        shapes = system.star.teff.shape, system.spots.lat.shape[:-1], system.planets.period.shape[:-1]
        if any(shapes):
            raise ValueError(
                f"system.star, spots and planets have batch shapes {shapes}, but one star is expected; "
                "use jax.vmap(simulate)(systems), or simulate_batch to bound the memory"
            )
        return _simulate(self, system)

    def polynomials(self, system: System) -> BandPolynomials:
        """Intensities of one system's photosphere, spots and faculae in every band of the grid."""
        bands = band_polynomials(
            system.star, system.spots, self.grid, self.degree, self.surface.faculae, self.limb_darkening
        )
        return extinguished(bands, system.star, self.dust)

    def sized_for(self, systems: System) -> "Simulator":
        """This simulator with just the room these systems need, one or a population, so that none fails.

        On the host: sets `n_neighbours` of the surface in exact mode, and the room of the crossings; behind
        companions above a quarter of the star it makes them finer, too. Spectra get the nodes of the fastest
        of these stars and the widest of their spots (`DiscConfig`), and no more: for a fit, give it the
        extremes that the bounds allow.
        """
        batch = jax.tree.map(lambda x: x[None], systems) if not systems.star.teff.ndim else systems
        # one more of each: a count on the edge may round otherwise in another program
        needed = [1 + int(jnp.max(x)) for x in room_of_each(self, batch)]
        surface = self.surface
        if surface.overlap == "exact":
            surface = dataclasses.replace(surface, n_neighbours=needed[0])
        largest = float(jnp.max(batch.planets.radius_ratio, initial=0))
        crossing = sized(self.crossing, needed[1], needed[2], largest)
        disc = disc_for(batch, self.disc, self.surface) if self.recorders else self.disc
        return eqx.tree_at(lambda s: (s.surface, s.crossing, s.disc), self, (surface, crossing, disc))


def _is_possible(system: System) -> Bool[Array, ""]:
    """Whether sizes, distance and widths of lines are ones for which the stages hold; see `validate`."""
    star, spots = system.star, system.spots
    hemisphere = 1 + 8 * jnp.finfo(spots.radius.dtype).eps
    rim = 2 * (1 + star.facula_ratio) * jnp.sin(0.5 * spots.radius) ** 2
    fits = (spots.radius >= 0) & (spots.radius <= 0.5 * jnp.pi * hemisphere) & (rim <= hemisphere)
    sizes = (star.radius > 0) & (star.distance > 0) & jnp.all(system.planets.radius_ratio >= 0)
    widths = (star.macroturbulence >= 0) & (star.microturbulence >= 0)
    return jnp.all(fits) & sizes & widths


@jax.jit
def _simulate(simulator: Simulator, system: System) -> Observables:
    surface, names = simulator.surface, simulator.grid.bands
    curves, spectra, velocities, valid = {}, {}, {}, _is_possible(system)
    bands = simulator.polynomials(system) if simulator.schedules or simulator.velocimeters else None
    for schedule in simulator.schedules:
        new, fits = light_curves(system, bands, names, schedule, surface, simulator.crossing)
        curves, valid = curves | new, valid & fits
    for recorder in simulator.recorders:
        new, fits = recorded(
            system, recorder, surface, simulator.convection, simulator.disc, simulator.max_shift
        )
        spectra[recorder.spectrograph.name] = new
        valid = valid & fits
    for velocimeter in simulator.velocimeters:
        new = velocities_in(
            system, bands, names, velocimeter, surface, simulator.convection, simulator.crossing
        )
        velocities[velocimeter.photometer.name] = new
        valid = valid & new.valid
    curves, spectra, velocities = jax.tree.map(
        lambda x: jnp.where(valid, x, jnp.nan) if eqx.is_inexact_array(x) else x,
        (curves, spectra, velocities),
    )
    return Observables(curves, spectra, velocities, valid)


@jax.jit
def room_of_each(simulator: Simulator, systems: System) -> list[Int[Array, " n_stars"]]:
    """Neighbours of a spot, epochs in transit and spots near a planet, for each star."""
    times = [(s.surface.epochs, s.planets.epochs) for s in simulator.schedules]
    times += [(v.exposures.epochs, v.exposures.epochs) for v in simulator.velocimeters]
    times += [(r.exposures.epochs, None) for r in simulator.recorders]  # whose nodes need no room in transit
    if not times:
        return [jnp.zeros(systems.star.teff.shape, int)] * 3

    def one(system):
        room = []
        for at_surface, at in times:
            neighbours = epochs = near = jnp.asarray(0)
            if simulator.surface.overlap == "exact":
                caps = caps_at(system.star, system.spots, at_surface, simulator.surface)
                neighbours = neighbours_needed(caps[0], caps[2] if simulator.surface.faculae else caps[1])
            if at is not None and system.planets.n_planets and system.spots.n_spots:
                has_faculae = simulator.surface.faculae
                caps = caps_by_index(simulator.surface, at, system.star, system.spots, faculae=has_faculae)
                xyz = planet_positions(system.star, system.planets, at)
                epochs, near = room_needed(*xyz, system.planets.radius_ratio, caps)
            room.append(jnp.stack([neighbours, epochs, near]))
        return jnp.max(jnp.stack(room), axis=0)

    return list(jax.lax.map(one, systems).T)


def simulate_batch(simulator: Simulator, systems: System, *, batch_size: int) -> Observables:
    """`jax.vmap(simulator)(systems)` in chunks of batch_size stars, so that memory stays bounded."""
    if batch_size < 1:
        raise ValueError(f"batch_size = {batch_size} must be at least 1")
    return _simulate_batch(simulator, systems, batch_size)


@partial(jax.jit, static_argnums=2)
def _simulate_batch(simulator: Simulator, systems: System, batch_size: int) -> Observables:
    return jax.lax.map(simulator, systems, batch_size=batch_size)
