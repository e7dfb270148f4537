"""dynamojax: realistic, multimodal stellar observables at GPU speed, differentiable end to end."""

from importlib import import_module

# Names are looked up when they are used: the command line answers before JAX has started.
_HOMES = {
    "atmosphere.bands": ("band_from_filter",),
    "atmosphere.extinction": ("Extinction",),
    "atmosphere.grid": ("BandGrid", "load_grid"),
    "atmosphere.grid_bands": ("bands_from_spectra",),
    "atmosphere.grid_file": ("open_grid",),
    "atmosphere.limb_darkening": ("LimbDarkening",),
    "evolution.braking": ("prot_braked",),
    "evolution.gyrochronology": ("prot_clusters", "prot_mamajek"),
    "evolution.inversion": ("stars_of",),
    "evolution.kiauhoku": ("load_kiauhoku",),
    "evolution.track_file": ("load_tracks",),
    "evolution.tracks": ("age_span_gyr", "at_phase", "evolve"),
    "inference.data": ("DataSet",),
    "inference.importance": ("importance",),
    "inference.information": ("fisher",),
    "inference.optimise": ("fit", "fit_many"),
    "inference.period": ("find_period",),
    "inference.posterior": ("laplace",),
    "inference.priors": ("Free", "Isotropic", "LogUniform", "Normal", "OnSphere"),
    "inference.sampling": ("sample_posterior",),
    "inference.spots": ("fit_spots",),
    "inference.tempering": ("temper",),
    "instruments.bandpass": ("Bandpass",),
    "instruments.line_masks": ("LineMask", "line_mask"),
    "instruments.photometer": (
        *("Photometer", "cheops", "gaia", "johnson", "kepler", "plato", "sdss", "tess", "two_mass"),
    ),
    "instruments.spectrograph": ("Arm", "Spectrograph"),
    "instruments.spectrograph_presets": (
        *("apogee", "espresso", "gaia_rvs", "galah", "harps", "lamost", "lamost_mrs"),
    ),
    "observables.chromatic": ("chromatic_index",),
    "observables.correlation": ("correlator",),
    "observables.disc_config": ("DiscConfig",),
    "observables.line_shape": ("line_shape",),
    "observables.noise": ("add_noise", "kepler_noise", "tess_noise", "white_noise"),
    "observables.photometry": ("magnitude",),
    "observables.template": ("template_correlator",),
    "observables.velocity_series": ("velocity_series",),
    "planets.orbit": ("planet_positions", "reflex_velocity"),
    "population.prior": ("Prior",),
    "population.sampling": ("Sample", "sample_population", "sample_star"),
    "simulate": ("Simulator", "Smoothing", "simulate_batch"),
    "surface.activity": ("Activity", "Emergence"),
    "surface.convection": ("Convection",),
    "surface.emergence": ("emerge_spots",),
    "surface.moments": ("SurfaceConfig",),
    "system": ("Epochs", "Planets", "SpotMap", "Star", "System"),
    "validation": ("validate",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str):
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
