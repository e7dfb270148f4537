"""What the library holds and how its files are called.

Source: Husser et al. (2013), A&A 553, A6, table 1; names and folders as the Goettingen server has them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

LIBRARY = "PHOENIX-ACES-AGSS-COND-SPECINT-2011"
AXES: dict[str, tuple[float, ...]] = {
    "teff": tuple(float(t) for t in (*range(2300, 7000, 100), *range(7000, 12001, 200))),
    "logg": tuple(0.5 * i for i in range(13)),
    "feh": (-4.0, -3.0, *(-2.0 + 0.5 * i for i in range(7))),
}
ALPHA = tuple(round(0.2 * i, 1) for i in range(-1, 7))  # where they were computed at all
_UNITS = {"teff": "K", "logg": "dex", "feh": "dex"}
_NAME = re.compile(r"lte(\d{5})-(\d\.\d\d)([+-]\d\.\d)(?:\.Alpha=([+-]\d\.\d\d))?\.PHOENIX")


@dataclass(frozen=True, order=True)
class Model:
    """One model atmosphere.

    Attributes:
        teff: [K]
        logg: [dex]
        feh: [dex]
        alpha: [alpha/Fe]. [dex]
    """

    teff: float
    logg: float
    feh: float
    alpha: float = 0.0

    @property
    def folder(self) -> str:
        """Of the models of this metallicity; solar is -0.0."""
        return f"Z{_metallicity(self.feh)}{_enhancement(self.alpha)}"

    @property
    def name(self) -> str:
        """Of the file; surface gravity is written with a dash."""
        labels = f"{self.teff:05.0f}-{self.logg:.2f}{_metallicity(self.feh)}{_enhancement(self.alpha)}"
        return f"lte{labels}.{LIBRARY}.fits"

    @property
    def path(self) -> str:
        """Folder and name, in the library and in the cache."""
        return f"{self.folder}/{self.name}"


def _metallicity(feh: float) -> str:
    return "-0.0" if feh == 0 else f"{feh:+.1f}"


def _enhancement(alpha: float) -> str:
    return "" if alpha == 0 else f".Alpha={alpha:+.2f}"


def model_of_name(name: str) -> Model | None:
    """The model that a file's name stands for; None for another kind of file."""
    found = _NAME.match(name)
    if found is None:
        return None
    teff, logg, feh, alpha = found.groups()
    return Model(float(teff), float(logg), float(feh) + 0.0, float(alpha or 0.0))


def models(
    teff: Sequence[float] | None = None,
    logg: Sequence[float] | None = None,
    feh: Sequence[float] | None = None,
    alpha: float = 0.0,
) -> list[Model]:
    """Every combination of nodes in these ranges, ends included; not every one of them was computed.

    Args:
        teff: Lowest and highest; the whole axis if None. [K]
        logg: The same. [dex]
        feh: The same. [dex]
        alpha: [alpha/Fe]. [dex]

    Raises:
        ValueError: a range that is upside down, beyond the axis, or holds no node; another alpha.
    """
    nearest = min(ALPHA, key=lambda a: abs(a - alpha))
    if not abs(alpha - nearest) < 1e-6:
        raise ValueError(f"alpha = {alpha:g} dex must be one of {', '.join(f'{a:.1f}' for a in ALPHA)}")
    nodes = [nodes_within(name, bounds) for name, bounds in (("teff", teff), ("logg", logg), ("feh", feh))]
    return [Model(t, g, z, nearest) for z in nodes[2] for t in nodes[0] for g in nodes[1]]


def nodes_within(name: str, bounds: Sequence[float] | None) -> list[float]:
    """Nodes of an axis in a range.

    Raises:
        ValueError: as `models`.
    """
    axis, unit = AXES[name], _UNITS[name]
    low, high = (axis[0], axis[-1]) if bounds is None else bounds
    if not axis[0] <= low <= high <= axis[-1]:
        raise ValueError(
            f"{name} = {low:g} {high:g} {unit} must be two numbers, the lower first, "
            f"in [{axis[0]:g}, {axis[-1]:g}]"
        )
    inside = [node for node in axis if low <= node <= high]
    if not inside:
        below, above = max(n for n in axis if n < low), min(n for n in axis if n > high)
        raise ValueError(
            f"{name} = {low:g} {high:g} {unit} holds no model; the nearest are {below:g} and {above:g}"
        )
    return inside
