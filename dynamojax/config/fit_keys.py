"""The keys of a fit beside its data: what is free, how it is sought, what is kept."""

from math import inf

from dynamojax.config.fit_data_keys import DATA
from dynamojax.config.keys import SEED, Key, Section
from dynamojax.config.table import SIMULATION

_ANY = (0.0, inf, True, False)
_ABOVE = (0.0, inf, False, False)

# Those of `inference.solvers`, which needs JAX; a test compares them.
METHODS = ("auto", "levenberg_marquardt", "optimistix", "bfgs", "adam")

FREE = Section(
    "free",
    "What may change, from where [star], [[spots]] and [[data]] put it.",
    (
        Key(
            "name",
            "string",
            None,
            "Parameter: star.prot, spots.lon_deg[0], planets.radius_ratio[0], or NAME.jitter of a data set; "
            "without an index, all spots. Angles end in _deg.",
            required=True,
        ),
        Key("low", "number", None, "Lowest value; what the grid and physics allow if left out."),
        Key("high", "number", None, "Highest value; likewise."),
        Key(
            "prior",
            "string",
            "flat",
            "log_uniform of positive parameters; isotropic of star.inc_deg; on_sphere of spots.lat_deg.",
            choices=("flat", "normal", "log_uniform", "isotropic", "on_sphere"),
        ),
        Key("mean", "number", None, "normal: its mean."),
        Key("deviation", "number", None, "normal: its standard deviation.", span=_ABOVE),
    ),
    is_list=True,
)

TIES = Section(
    "ties",
    "What follows another parameter instead of being free.",
    (
        Key("name", "string", None, "Parameter that follows.", required=True),
        Key("follows", "string", None, "Parameter that it is equal to.", required=True),
    ),
    is_list=True,
)

FIT = Section(
    "fit",
    "How the fit is sought.",
    (
        Key(
            "spots",
            "string",
            "given",
            "given: as many as there are. greedy: one after another, of those there are at most, as long as "
            "each is worth it; spots.radius_deg must be free.",
            choices=("given", "greedy"),
        ),
        Key(
            "n_spots",
            "integer",
            None,
            "Makes so many of the one of [[spots]], around the star.",
            span=(1, 100, True, True),
        ),
        Key("least_gain", "number", 10.0, "greedy: by how much a spot must lower the BIC.", span=_ANY),
        Key(
            "starts",
            "integer",
            8,
            "Walks, the first from the values given, the others from the best candidates.",
            span=(1, 10**5, True, True),
        ),
        Key(
            "candidates",
            "integer",
            None,
            "Drawn between the bounds; 16 for each start, 256 for each greedy spot, if left out.",
            span=(1, 10**7, True, True),
        ),
        Key(
            "batch",
            "integer",
            4,
            "Starts that walk together; what is finished after each can be resumed.",
            span=(1, 10**5, True, True),
        ),
        Key("steps", "integer", 100, "Of each walk at most.", span=(1, 10**6, True, True)),
        Key("method", "string", "auto", "Optimiser; auto chooses by the noise.", choices=METHODS),
        Key(
            "find_period",
            "boolean",
            False,
            "Whether star.prot starts at the period found in the first light curve.",
        ),
        Key(
            "period_low",
            "number",
            None,
            "Shortest period sought, within the bounds of star.prot; four steps of time without either.",
            "day",
            _ABOVE,
        ),
        Key("period_high", "number", None, "Longest; likewise, half the span without either.", "day", _ABOVE),
        Key(
            "epoch",
            "number",
            None,
            "Time 0 of the parameters, as times stand in the first light curve: there a spot at longitude 0 "
            "faces us; the middle of the data if left out.",
            "day",
        ),
        Key("seed", "integer", 0, "Of candidates and draws.", span=SEED),
    ),
)

POSTERIOR = Section(
    "posterior",
    "What is learnt about the parameters beyond their best values.",
    (
        Key(
            "method",
            "string",
            "laplace",
            "laplace: a Gaussian from the exact curvature, at once. importance: weighted draws of all "
            "maxima, minutes. temper: particles from the prior to all maxima, minutes, the most thorough. "
            "nuts: draws by numpyro about the best one, long. All but the first say whether they are to be "
            "trusted.",
            choices=("none", "laplace", "importance", "temper", "nuts"),
        ),
        Key(
            "draws",
            "integer",
            500,
            "Of each chain; of a Gaussian, chains times as many.",
            span=(10, 10**6, True, True),
        ),
        Key(
            "chains",
            "integer",
            4,
            "One after another; what is finished after each can be resumed.",
            span=(1, 1000, True, True),
        ),
        Key(
            "warmup",
            "integer",
            500,
            "nuts: draws that adapt it and are dropped.",
            span=(10, 10**6, True, True),
        ),
        Key(
            "target_accept", "number", 0.9, "nuts: higher takes smaller steps.", span=(0.5, 1.0, True, False)
        ),
        Key(
            "max_tree_depth",
            "integer",
            8,
            "nuts: at most 2^depth gradients a draw.",
            span=(1, 15, True, True),
        ),
    ),
)

SIMULATION_OF_FITS = Section(
    "simulation",
    "Precision of the computation.",
    (
        SIMULATION.by_name["degree"],
        Key("precision", "string", "float64", "Of the computation.", choices=("float32", "float64")),
    ),
)

OUTPUT_OF_FITS = Section(
    "output",
    "What is written, and where.",
    (
        Key("folder", "string", "fit", "Relative to where the command runs; --output overrides it."),
        Key("plot", "boolean", True, "Whether the report has figures."),
    ),
)

OWN = (DATA, FREE, TIES, FIT, POSTERIOR, SIMULATION_OF_FITS, OUTPUT_OF_FITS)
# Shared with one simulated star.
SHARED = ("star", "spots", "spot_map", "planets", "limb_darkening", "surface", "spectra", "convection")
