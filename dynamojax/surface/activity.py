"""Parameters of spot emergence: `Activity` (one star, traced leaves) and `Emergence` (static choices).

Rates are those of solar active regions after Schrijver & Harvey (1994, Sol. Phys. 150, 1): a(t) A^-2
regions per day and deg2 of area A [deg2], with a = 10 at cycle maximum, summed over a few log-spaced
sizes below 100 deg2 as in van Ballegooijen et al. (1998, ApJ 501, 866, section 4).
"""

import math

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from dynamojax.system import check_shapes, leaf

YEAR_DAY = 365.25  # Julian year
_REGIONS_SUN = 10.0  # a at maximum, per day and deg2 (Schrijver & Harvey 1994)
_AREA_SUN_DEG2 = 100.0  # the largest active regions (van Ballegooijen et al. 1998)
_MODULATIONS = ("uniform", "cycle")
_LATITUDES = ("butterfly", "random", "isotropic")
_PARENTS = ("largest", "any")


class Activity(eqx.Module):
    """How often, where and how large spots emerge on one star.

    Attributes:
        level: Rate of emergence relative to the Sun; 0 is an immaculate star. [1]
        cycle_length: From the start of a cycle to the start of the next. [day]
        cycle_overlap: How long a cycle lives on beside the next, 0 to cycle_length. [day]
        cycle_start: Time at which any one cycle starts. [day]
        lat_min: Mean latitude of emergence at the end of a cycle, above 0 for a butterfly. [rad]
        lat_max: Mean latitude of emergence at the start of a cycle. [rad]
        lat_margin: How far from [lat_min, lat_max] a butterfly reaches. [rad]
        area_max: Area of the largest spots (with bipoles: of both poles together). [sr]
        tau_emerge: Growth time of the largest spots. [day]
        tau_decay: Decay time of the largest spots. [day]
        tau_power: Both times scale as area^tau_power; 0 is one time for all, 1 the
            Gnevyshev-Waldmeier rule (lifetime proportional to area). [1]
        nest_prob: Fraction of regions that emerge in the nest of an earlier one, below 1. [1]
        nest_delay_min: Shortest delay between the two. [day]
        nest_delay_max: Longest delay between the two. [day]
        nest_scatter_lat: Standard deviation of the latitude about the earlier one's. [rad]
        nest_scatter_lon: Standard deviation of the longitude about the earlier one's. [rad]
        active_prob: Fraction of the other regions that emerge at active longitudes. [1]
        active_lon: An active longitude, in the frame that turns at the equatorial rate. [rad]
        active_scatter: Standard deviation of the longitude about it. [rad]
        separation: Distance of the poles of the largest bipoles; scales as area^(1/2). [rad]
        leader_share: Share of the leading pole in the area of a bipole. [1]
        joy_slope: Tilt per latitude, Joy's law. [1]
        joy_offset: Tilt at the equator. [rad]
        joy_scatter: Scale of the scatter of the tilt. [rad]
    """

    level: Float[Array, "*batch"] = leaf()
    cycle_length: Float[Array, "*batch"] = leaf()
    cycle_overlap: Float[Array, "*batch"] = leaf()
    cycle_start: Float[Array, "*batch"] = leaf()
    lat_min: Float[Array, "*batch"] = leaf()
    lat_max: Float[Array, "*batch"] = leaf()
    lat_margin: Float[Array, "*batch"] = leaf()
    area_max: Float[Array, "*batch"] = leaf()
    tau_emerge: Float[Array, "*batch"] = leaf()
    tau_decay: Float[Array, "*batch"] = leaf()
    tau_power: Float[Array, "*batch"] = leaf()
    nest_prob: Float[Array, "*batch"] = leaf()
    nest_delay_min: Float[Array, "*batch"] = leaf()
    nest_delay_max: Float[Array, "*batch"] = leaf()
    nest_scatter_lat: Float[Array, "*batch"] = leaf()
    nest_scatter_lon: Float[Array, "*batch"] = leaf()
    active_prob: Float[Array, "*batch"] = leaf()
    active_lon: Float[Array, "*batch"] = leaf()
    active_scatter: Float[Array, "*batch"] = leaf()
    separation: Float[Array, "*batch"] = leaf()
    leader_share: Float[Array, "*batch"] = leaf()
    joy_slope: Float[Array, "*batch"] = leaf()
    joy_offset: Float[Array, "*batch"] = leaf()
    joy_scatter: Float[Array, "*batch"] = leaf()

    def __check_init__(self):
        check_shapes(self)

    @staticmethod
    def from_degrees(
        *,
        level=1.0,
        cycle_length_yr=11.0,
        cycle_overlap_yr=2.0,
        cycle_start=0.0,
        lat_min_deg=7.0,
        lat_max_deg=28.0,
        lat_margin_deg=7.0,
        area_max_deg2=10.0,
        tau_emerge=5.0,
        tau_decay=50.0,
        tau_power=1.0,
        nest_prob=0.0,
        nest_delay_min=5.0,
        nest_delay_max=15.0,
        nest_scatter_lat_deg=0.9,
        nest_scatter_lon_deg=4.1,
        active_prob=0.0,
        active_lon_deg=0.0,
        active_scatter_deg=10.0,
        separation_deg=10.0,
        leader_share=0.5,
        joy_slope=0.5,
        joy_offset_deg=2.0,
        joy_scatter_deg=27.0,
    ) -> "Activity":
        """Activity in degrees, square degrees, days and, for cycles, Julian years; the default is the Sun.

        Arrays make a population; scalars are broadcast.

        Rates, cycle, latitudes, delays and nest cells (36 x 16 of them) are those of van Ballegooijen
        et al. (1998) as butterpy has them; the tilt law is Wang & Sheeley's (1991, ApJ 375, 761).
        Spots take a tenth of the area of their active region, and tau_decay is area_max over
        10 millionths of a hemisphere a day (Gnevyshev-Waldmeier rule; Petrovay & van Driel-Gesztelyi
        1997, Sol. Phys. 176, 249): together they cover about 0.1 % of the Sun at maximum.
        butterpy has area_max_deg2 = 100 and, for all sizes, tau_decay = 5 prot, tau_emerge = 2.

        Raises:
            ValueError: a value outside its range.
        """
        arguments = dict(locals())
        given = [_canonical(name, value) for name, value in arguments.items()]
        values = np.broadcast_arrays(*(value for _, value in given))
        return validate_activity(Activity(**{name: x for (name, _), x in zip(given, values, strict=True)}))


def _canonical(name: str, value) -> tuple[str, np.ndarray | np.floating]:
    """Name without the suffix of its unit, value in the canonical unit."""
    scales = {"_deg2": np.deg2rad(1.0) ** 2, "_deg": np.deg2rad(1.0), "_yr": YEAR_DAY}
    for suffix, scale in scales.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix), np.asarray(value) * scale
    return name, np.asarray(value)


class Emergence(eqx.Module):
    """The choices that are fixed while a program runs.

    Attributes:
        n_spots: Places in the map; see `recommend_n_spots`.
        modulation: "uniform" in time, or with the "cycle" as sin^2 of its phase.
        latitudes: "butterfly"; "random", a broad Gaussian; "isotropic", uniform on the sphere
            between lat_min and lat_max.
        bipoles: Whether a region is a pair of spots, of which each takes a place, or one.
        n_sizes: Number of sizes.
        size_step: Spacing of ln(area).
        area_power: p of the law dN/dA ~ A^-p; the smaller, the more frequent for p > 1.
        nest_parents: Which regions found a nest: the "largest" size, or "any".
        n_active_longitudes: Active longitudes, evenly spaced.
    """

    n_spots: int = eqx.field(static=True, default=200)
    modulation: str = eqx.field(static=True, default="uniform")
    latitudes: str = eqx.field(static=True, default="butterfly")
    bipoles: bool = eqx.field(static=True, default=False)
    n_sizes: int = eqx.field(static=True, default=5)
    size_step: float = eqx.field(static=True, default=0.5)
    area_power: float = eqx.field(static=True, default=2.0)
    nest_parents: str = eqx.field(static=True, default="largest")
    n_active_longitudes: int = eqx.field(static=True, default=2)

    def __check_init__(self):
        for name, allowed in (
            ("modulation", _MODULATIONS),
            ("latitudes", _LATITUDES),
            ("nest_parents", _PARENTS),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} = {getattr(self, name)!r} is unknown; choose one of {allowed}")
        for name in ("n_spots", "n_sizes", "n_active_longitudes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)} must be at least 1; raise it")
        if self.bipoles and self.n_spots % 2:
            raise ValueError(f"n_spots = {self.n_spots} must be even with bipoles; add one")
        if not 0 < self.size_step < math.inf or not math.isfinite(self.area_power):
            raise ValueError(
                f"size_step = {self.size_step} and area_power = {self.area_power} must be finite, "
                "the first above 0; 0.5 and 2 are the Sun's"
            )

    @property
    def n_regions(self) -> int:
        """Places for regions: half as many as for spots if they are bipoles."""
        return self.n_spots // 2 if self.bipoles else self.n_spots

    @property
    def frequencies(self) -> np.ndarray:
        """Frequency of each size, the largest first, summing to 1; exp(0.5 k) / sum by default."""
        weight = np.exp(self.size_step * (self.area_power - 1.0) * np.arange(self.n_sizes))
        return weight / weight.sum()

    @property
    def rate_sun(self) -> float:
        """Regions per day on the Sun at cycle maximum: the integral of a A^-p over the sizes' bins."""
        slope = self.area_power - 1.0
        width = 2.0 * math.sinh(0.5 * slope * self.size_step) / slope if slope else self.size_step
        terms = np.exp(self.size_step * slope * np.arange(self.n_sizes))
        return float(_REGIONS_SUN / _AREA_SUN_DEG2 * width * terms.sum())


_RANGES = {  # name: (low, high, low is allowed, high is allowed)
    "level": (0.0, np.inf, True, False),
    "cycle_length": (0.0, np.inf, False, False),
    "cycle_start": (-np.inf, np.inf, False, False),
    "lat_min": (0.0, np.pi / 2, True, False),
    "lat_max": (0.0, np.pi / 2, False, True),
    "lat_margin": (0.0, np.pi / 2, True, True),
    "area_max": (0.0, 2 * np.pi, False, True),
    "tau_emerge": (0.0, np.inf, False, True),
    "tau_decay": (0.0, np.inf, False, True),
    "tau_power": (-np.inf, np.inf, False, False),
    "nest_prob": (0.0, 1.0, True, False),
    "nest_delay_min": (0.0, np.inf, True, False),
    "nest_delay_max": (0.0, np.inf, True, False),
    "nest_scatter_lat": (0.0, np.pi / 4, True, True),
    "nest_scatter_lon": (0.0, np.pi, True, True),
    "active_prob": (0.0, 1.0, True, True),
    "active_lon": (-np.inf, np.inf, False, False),
    "active_scatter": (0.0, np.pi, True, True),
    "separation": (0.0, np.pi, True, False),
    "leader_share": (0.0, 1.0, True, True),
    "joy_slope": (-np.inf, np.inf, False, False),
    "joy_offset": (-np.pi / 2, np.pi / 2, True, True),
    "joy_scatter": (0.0, np.pi, True, True),
}


def _require(name: str, value, ok, allowed: str, remedy: str) -> None:
    bad = np.atleast_1d(value)[~np.atleast_1d(ok)]
    if bad.size:
        raise ValueError(f"{name} = {bad.flat[0]:.6g} must be in {allowed}; {remedy}")


def validate_activity(activity: Activity, config: Emergence | None = None) -> Activity:
    """The same activity, or an error that names what is out of range; it looks at values: host only.

    Raises:
        ValueError: name, value, range and remedy of the first leaf out of range.
    """
    leaves = {name: np.asarray(value) for name, value in vars(activity).items()}
    for name, (low, high, low_ok, high_ok) in _RANGES.items():
        x = leaves[name]
        ok = ((x >= low) if low_ok else (x > low)) & ((x <= high) if high_ok else (x < high))
        allowed = f"{'[' if low_ok else '('}{low:.6g}, {high:.6g}{']' if high_ok else ')'}"
        _require(name, x, ok, allowed, "give a value in that range (rad, sr, day)")
    length, overlap = leaves["cycle_length"], leaves["cycle_overlap"]
    _require(
        "cycle_overlap",
        overlap,
        (overlap >= 0) & (overlap <= length),
        "[0, cycle_length]",
        "at most two cycles overlap: shorten it",
    )
    for low, high in (("lat_min", "lat_max"), ("nest_delay_min", "nest_delay_max")):
        _require(low, leaves[low], leaves[low] <= leaves[high], f"(.., {high}]", f"lower it or raise {high}")
    if config is not None and config.latitudes == "butterfly":
        remedy = "an exponential never reaches the equator: raise it"
        _require("lat_min", leaves["lat_min"], leaves["lat_min"] > 0, "(0, lat_max]", remedy)
    return activity
