"""A data set's configuration: who is drawn, who observes, what is kept; from a file to a recipe.

The instruments, noise, surface and spectra are those of `dynamojax simulate`; the star itself is drawn.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from dynamojax.atmosphere import grid as bands_of_models
from dynamojax.atmosphere.bands import band_from_filter
from dynamojax.config import build, build_sky, build_spectra
from dynamojax.config.generation_reading import Generation
from dynamojax.config.population import population
from dynamojax.config.reading import Settings
from dynamojax.config.relations import name_of
from dynamojax.evolution import track_file
from dynamojax.evolution.track_file import load_tracks
from dynamojax.evolution.tracks import TrackGrid
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.observables.noise import validate_noise
from dynamojax.observables.spectral_noise import pixel_table
from dynamojax.planets.encounters import CrossingConfig, sized
from dynamojax.population.combined_light import observe
from dynamojax.population.manifest import file_digest
from dynamojax.population.prior import Prior
from dynamojax.population.program import pilot
from dynamojax.population.recipe import Recipe
from dynamojax.population.sampling import LABEL_UNITS, sample_star, sized_for
from dynamojax.population.stars import CurveNoise, SpectrumNoise, StarMaker, VelocityNoise
from dynamojax.simulate import Simulator
from dynamojax.simulate.light_curves import bands_behind_dust
from dynamojax.simulate.simulator import room_of_each
from dynamojax.simulate.smoothing import Smoothing
from dynamojax.system import Epochs

_PILOT = 256  # stars that show how much room the simulator needs
_MARGIN = 1.5
_LEAN, _FEW = 0.6, 8  # share of stars for whom the lean room is; epochs in transit from which it pays
_PANELS_A_CAP = (
    12  # spots cross each other and the planet's rim in fewer corners, but for one star in thousands
)
_FILES = ("times_file", "band_file", "file", "grid")  # keys that name input files
_DEFAULT_VELOCITY, _DEFAULT_SHIFT = 120.0, 300.0  # [km/s], of the disc and of the star as a whole


def recipe(generation: Generation, sizes: dict | None = None) -> Recipe:
    """What a configuration asks for.

    Args:
        generation: Checked.
        sizes: Room for the simulator, instead of what a pilot of the population needs.

    Raises:
        ValueError: a value that is not possible.
    """
    settings, wanted = generation.settings, generation.generate
    made = simulator(settings)
    prior, tracks = population(generation.population, _times(made)), load_tracks()
    root = jax.random.key(wanted["seed"])
    if sizes is None:
        prior = _with_places(prior, tracks, generation.population["n_spots"])
        most = min(wanted["stars"], wanted["shard_stars"] or wanted["stars"])
        sizes = {"n_spots": prior.emergence.n_spots} | pilot_sizes(made, prior, tracks, root, most)
    prior = _with_places(prior, tracks, sizes["n_spots"])
    made = with_sizes(made, sizes)
    maker = StarMaker(
        prior=prior,
        tracks=tracks,
        simulator=made,
        curves=curve_noises(settings, made),
        spectra=spectrum_noises(settings, made),
        velocities=velocity_noises(settings, made),
        sample=sample_star,
        observe=observe,
        groups=tuple(wanted["columns"]),
        lean=crossing_of(made, sizes, "lean_"),
    )
    return Recipe(
        maker=maker,
        seed=wanted["seed"],
        n_stars=wanted["stars"],
        configuration=_configuration(generation),
        inputs=inputs(settings),
        provenance=provenance(settings, made),
        label_units=LABEL_UNITS,
        shard_stars=wanted["shard_stars"],
        file_format=wanted["file_format"],
        sizes=sizes,
        text=settings.text,
    )


def _times(made: Simulator) -> tuple[float, float]:
    """First and last epoch of any instrument. [day]"""
    velocimeters = [v.photometer for v in made.velocimeters]
    instruments = (*made.photometers.values(), *made.spectrographs.values(), *velocimeters)
    times = np.concatenate([instrument.times for instrument in instruments])
    return float(times.min()), float(times.max())


def _configuration(generation: Generation) -> dict:
    """Values that determine the data."""
    unused = ("output", "star", "spots", "spot_map", "activity", "planets")
    shared = {name: value for name, value in generation.settings.values.items() if name not in unused}
    return {"generate": generation.generate, "population": generation.population} | shared


def _grid(settings: Settings):
    photometers, filters = build.photometers(settings)
    grid = bands_of_models.load_grid()
    for own in filters:
        grid = band_from_filter(grid, own)
    return grid, photometers


def simulator(settings: Settings) -> Simulator:
    """Who observes the stars."""
    grid, photometers = _grid(settings)
    spectrographs = build_spectra.spectrographs(settings)
    file = build_spectra.grid_file(settings) if spectrographs else None
    table = settings["spectra"]
    nodes = build_spectra.disc_nodes(settings)
    disc = DiscConfig(**nodes, max_velocity=table["max_velocity"] or _DEFAULT_VELOCITY)
    max_shift = table["max_shift"] or _DEFAULT_SHIFT
    smoothing = Smoothing(over=table["smoothing"])
    for spectrograph in spectrographs:
        build_spectra.check_reach(spectrograph, file, disc, max_shift, smoothing)
    return Simulator(
        grid,
        photometers,
        spectrographs,
        build_spectra.velocimeters(settings),
        spectra=file,
        smoothing=smoothing,
        surface=build.surface(settings),
        disc=disc,
        convection=build_spectra.convection(settings),
        observer=build_sky.observers(settings, spectrographs, settings["spectrographs"]),
        extinction=build_sky.extinction(settings),
        max_shift=max_shift,
        limb_darkening=build.limb_darkening(settings),
        degree=settings["simulation"]["degree"],
    )


def _with_places(prior: Prior, tracks: TrackGrid, n_spots: int | None) -> Prior:
    """The prior with places for so many spots, or for those of a trial population."""
    if n_spots is None:
        return sized_for(prior, key=jax.random.key(0), tracks=tracks)
    return dataclasses.replace(prior, emergence=dataclasses.replace(prior.emergence, n_spots=n_spots))


def pilot_sizes(made: Simulator, prior: Prior, tracks: TrackGrid, root, most: int) -> dict:
    """Room for overlaps and crossings that the first stars need, with a margin; most are those of a shard.

    A star that needs more is not valid. Where planets or companions pass in front of spots, there is a lean
    room, too, in which most stars are simulated at a fraction of the time.
    """
    if not (made.schedules or made.velocimeters or (made.recorders and made.surface.overlap == "exact")):
        return {}
    drawn = pilot(prior, tracks, root, sample_star, _PILOT, most)
    pairs = [drawn.system] if drawn.companion is None else [drawn.system, drawn.companion]
    needed = np.max([np.stack(room_of_each(made, systems)) for systems in pairs], axis=0) + 1
    largest = max(float(jnp.max(systems.planets.radius_ratio, initial=0)) for systems in pairs)
    neighbours, n_epochs, n_caps = np.ceil(_MARGIN * needed.max(axis=1)).astype(int).tolist()
    sizes = _room(made, n_epochs, n_caps, largest) | {
        "n_neighbours": max(neighbours, made.surface.n_neighbours)
    }
    if needed[1].max() <= _FEW:
        return sizes
    n_epochs, n_caps = np.quantile(needed[1:], _LEAN, axis=1, method="higher").tolist()
    lean = _room(made, n_epochs, n_caps, largest)
    return sizes | {f"lean_{name}": value for name, value in lean.items()}


def _room(made: Simulator, n_epochs: int, n_caps: int, largest: float) -> dict[str, int]:
    """Room for crossings; fewer panels than could ever be needed, which would be a hundred times as many."""
    room = sized(made.crossing, n_epochs, n_caps, largest)
    panels = min(room.n_panels, max(made.crossing.n_panels, _PANELS_A_CAP * n_caps))
    nodes = min(room.n_nodes, max(sized(made.crossing, 1, 1, largest).n_nodes, 3 * panels))
    return {"n_epochs": n_epochs, "n_caps": n_caps, "n_panels": panels, "n_nodes": nodes}


def with_sizes(made: Simulator, sizes: dict) -> Simulator:
    """The simulator with this room."""
    if "n_epochs" not in sizes:  # nothing needs room
        return made
    room = crossing_of(made, sizes, ""), dataclasses.replace(made.surface, n_neighbours=sizes["n_neighbours"])
    return eqx.tree_at(lambda s: (s.crossing, s.surface), made, room)


def crossing_of(made: Simulator, sizes: dict, which: str) -> CrossingConfig | None:
    """The room for crossings, or with `lean_` that of most stars; None where there is none."""
    names = ("n_epochs", "n_caps", "n_panels", "n_nodes")
    if f"{which}n_epochs" not in sizes:
        return None
    return dataclasses.replace(made.crossing, **{name: sizes[f"{which}{name}"] for name in names})


def curve_noises(settings: Settings, made: Simulator) -> tuple[CurveNoise, ...]:
    """Noise of each photometer."""
    tables = {name_of(table): table for table in settings["photometers"]}
    grid = _grid(settings)[0]
    return tuple(_curve_noise(settings, tables[name], p, grid) for name, p in made.photometers.items())


def _curve_noise(settings: Settings, table: dict, photometer, grid) -> CurveNoise:
    models = build.noise(table, settings["noise"], float(np.ptp(photometer.times)))
    # Kp is close to an AB magnitude of its band; the TESS magnitude is on Vega's scale.
    own = grid.select(photometer.bands)
    zero_point = own.vega_zero_point if build.noise_kind(table) == "tess" else own.ab_zero_point
    epochs = Epochs.from_days(photometer.times - photometer.times[0])
    fixed = jnp.nan if table["magnitude"] is None else table["magnitude"]
    model = None if models is None else models[0]
    if model is not None:
        validate_noise(model, epochs, photometer.exposure, jnp.full(len(photometer.bands), 12.0))
    return CurveNoise(model, epochs, photometer.exposure, zero_point, fixed, photometer)


def spectrum_noises(settings: Settings, made: Simulator) -> tuple[SpectrumNoise, ...]:
    """Noise of each spectrograph."""
    tables = {name_of(table): table for table in settings["spectrographs"]}
    grid = _grid(settings)[0]
    noises = []
    for name, spectrograph in made.spectrographs.items():
        table = tables[name]
        model = build_spectra.spectral_noise(spectrograph, table, settings["noise"])
        kind = table["noise"] or table["preset"]
        band, is_ab = build_spectra.NOISE_BANDS.get(kind, ("johnson_v", False))
        own = grid.select((band,))
        dust = bands_behind_dust(made.extinction, own)
        zero_point = own.ab_zero_point if is_ab else own.vega_zero_point
        fixed = jnp.nan if table["magnitude"] is None else table["magnitude"]
        exposure = spectrograph.exposure or 1.0  # signal to noise that is given holds for any
        noises.append(
            SpectrumNoise(model, pixel_table(spectrograph), exposure, own, dust, zero_point, fixed, name)
        )  # fmt: skip
    return tuple(noises)


def velocity_noises(settings: Settings, made: Simulator) -> tuple[VelocityNoise, ...]:
    """Noise of each series of radial velocities."""
    tables = {name_of(table): table for table in settings["velocities"]}
    is_noisy = settings["noise"]["enabled"]
    return tuple(
        VelocityNoise(1e-3 * tables[v.photometer.name]["error_m_s"] * is_noisy, v.photometer)
        for v in made.velocimeters
    )


def inputs(settings: Settings) -> dict[str, str]:
    """Digests of the files that the data depend on: grids, tracks, what the configuration names."""
    found = {"bands": file_digest(bands_of_models.EMBEDDED), "tracks": file_digest(track_file.EMBEDDED)}
    if settings["spectrographs"]:
        found["spectra"] = str(build_spectra.grid_file(settings).attributes["content"])
    for section in ("photometers", "spectrographs", "velocities"):
        for table in settings[section]:
            for key in _FILES:
                if table.get(key) is not None:
                    found[f"{section}.{name_of(table)}.{key}"] = file_digest(settings.folder / table[key])
    return found


def provenance(settings: Settings, made: Simulator) -> dict:
    """Where the intensities of the stars come from."""
    import h5py

    with h5py.File(bands_of_models.EMBEDDED, "r") as file:
        found: dict = {"bands": {name: _plain(value) for name, value in file.attrs.items()}}
    with h5py.File(track_file.EMBEDDED, "r") as file:
        found["tracks"] = {name: _plain(value) for name, value in file.attrs.items()}
    if made.recorders:
        found["spectra"] = build_spectra.grid_file(settings).attributes
    return found


def _plain(value):
    """An attribute of HDF5 as JSON can hold it."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value if isinstance(value, str) else str(value)
