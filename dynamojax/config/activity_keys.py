"""The keys of [activity]: how spots are drawn."""

from math import inf

from dynamojax.config.keys import SEED, Key, Section

_ANY = (0.0, inf, True, False)
_ABOVE = (0.0, inf, False, False)
_SHARE = (0.0, 1.0, True, True)

ACTIVITY = Section(
    "activity",
    "Spots drawn at random; what is not given is the Sun. Instead of it: [[spots]] or [spot_map].",
    (
        Key("seed", "integer", 0, "Of the draw; another seed is another map.", span=SEED),
        Key("level", "number", 1.0, "Rate of emergence relative to the Sun; 0 is immaculate.", span=_ANY),
        Key("start", "number", None, "First maximum; 3 tau_decay before the first epoch if left out.", "day"),
        Key("stop", "number", None, "Last maximum; 3 tau_emerge after the last epoch if left out.", "day"),
        Key("cycle_length_yr", "number", 11.0, "From one cycle's start to the next's.", "yr", _ABOVE),
        Key("cycle_overlap_yr", "number", 2.0, "How long a cycle lives on beside the next.", "yr", _ANY),
        Key("cycle_start", "number", 0.0, "Time at which a cycle starts.", "day"),
        Key(
            "lat_min_deg", "number", 7.0, "Mean latitude at the end of a cycle.", "deg", (0, 90, True, False)
        ),
        Key(
            "lat_max_deg",
            "number",
            28.0,
            "Mean latitude at the start of a cycle.",
            "deg",
            (0, 90, False, True),
        ),
        Key(
            "lat_margin_deg", "number", 7.0, "How far a butterfly reaches beyond.", "deg", (0, 90, True, True)
        ),
        Key("area_max_deg2", "number", 10.0, "Area of the largest spots.", "deg2", (0, 20626, False, True)),
        Key("tau_emerge", "number", 5.0, "Growth time of the largest spots.", "day", _ABOVE),
        Key("tau_decay", "number", 50.0, "Decay time of the largest spots.", "day", _ABOVE),
        Key("tau_power", "number", 1.0, "Both times scale as area^tau_power."),
        Key(
            "nest_prob",
            "number",
            0.0,
            "Fraction of regions in the nest of another.",
            span=(0, 1, True, False),
        ),
        Key("nest_delay_min", "number", 5.0, "Shortest delay between the two.", "day", _ANY),
        Key("nest_delay_max", "number", 15.0, "Longest delay between the two.", "day", _ANY),
        Key("nest_scatter_lat_deg", "number", 0.9, "Scatter of a nest.", "deg", (0, 45, True, True)),
        Key("nest_scatter_lon_deg", "number", 4.1, "Scatter of a nest.", "deg", (0, 180, True, True)),
        Key("active_prob", "number", 0.0, "Fraction of the others at active longitudes.", span=_SHARE),
        Key("active_lon_deg", "number", 0.0, "One active longitude, turning at the equator's rate.", "deg"),
        Key("active_scatter_deg", "number", 10.0, "Scatter about it.", "deg", (0, 180, True, True)),
        Key(
            "separation_deg",
            "number",
            10.0,
            "Of the poles of the largest bipoles.",
            "deg",
            (0, 180, True, False),
        ),
        Key("leader_share", "number", 0.5, "Leading pole's share of a bipole's area.", span=_SHARE),
        Key("joy_slope", "number", 0.5, "Tilt of bipoles per latitude."),
        Key("joy_offset_deg", "number", 2.0, "Tilt at the equator.", "deg", (-90, 90, True, True)),
        Key("joy_scatter_deg", "number", 27.0, "Scatter of the tilt.", "deg", (0, 180, True, True)),
        Key(
            "n_spots",
            "integer",
            None,
            "Places for spots; enough of them if left out.",
            span=(1, inf, True, False),
        ),
        Key("modulation", "string", "uniform", "Rate in time.", choices=("uniform", "cycle")),
        Key(
            "latitudes",
            "string",
            "butterfly",
            "Where regions emerge.",
            choices=("butterfly", "random", "isotropic"),
        ),
        Key("bipoles", "boolean", False, "Whether a region is a pair of spots."),
        Key("n_sizes", "integer", 5, "Number of sizes.", span=(1, inf, True, False)),
        Key("size_step", "number", 0.5, "Spacing of ln(area).", span=_ABOVE),
        Key("area_power", "number", 2.0, "p of the law dN/dA ~ A^-p."),
        Key("nest_parents", "string", "largest", "Which regions found a nest.", choices=("largest", "any")),
        Key("n_active_longitudes", "integer", 2, "Evenly spaced.", span=(1, inf, True, False)),
    ),
)
