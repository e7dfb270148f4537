"""The keys of [[photometers]] and [noise]: who watches, and what spoils it."""

from math import inf

from dynamojax.config.keys import SEED, Key, Section

_ANY = (0.0, inf, True, False)
_ABOVE = (0.0, inf, False, False)
PRESETS = ("kepler", "tess", "cheops", "plato", "gaia", "sdss", "johnson", "two_mass", "custom")
CADENCES = {"kepler": ("long", "short"), "tess": ("2min", "10min", "ffi"), "plato": ("25s", "50s", "600s")}

# Which presets take a key that not all take.
APPLIES = {
    "cadence": tuple(CADENCES),
    "every": ("sdss", "johnson", "two_mass"),
    "visit_every": ("gaia",),
    "efficiency": ("cheops",),
    "exposure_s": ("cheops", "johnson", "custom"),
    "cadence_s": ("custom",),
    "times_file": ("custom",),
    "bands": ("custom",),
    "band_file": ("custom",),
    "band_unit": ("custom",),
    "photon_counting": ("custom",),
    "n_sub": ("custom",),
}

PHOTOMETERS = Section(
    "photometers",
    "Instruments; any number, each with a name of its own.",
    (
        Key("preset", "string", "kepler", "Instrument, or custom.", choices=PRESETS, required=True),
        Key("name", "string", None, "Name of its light curves; that of the preset if left out."),
        Key("days", "number", 27.0, "Time span.", "day", _ABOVE),
        Key("start", "number", 0.0, "Start of the first exposure.", "day"),
        Key(
            "cadence",
            "string",
            None,
            "kepler: long, short; tess: 2min, 10min, ffi; plato: 25s, 50s, 600s; the first if left out.",
            choices=tuple(name for names in CADENCES.values() for name in names),
        ),
        Key(
            "every",
            "number",
            None,
            "sdss, johnson, two_mass: time between visits, 1 if left out.",
            "day",
            _ABOVE,
        ),
        Key(
            "visit_every",
            "number",
            None,
            "gaia: time between visits, 51 if left out.",
            "day",
            (0.5, inf, False, False),
        ),
        Key(
            "efficiency",
            "number",
            None,
            "cheops: observed share of an orbit, 1 if left out.",
            span=(0, 1, False, True),
        ),
        Key("exposure_s", "number", None, "cheops, johnson, custom: length of an exposure.", "s", _ANY),
        Key("cadence_s", "number", None, "custom: time between exposures.", "s", _ABOVE),
        Key(
            "times_file",
            "string",
            None,
            "custom: file whose first column holds the times of mid-exposure [day].",
        ),
        Key("bands", "strings", None, "custom: bands of the grid."),
        Key("band_file", "string", None, "custom: filter curve, two columns, wavelength and throughput."),
        Key(
            "band_unit",
            "string",
            None,
            "custom: unit of the wavelengths in band_file.",
            choices=("angstrom", "nm", "um"),
        ),
        Key("photon_counting", "boolean", None, "custom: whether band_file weighs photons (true) or energy."),
        Key(
            "n_sub",
            "integer",
            None,
            "custom: sub-exposures of a transit, 1 if left out.",
            span=(1, inf, True, False),
        ),
        Key(
            "noise",
            "string",
            None,
            "Noise model; kepler and tess have their own, the others none, if left out.",
            choices=("none", "white", "kepler", "tess"),
        ),
        Key("white_ppm", "number", None, "white: its standard deviation in each exposure.", "ppm", _ANY),
        Key(
            "magnitude",
            "number",
            None,
            "For the noise: Kp or the TESS magnitude; of the simulated flux if left out.",
            "mag",
        ),
    ),
    is_list=True,
)

NOISE = Section(
    "noise",
    "Noise of all instruments; each part can be left out of those that have it.",
    (
        Key("enabled", "boolean", True, "Whether there is any noise."),
        Key("seed", "integer", 0, "Another seed is another realisation.", span=SEED),
        Key("granulation", "boolean", True, "Granulation, scaled with nu_max."),
        Key("oscillations", "boolean", True, "Solar-like oscillations, scaled with nu_max."),
        Key("wander", "boolean", True, "Slow noise of the detector (kepler)."),
        Key("outliers", "boolean", True, "Outliers."),
        Key("segments", "boolean", True, "Gaps of quarters and sectors; offsets and drifts in SAP_FLUX."),
        Key("safe_modes", "boolean", True, "Safe modes."),
        Key("bad_pixels", "boolean", True, "Bad pixels of spectra (lamost, apogee, galah)."),
        Key("ripple", "boolean", True, "Error of the calibration of a spectrum's continuum (the same)."),
    ),
)
