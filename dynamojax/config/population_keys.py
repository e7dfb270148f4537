"""The keys of [population]: what stars are drawn from."""

from math import inf

from dynamojax.config.keys import Key, Section

_ABOVE = (0.0, inf, False, False)
_DRAW = 'as "uniform 0.1 10" or "normal 0 0.2 -2 0.5"; the prior\'s if left out.'

POPULATION = Section(
    "population",
    "What stars are drawn from; what is left out is the prior's own.",
    (
        Key(
            "prior",
            "string",
            "kepler",
            "Stars as Kepler observed them, or the original's distributions to compare with.",
            choices=("kepler", "original"),
        ),
        Key("mass", "string", None, f"Initial mass, {_DRAW}", "solMass"),
        Key("feh", "string", None, f"Metallicity, {_DRAW}", "dex"),
        Key("age", "string", None, f"Age, {_DRAW}", "Gyr"),
        Key("inclination", "string", None, f"Of the spin axis, {_DRAW}", "rad"),
        Key("teff_low", "number", None, "Coolest star.", "K", _ABOVE),
        Key("teff_high", "number", None, "Hottest star.", "K", _ABOVE),
        Key("logg_low", "number", None, "Most extended star.", "dex"),
        Key("logg_high", "number", None, "Most compact star.", "dex"),
        Key(
            "planets",
            "string",
            "none",
            "Of each star; transiting: only orbits that transit. Transits in front of spots are costly.",
            choices=("none", "kepler", "transiting"),
        ),
        Key("n_planets", "integer", 3, "Places for planets.", span=(1, 16, True, True)),
        Key(
            "binaries",
            "string",
            "none",
            "Companions, whose light is measured with the star's where they are not resolved. "
            "kepler_eclipses: those that eclipse do; eclipsing: each star has one that does. Both cost time.",
            choices=("none", "kepler", "kepler_eclipses", "eclipsing"),
        ),
        Key("start", "number", None, "From when on spots are wanted; the first epoch if left out.", "day"),
        Key("stop", "number", None, "Until when; the last epoch if left out.", "day"),
        Key(
            "n_spots",
            "integer",
            None,
            "Places for spots; stars that need more are not valid. Enough for nearly all if left out.",
            span=(1, 2**20, True, True),
        ),
    ),
)
