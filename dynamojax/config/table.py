"""THE table: every key of a configuration. Checks, `dynamojax config` and the documentation come from it.

Defaults of stars, activity and surfaces are those of `Star.from_degrees`, `Activity.from_degrees`,
`Emergence` and `SurfaceConfig`; a test compares them.
"""

from math import inf

from dynamojax.config.activity_keys import ACTIVITY
from dynamojax.config.keys import Key, Section
from dynamojax.config.photometer_keys import NOISE, PHOTOMETERS
from dynamojax.config.spectrograph_keys import CONVECTION, SPECTRA, SPECTROGRAPHS, VELOCITIES
from dynamojax.constants import LOGG_SUN_DEX, TEFF_SUN_K

POSITIVE = (0.0, inf, False, False)
# Those of `atmosphere.limb_darkening`, which needs JAX; a test compares them.
# The second, those of `atmosphere.extinction`.
LAWS = ("linear", "quadratic", "square_root", "logarithmic", "power2", "four_parameter")
DUST_LAWS = ("CCM89", "O94", "F99", "F04", "M14", "F19", "D22", "G23")

STAR = Section(
    "star",
    "The star. What is not given is the Sun at 10 pc, equator-on.",
    (
        Key("name", "string", "star", "Begins the names of the files and is OBJECT in FITS."),
        Key("teff", "number", TEFF_SUN_K, "Effective temperature.", "K", (2300.0, 12000.0, True, True)),
        Key("logg", "number", LOGG_SUN_DEX, "log10 of the gravity in cm/s2.", "dex", (0.0, 6.0, True, True)),
        Key("feh", "number", 0.0, "Metallicity.", "dex", (-4.0, 1.0, True, True)),
        Key("mass", "number", 1.0, "Mass.", "solMass", POSITIVE),
        Key("radius", "number", 1.0, "Radius.", "solRad", POSITIVE),
        Key("distance", "number", 10.0, "Distance.", "pc", POSITIVE),
        Key("prot", "number", 25.38, "Equatorial rotation period.", "day", POSITIVE),
        Key(
            "inc_deg",
            "number",
            90.0,
            "Inclination of the spin axis: 0 is pole-on, 90 equator-on.",
            "deg",
            (0.0, 180.0, True, True),
        ),
        Key(
            "shear",
            "number",
            0.2,
            "Differential rotation: Omega(lat) = Omega_eq (1 - shear sin^2 lat).",
            span=(-1.0, 1.0, True, False),
        ),
        Key("spot_contrast", "number", 1500.0, "Photosphere minus spot temperature.", "K"),
        Key(
            "facula_contrast",
            "number",
            50.0,
            "Facula minus photosphere temperature at the disc's centre.",
            "K",
        ),
        Key(
            "facula_ratio",
            "number",
            0.0,
            "Facular over spot area; needs surface.faculae = true.",
            span=(0.0, inf, True, False),
        ),
        Key(
            "rv",
            "number",
            0.0,
            "Systemic radial velocity, positive when it recedes.",
            "km/s",
            (-3e4, 3e4, True, True),
        ),
        Key("convective_blueshift", "number", 1.0, "Of the photosphere, in units of the Sun's."),
        Key(
            "macroturbulence",
            "number",
            0.0,
            "Radial-tangential velocity.",
            "km/s",
            (0.0, inf, True, False),
        ),
        Key(
            "microturbulence",
            "number",
            0.0,
            "Microscopic broadening of lines beyond the grid's own: exp(-(v / microturbulence)^2).",
            "km/s",
            (0.0, inf, True, False),
        ),
        Key(
            "av",
            "number",
            0.0,
            "Interstellar extinction in V, by the law of the section extinction.",
            "mag",
            (0.0, inf, True, False),
        ),
    ),
)

SPOTS = Section(
    "spots",
    "Spots one by one. Instead of them: [spot_map], or [activity] to draw them.",
    (
        Key("lat_deg", "number", 0.0, "Latitude.", "deg", (-90.0, 90.0, True, True)),
        Key("lon_deg", "number", 0.0, "Longitude: 0 faces the observer at time 0.", "deg"),
        Key(
            "radius_deg",
            "number",
            5.0,
            "Angular radius at maximum.",
            "deg",
            (0.0, 90.0, True, True),
            required=True,
        ),
        Key("t_max", "number", 0.0, "Time of maximum.", "day"),
        Key("tau_emerge", "number", inf, "Growth time before the maximum.", "day", (0.0, inf, False, True)),
        Key("tau_decay", "number", inf, "Decay time after the maximum.", "day", (0.0, inf, False, True)),
    ),
    is_list=True,
)

SPOT_MAP = Section(
    "spot_map",
    "Spots from a file: one that was saved, or a table with the columns of [[spots]].",
    (Key("file", "string", "spots.ecsv", "HDF5, ECSV or CSV, relative to this file.", required=True),),
)

PLANETS = Section(
    "planets",
    "Planets on Keplerian orbits.",
    (
        Key("radius_ratio", "number", None, "Planet over stellar radius.", span=(0.0, inf, True, False)),
        Key(
            "radius_earth",
            "number",
            None,
            "Radius, instead of radius_ratio.",
            "earthRad",
            (0.0, inf, True, False),
        ),
        Key("mass_earth", "number", 0.0, "Mass.", "earthMass", (0.0, inf, True, False)),
        Key("period", "number", 10.0, "Orbital period.", "day", POSITIVE, required=True),
        Key("t_transit", "number", 0.0, "Time of a transit.", "day"),
        Key(
            "inc_deg", "number", 90.0, "Inclination of the orbit: 90 is edge-on.", "deg", (0, 180, True, True)
        ),
        Key("ecc", "number", 0.0, "Eccentricity.", span=(0.0, 1.0, True, False)),
        Key("omega_deg", "number", 90.0, "Argument of periastron of the star's orbit.", "deg"),
        Key("obliquity_deg", "number", 0.0, "Projected angle from spin axis to orbit normal.", "deg"),
    ),
    is_list=True,
)

SURFACE = Section(
    "surface",
    "How the surface is computed.",
    (
        Key(
            "law",
            "string",
            "gaussian",
            "How the radii of spots evolve about t_max.",
            choices=("constant", "linear", "quadratic", "gaussian"),
        ),
        Key(
            "overlap",
            "string",
            "sum",
            '"sum" is fast and too dark where spots overlap, "exact" counts each piece of surface once.',
            choices=("sum", "exact"),
        ),
        Key("faculae", "boolean", False, "Whether spots carry faculae."),
        Key(
            "n_neighbours",
            "integer",
            32,
            "In exact mode, how many others may overlap any one spot.",
            span=(1, 2**31 - 1, True, True),
        ),
        Key(
            "times_per_step",
            "integer",
            1024,
            "Epochs computed together; bounds the memory.",
            span=(1, 2**31 - 1, True, True),
        ),
    ),
)

LIMB_DARKENING = Section(
    "limb_darkening",
    "Laws in place of the limb darkening of the grid, one for each band that should have one.",
    (
        Key("band", "string", "kepler", "Band that a photometer records.", required=True),
        Key("law", "string", "quadratic", "Form of the law.", choices=LAWS),
        Key(
            "coefficients",
            "numbers",
            [0.4, 0.2],
            "As the law takes them: one for linear, four for four_parameter, two for the others.",
            required=True,
        ),
    ),
    is_list=True,
)

SIMULATION = Section(
    "simulation",
    "Time and precision.",
    (
        Key(
            "epoch_bjd",
            "number",
            2454833.0,
            "BJD (TDB) of time 0; the default makes times Kepler's BKJD.",
            "day",
            (0.0, inf, True, False),
        ),
        Key(
            "degree",
            "integer",
            5,
            "Degree of the polynomial in mu that stands for the limb darkening.",
            span=(1, 12, True, True),
        ),
        Key("precision", "string", "float32", "Of the computation.", choices=("float32", "float64")),
    ),
)

OUTPUT = Section(
    "output",
    "What is written, and where.",
    (
        Key("folder", "string", "output", "Relative to where the command runs; --output overrides it."),
        Key(
            "formats",
            "strings",
            ["fits", "hdf5"],
            "FITS: a file for each band of light curves, each spectrum, each series of velocities; HDF5: "
            "everything in one file.",
            choices=("fits", "hdf5"),
        ),
        Key(
            "layouts",
            "strings",
            ["table", "survey"],
            "Spectra in FITS: a table that specutils opens; also as LAMOST and APOGEE write theirs.",
            choices=("table", "survey"),
        ),
        Key("plot", "boolean", True, "Whether to draw what is seen; --plot and --no-plot override it."),
        Key("animate", "boolean", False, "Whether to animate the rotating star; --animate overrides it."),
    ),
)

EXTINCTION = Section(
    "extinction",
    "Law of interstellar extinction, in bands and spectra; star.av scales it.",
    (
        Key("law", "string", "G23", "Name in the package dust_extinction.", choices=DUST_LAWS),
        Key(
            "r_v",
            "number",
            3.1,
            "Total over selective extinction; each law has its range.",
            span=(0.0, inf, False, False),
        ),
    ),
)

SECTIONS = (
    STAR,
    SPOTS,
    SPOT_MAP,
    ACTIVITY,
    PLANETS,
    PHOTOMETERS,
    SPECTROGRAPHS,
    VELOCITIES,
    LIMB_DARKENING,
    SURFACE,
    SPECTRA,
    CONVECTION,
    EXTINCTION,
    NOISE,
    SIMULATION,
    OUTPUT,
)
BY_NAME = {section.name: section for section in SECTIONS}
