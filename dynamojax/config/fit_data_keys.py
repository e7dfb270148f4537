"""The keys of [[data]]: files, what of them is used, and how it is compared with a model."""

from math import inf

from dynamojax.config.keys import Key, Section

_ANY = (0.0, inf, True, False)
_ABOVE = (0.0, inf, False, False)

# Those of `inference.data`, which needs JAX; a test compares them.
NOISES = ("gaussian", "student", "correlated")
FORMATS = {
    "light_curve": ("lightkurve", "table"),
    "spectrum": ("lamost", "apogee", "apvisit", "dynamojax", "specutils", "table"),
}
# Keys that belong to one kind of data.
APPLIES = {
    "light_curve": (
        *("band", "column", "flux_unit", "start", "stop", "reference", "bin", "clip", "error", "exposure_s"),
        *("trend_degree", "breaks", "offset", "gp_rho"),
    ),
    "spectrum": ("resolution", "wavelength", "medium", "time", "continuum_degree", "velocity", "gp_width"),
}

DATA = Section(
    "data",
    "Data sets; any number, each with a name of its own.",
    (
        Key("kind", "string", "light_curve", "What it is.", choices=tuple(FORMATS), required=True),
        Key("path", "string", None, "File, relative to this one.", required=True),
        Key(
            "format",
            "string",
            "auto",
            "lightkurve: FITS of Kepler, TESS or this package. table: .csv or .ecsv with time [day] or "
            "wavelength [angstrom], flux and flux_err. lamost, apogee (apStar, aspcapStar), apvisit, "
            "dynamojax. specutils: whatever that package opens, if it is installed.",
            choices=("auto", *dict.fromkeys(name for names in FORMATS.values() for name in names)),
        ),
        Key("name", "string", None, "Of the data set; the band's or the instrument's if left out."),
        Key("band", "string", None, "Of a light curve: band of the grid; the file's if it tells."),
        Key("column", "string", None, "Column of the flux; the corrected one if left out."),
        Key(
            "flux_unit",
            "string",
            None,
            "relative (about 1), counts (any linear unit), ppm (deviation) or mag; as the file says if left "
            "out.",
            choices=("relative", "counts", "ppm", "mag"),
        ),
        Key("start", "number", None, "First time that is used, as times stand in the file.", "day"),
        Key("stop", "number", None, "Last time that is used, as times stand in the file.", "day"),
        Key("reference", "number", None, "BJD of time 0 in the file; as the file says if left out.", "day"),
        Key(
            "bin",
            "number",
            None,
            "Width of bins, each an exposure; those less than half full are left out. None if left out.",
            "day",
            _ABOVE,
        ),
        Key(
            "clip",
            "number",
            None,
            "Points farther than this many standard deviations from a cubic through their neighbours are "
            "left out, flares for one; none if left out.",
            span=_ABOVE,
        ),
        Key(
            "error",
            "string",
            "stated",
            "Errors of the file, or from the scatter of neighbouring points.",
            choices=("stated", "scatter"),
        ),
        Key(
            "exposure_s", "number", None, "Length of an exposure; the file's if it tells, else 0.", "s", _ANY
        ),
        Key(
            "trend_degree",
            "integer",
            0,
            "Degree of the polynomial in time that multiplies the model, solved inside; 0 is a level.",
            span=(0, 30, True, True),
        ),
        Key(
            "breaks",
            "numbers",
            None,
            "Times where a new polynomial begins, as they stand in the file.",
            "day",
        ),
        Key("offset", "boolean", False, "Whether a constant is added, too: light of something else."),
        Key(
            "resolution",
            "number",
            None,
            "Resolving power; 1800 of lamost, 22500 of apogee.",
            span=(1.0, inf, False, False),
        ),
        Key(
            "wavelength",
            "numbers",
            None,
            "Lowest and highest used, in vacuum; all if left out.",
            "angstrom",
            (0.0, inf, True, True),
        ),
        Key("medium", "string", "vacuum", "Of wavelengths in a table.", choices=("vacuum", "air")),
        Key(
            "time",
            "number",
            None,
            "Of a spectrum, as times stand in the light curve; 0 if there is none.",
            "day",
        ),
        Key(
            "continuum_degree",
            "integer",
            5,
            "Degree of the polynomial in ln(wavelength) that multiplies each arm; -1 for none: absolute "
            "fluxes.",
            span=(-1, 30, True, True),
        ),
        Key(
            "noise",
            "string",
            "gaussian",
            "student has room for outliers; correlated adds Matern 3/2 noise, as of lines that a grid has "
            "wrong.",
            choices=NOISES,
        ),
        Key(
            "jitter",
            "number",
            None,
            "White noise beyond the errors: fixed, or where NAME.jitter starts if it is free.",
            "median flux",
            _ANY,
        ),
        Key("dof", "number", 4.0, "student: degrees of freedom.", span=_ABOVE),
        Key(
            "gp_sigma",
            "number",
            None,
            "correlated: standard deviation; 0.001 of light, 0.01 of spectra if left out.",
            "median flux",
            _ABOVE,
        ),
        Key("gp_rho", "number", 1.0, "correlated: its scale in a light curve.", "day", _ABOVE),
        Key("gp_width", "number", 300.0, "correlated: its scale in ln(wavelength).", "km/s", _ABOVE),
        Key(
            "velocity",
            "number",
            0.0,
            "Zero point, added to the star's velocity.",
            "km/s",
            (-3e4, 3e4, True, True),
        ),
    ),
    is_list=True,
)
