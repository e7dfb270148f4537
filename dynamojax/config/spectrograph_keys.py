"""The keys of [[spectrographs]], [[velocities]], [spectra] and [convection]."""

from math import inf

from dynamojax.config.keys import Key, Section

_ANY = (0.0, inf, True, False)
_ABOVE = (0.0, inf, False, False)
_EPOCHS, _SUB = (1, 10**6, True, True), (1, 1000, True, True)
SPECTROGRAPH_PRESETS = (
    *("lamost", "lamost_mrs", "apogee", "galah", "harps", "espresso", "gaia_rvs", "custom"),
)
# Surveys whose noise is known; what they have of their own unless another is given.
SURVEYS = ("lamost", "apogee", "galah")

_SCHEDULE = (
    Key("times", "numbers", None, "Middle of each exposure, in place of start, epochs and cadence.", "day"),
    Key("times_file", "string", None, "File whose first column holds the times of mid-exposure [day]."),
    Key("start", "number", None, "Middle of the first exposure, 0 if left out.", "day"),
    Key("epochs", "integer", None, "Number of exposures, 1 if left out.", span=_EPOCHS),
    Key("cadence", "number", None, "Time between exposures, 1 if left out.", "day", _ABOVE),
)

SPECTROGRAPHS = Section(
    "spectrographs",
    "Spectrographs; any number, each with a name of its own.",
    (
        Key(
            "preset",
            "string",
            "lamost",
            "Instrument, or custom.",
            choices=SPECTROGRAPH_PRESETS,
            required=True,
        ),
        Key("name", "string", None, "Name of its spectra; that of the preset if left out."),
        *_SCHEDULE,
        Key("exposure_s", "number", None, "Length of an exposure; the preset's, 0 if custom.", "s", _ANY),
        Key("n_sub", "integer", 1, "Sub-exposures over which a spectrum is averaged.", span=_SUB),
        Key(
            "wavelength",
            "numbers",
            None,
            "Lowest and highest to keep, in vacuum; all if left out. Of custom without a file, its range.",
            "angstrom",
            _ABOVE,
        ),
        Key(
            "resolution",
            "number",
            None,
            "Resolving power, wavelength over FWHM; the preset's or the file's if left out.",
            span=(1.0, inf, False, False),
        ),
        Key(
            "file",
            "string",
            None,
            "custom: pixels: wavelength [angstrom] and, unless resolution is given, resolving power.",
        ),
        Key(
            "pixels_per_element",
            "number",
            None,
            "custom without a file: pixels to a resolution element, even in log wavelength; 3 if left out.",
            span=(0.5, 100.0, True, True),
        ),
        Key(
            "medium",
            "string",
            None,
            "custom: of the wavelengths in file and in what is written; vacuum if left out.",
            choices=("vacuum", "air"),
        ),
        Key(
            "barycentric_velocity",
            "numbers",
            None,
            "Velocity of the observer towards the star at each epoch, or one for all; spectra are then in "
            "the frame of the observatory, else in that of the barycentre.",
            "km/s",
            (-100.0, 100.0, True, True),
        ),
        Key(
            "site",
            "numbers",
            None,
            "East longitude [deg], latitude [deg] and height [m] of the observatory, in place of "
            "barycentric_velocity; with target_deg.",
        ),
        Key("target_deg", "numbers", None, "Right ascension and declination of the star, ICRS.", "deg"),
        Key(
            "noise",
            "string",
            None,
            "Noise model; lamost, apogee and galah have their own, the others none, if left out.",
            choices=("none", "snr", *SURVEYS),
        ),
        Key("snr", "number", None, "snr: signal to noise of a pixel at the mean flux.", span=_ABOVE),
        Key(
            "magnitude",
            "number",
            None,
            "For the noise of lamost (SDSS r), apogee (H), galah (V); of the simulated flux if left out.",
            "mag",
        ),
    ),
    is_list=True,
)

VELOCITIES = Section(
    "velocities",
    "Series of radial velocities in closed form: the mean velocity of the light in a band.",
    (
        Key("name", "string", "rv", "Name of the series."),
        Key("bands", "strings", ["johnson_v"], "Bands of the grid, a velocity for each."),
        *_SCHEDULE,
        Key("exposure_s", "number", 0.0, "Length of an exposure.", "s", _ANY),
        Key("n_sub", "integer", 3, "Sub-exposures over which velocities are averaged.", span=_SUB),
        Key("error_m_s", "number", 0.0, "Standard deviation of their noise.", "m/s", _ANY),
    ),
    is_list=True,
)

SPECTRA = Section(
    "spectra",
    "How spectra are computed.",
    (
        Key(
            "grid",
            "string",
            None,
            "Spectral intensities: a file, relative to this one, or the name of a grid that was built, as "
            "phoenix; the embedded grid if left out.",
        ),
        Key(
            "smoothing",
            "number",
            1.4,
            "Resolving power kept of the grid, over the spectrograph's; inf leaves the grid as it is.",
            span=(1.2, inf, True, True),
        ),
        Key(
            "n_disc",
            "integers",
            None,
            "Nodes of the disc, across and along the projected spin axis; what 1e-4 asks for if left out.",
        ),
        Key(
            "n_cap",
            "integers",
            None,
            "Rings of each spot, and nodes of a ring; what 1e-4 asks for if left out.",
        ),
        Key(
            "n_planet",
            "integers",
            None,
            "A third of the slices of each planet, and nodes of a slice; what 1e-4 asks for if left out.",
        ),
        Key(
            "max_velocity",
            "number",
            None,
            "Room for velocities on the disc; what the star needs if left out.",
            "km/s",
            (0.0, 3000.0, False, False),
        ),
        Key(
            "max_shift",
            "number",
            None,
            "Room for the velocity of the star as a whole; what it needs if left out.",
            "km/s",
            (0.0, 3e4, False, True),
        ),
    ),
)

CONVECTION = Section(
    "convection",
    "Convective shift of lines, in spectra and velocities; star.convective_blueshift scales it.",
    (
        Key("shift", "string", "solar", "Its course across the disc.", choices=("solar", "none")),
        Key("spot_inhibition", "number", 1.0, "Share that is missing in spots.", span=(0, 1, True, True)),
        Key("facula_inhibition", "number", 0.5, "Share that is missing in faculae.", span=(0, 1, True, True)),
    ),
)
