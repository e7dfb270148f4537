"""The stages composed: from a system to what every instrument records. jit lives here."""

import dataclasses
from collections.abc import Sequence
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from dynamojax.atmosphere.grid import BandGrid
from dynamojax.atmosphere.limb_darkening import DEFAULT_DEGREE, LimbDarkening
from dynamojax.instruments.photometer import Photometer
from dynamojax.numerics import LATEST_DAY, as_float
from dynamojax.observables.photometry import BandPolynomials, band_polynomials, dilution, hidden_light
from dynamojax.planets.encounters import CrossingConfig, crossing_moments, panels_for, room_needed
from dynamojax.planets.orbit import planet_positions
from dynamojax.planets.transit import transit_loss
from dynamojax.surface.moments import SurfaceConfig, SurfaceMoments, caps_at, surface_moments
from dynamojax.surface.overlap import neighbours_needed
from dynamojax.system import Epochs, System


class LightCurve(eqx.Module):
    """What a photometer sees of one star.

    Attributes:
        flux: Relative to the immaculate star without planets. [1]
        baseline: Band flux of the immaculate star at its distance. [erg/s/cm2/A]
        spot_fraction: Share of the projected disc covered by spots. [1]
        facula_fraction: Share of the projected disc covered by faculae. [1]
    """

    flux: Float[Array, "n_bands n_times"]
    baseline: Float[Array, " n_bands"]
    spot_fraction: Float[Array, " n_times"]
    facula_fraction: Float[Array, " n_times"]


class Observables(eqx.Module):
    """All that is observed of one star; `valid` is False, and its values NaN, where a stage failed."""

    light_curves: dict[str, LightCurve]
    valid: Bool[Array, ""]


class _Exposures(eqx.Module):
    """Epochs of Gauss-Legendre nodes inside every exposure, time after time, and the nodes' weights."""

    epochs: Epochs
    weights: Float[Array, " n_sub"] = eqx.field(converter=as_float)

    @staticmethod
    def build(photometer: Photometer, n_sub: int) -> "_Exposures":
        offsets, weights = photometer.sub_exposures(n_sub)
        times = photometer.times[:, None] + offsets
        if np.abs(times).max() > LATEST_DAY:
            raise ValueError(
                f"{photometer.name}: times reach {np.abs(times).max():.1f} day, allowed: within {LATEST_DAY} "
                "of the epoch, where phases keep their digits; subtract an epoch"
            )
        return _Exposures(Epochs.from_days(times.ravel()), weights)

    def mean(self, values: Float[Array, "n n_samples"]) -> Float[Array, "n n_times"]:
        """Average over each exposure."""
        samples = values.reshape(values.shape[0], -1, self.weights.shape[0])
        return jnp.matmul(samples, self.weights, precision=jax.lax.Precision.HIGHEST)

    def mean_moments(self, moments: SurfaceMoments) -> SurfaceMoments:
        """Moments averaged over each exposure."""
        valid = jnp.all(moments.valid.reshape(-1, self.weights.shape[0]), axis=1)
        return SurfaceMoments(self.mean(moments.spot), self.mean(moments.facula), valid)


class _Schedule(eqx.Module):
    """The exposures of all photometers that share their times."""

    surface: _Exposures
    planets: _Exposures
    photometers: tuple[Photometer, ...] = eqx.field(static=True)


def _schedules(photometers: tuple[Photometer, ...]) -> tuple[_Schedule, ...]:
    """One geometry for all photometers with the same exposures."""
    groups: dict[tuple, list[Photometer]] = {}
    for p in photometers:
        groups.setdefault((p.times.tobytes(), p.exposure, p.n_sub, p.n_sub_spots), []).append(p)
    return tuple(
        _Schedule(_Exposures.build(g[0], g[0].n_sub_spots), _Exposures.build(g[0], g[0].n_sub), tuple(g))
        for g in groups.values()
    )


class Simulator(eqx.Module):
    """A star's observables: `simulate(system)`, under `jax.jit`, `jax.vmap` and `jax.grad` alike.

    The grid and the times are leaves, hence arguments of the compiled function and never constants
    in it. It is deterministic.

    Attributes:
        grid: Band intensities, cut to the photometers' bands.
        surface: How the surface is computed.
        crossing: Room for planets in front of spots.
        limb_darkening: Laws by band, in place of the grid's; the flux stays the grid's.
        degree: Degree of the limb darkening in mu.
    """

    grid: BandGrid
    schedules: tuple[_Schedule, ...]
    surface: SurfaceConfig
    crossing: CrossingConfig
    limb_darkening: dict[str, LimbDarkening]
    degree: int = eqx.field(static=True)

    def __init__(
        self,
        grid: BandGrid,
        photometers: Sequence[Photometer],
        *,
        surface: SurfaceConfig | None = None,
        crossing: CrossingConfig | None = None,
        limb_darkening: dict[str, LimbDarkening] | None = None,
        degree: int = DEFAULT_DEGREE,
    ):
        names = [p.name for p in photometers]
        if not names or len(set(names)) < len(names):
            raise ValueError(
                f"photometers = {names} must be one or more, each with its own name; rename them"
            )
        self.grid = grid.select(tuple(dict.fromkeys(b for p in photometers for b in p.bands)))
        self.schedules = _schedules(tuple(photometers))
        self.surface = SurfaceConfig() if surface is None else surface
        self.crossing = CrossingConfig() if crossing is None else crossing
        self.limb_darkening = {} if limb_darkening is None else limb_darkening
        unknown = sorted(set(self.limb_darkening) - set(self.grid.bands))
        if unknown:
            raise ValueError(
                f"limb_darkening names {unknown}, which no photometer records; allowed: {self.grid.bands}"
            )
        self.degree = degree

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
        return band_polynomials(
            system.star, system.spots, self.grid, self.degree, self.surface.faculae, self.limb_darkening
        )

    def sized_for(self, systems: System) -> "Simulator":
        """This simulator with just the room these systems need, one or a population, so that none fails.

        On the host: sets `n_neighbours` of the surface in exact mode, and the room of the crossings.
        """
        batch = jax.tree.map(lambda x: x[None], systems) if not systems.star.teff.ndim else systems
        # one more of each: a count on the edge may round otherwise in another program
        needed = [1 + int(jnp.max(x)) for x in _room_needed(self, batch)]
        surface, panels = self.surface, panels_for(needed[2])
        if surface.overlap == "exact":
            surface = dataclasses.replace(surface, n_neighbours=needed[0])
        crossing = dataclasses.replace(
            self.crossing,
            n_epochs=needed[1],
            n_caps=needed[2],
            n_panels=max(panels, self.crossing.n_panels),
            n_nodes=max(4 * panels, self.crossing.n_nodes),
        )
        return eqx.tree_at(lambda s: (s.surface, s.crossing), self, (surface, crossing))


def _caps(simulator: Simulator, epochs: Epochs, system: System, *, faculae: bool):
    """Spots, or their faculae's rims, at the epoch of a given index: positions and sin(r/2)."""

    def at(index):
        epoch = jax.tree.map(lambda x: x[index][None], epochs)
        position, spot, facula = caps_at(system.star, system.spots, epoch, simulator.surface)
        return position[..., 0], (facula if faculae else spot)[:, 0]

    return at


def _behind_planets(
    simulator: Simulator, epochs: Epochs, system: System, bands: BandPolynomials
) -> tuple[Float[Array, "n_bands n_times"], Bool[Array, ""]]:
    """Light that planets take from the spotted disc: from the immaculate one, less what spots had taken."""
    p, n = system.planets.radius_ratio, bands.photosphere.shape[-1]
    xyz = planet_positions(system.star, system.planets, epochs)
    hidden = transit_loss(*xyz, p, bands.photosphere)
    if not system.spots.n_spots:
        return hidden, jnp.asarray(True)

    def crossed(faculae):
        caps = _caps(simulator, epochs, system, faculae=faculae)
        return crossing_moments(*xyz, p, caps, n, simulator.crossing)

    spot, valid = crossed(faculae=False)
    facula = jnp.zeros_like(spot)
    if simulator.surface.faculae:
        both, fits = crossed(faculae=True)
        facula, valid = both - spot, valid & fits
    return hidden - hidden_light(bands, SurfaceMoments(spot, facula, jnp.full(spot.shape[1], valid))), valid


def _light_curves(
    simulator: Simulator, schedule: _Schedule, system: System, bands: BandPolynomials
) -> tuple[dict[str, LightCurve], Bool[Array, ""]]:
    """Light curves of the photometers of one schedule, and whether every stage held."""
    star, spots, planets = system.star, system.spots, system.planets
    n = bands.photosphere.shape[-1]
    moments = schedule.surface.mean_moments(
        surface_moments(star, spots, schedule.surface.epochs, simulator.surface, n)
    )
    lost = hidden_light(bands, moments)
    valid = bands.valid & jnp.all(moments.valid)
    if planets.n_planets:
        hidden, fits = _behind_planets(simulator, schedule.planets.epochs, system, bands)
        lost, valid = lost + schedule.planets.mean(hidden), valid & fits
    flux = 1 - lost / bands.flux[:, None]
    valid = valid & jnp.all(jnp.isfinite(flux))
    fractions = [m[0] / jnp.pi for m in (moments.spot, moments.facula)]
    curves = {}
    for p in schedule.photometers:
        index = np.array([simulator.grid.bands.index(b) for b in p.bands])
        curves[p.name] = LightCurve(flux[index], (bands.flux * dilution(star))[index], *fractions)
    return curves, valid


@jax.jit
def _simulate(simulator: Simulator, system: System) -> Observables:
    bands = simulator.polynomials(system)
    curves, valid = {}, bands.valid
    for schedule in simulator.schedules:
        new, fits = _light_curves(simulator, schedule, system, bands)
        curves, valid = curves | new, valid & fits
    curves = jax.tree.map(lambda x: jnp.where(valid, x, jnp.nan), curves)
    return Observables(curves, valid)


@jax.jit
def _room_needed(simulator: Simulator, systems: System) -> list[Int[Array, " n_stars"]]:
    """Neighbours of a spot, epochs in transit and spots near a planet, for each star."""

    def one(system):
        room = []
        for schedule in simulator.schedules:
            neighbours = epochs = near = jnp.asarray(0)
            if simulator.surface.overlap == "exact":
                caps = caps_at(system.star, system.spots, schedule.surface.epochs, simulator.surface)
                neighbours = neighbours_needed(caps[0], caps[2] if simulator.surface.faculae else caps[1])
            if system.planets.n_planets and system.spots.n_spots:
                at = schedule.planets.epochs
                caps = _caps(simulator, at, system, faculae=simulator.surface.faculae)
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
