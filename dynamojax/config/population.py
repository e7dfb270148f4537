"""From the section [population] to a prior."""

import dataclasses
import inspect
from functools import partial

import numpy as np

from dynamojax.population import distributions
from dynamojax.population.binaries import eclipsing_binaries, kepler_binaries
from dynamojax.population.planets import kepler_planets
from dynamojax.population.prior import Prior
from dynamojax.population.sampling import with_window

_DRAWN = ("mass", "feh", "age", "inclination")
_BOUNDS = ("teff_low", "teff_high", "logg_low", "logg_high")
_SHORTEST = 1e-3  # window of epochs, where there is one epoch only. [day]
_BINARIES = {
    "kepler": kepler_binaries,
    "kepler_eclipses": partial(kepler_binaries, eclipses=True),
    "eclipsing": eclipsing_binaries,
}
_KINDS = {
    "fixed": distributions.Fixed,
    "uniform": distributions.Uniform,
    "loguniform": distributions.LogUniform,
    "normal": distributions.Normal,
}


def population(table: dict, times: tuple[float, float]) -> Prior:
    """What stars are drawn from.

    Args:
        table: Of [population], checked.
        times: First and last epoch, between which spots are wanted. [day]

    Raises:
        ValueError: a distribution that cannot be read, an empty window, bounds out of order.
    """
    made = Prior.kepler if table["prior"] == "kepler" else Prior.original
    prior = made() if table["n_spots"] is None else made(n_spots=table["n_spots"])
    start = times[0] if table["start"] is None else table["start"]
    stop = max(times[1], start + _SHORTEST) if table["stop"] is None else table["stop"]
    changes: dict = {name: distribution(name, table[name]) for name in _DRAWN if table[name] is not None}
    changes |= {name: table[name] for name in _BOUNDS if table[name] is not None}
    if table["age"] is not None:  # as it is asked for, not as a survey by brightness sees it
        changes |= {"light_power": 0.0, "n_ages": 1}
    if table["planets"] != "none":
        changes["planets"] = kepler_planets(table["n_planets"], transiting=table["planets"] == "transiting")
    if table["binaries"] != "none":
        changes["binaries"] = _BINARIES[table["binaries"]]()
    prior = with_window(dataclasses.replace(prior, **changes), start, stop)
    for low, high in (_BOUNDS[:2], _BOUNDS[2:]):
        ends = float(np.asarray(getattr(prior, low))), float(np.asarray(getattr(prior, high)))
        if not ends[0] < ends[1]:
            raise ValueError(f"population.{low} = {ends[0]:g} must be below {high} = {ends[1]:g}")
    return prior


def distribution(name: str, text: str) -> distributions.AbstractDistribution:
    """A distribution as a configuration writes it: its kind, then its numbers.

    Raises:
        ValueError: another kind, not its numbers, or numbers that leave nothing to draw.
    """
    kind, *numbers = text.split() or [""]
    if kind not in _KINDS:
        raise ValueError(
            f"population.{name} = {text!r}: {kind!r} is no distribution; allowed: {', '.join(_KINDS)}"
        )
    wanted = list(inspect.signature(_KINDS[kind]).parameters)
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        values = []
    if len(values) != len(wanted) or not np.isfinite(values).all():
        raise ValueError(
            f"population.{name} = {text!r}: {kind} takes {len(wanted)} numbers: {', '.join(wanted)}"
        )
    wrong = _impossible(kind, dict(zip(wanted, values, strict=True)))
    if wrong:
        raise ValueError(f"population.{name} = {text!r}: {wrong}")
    return _KINDS[kind](*values)


def _impossible(kind: str, numbers: dict[str, float]) -> str:
    """What is wrong with the numbers of a distribution, empty if nothing is."""
    if "low" in numbers and not numbers["low"] < numbers["high"]:
        return f"low = {numbers['low']:g} must be below high = {numbers['high']:g}"
    if kind == "loguniform" and numbers["low"] <= 0:
        return f"low = {numbers['low']:g} must be above 0"
    if kind == "normal" and numbers["deviation"] <= 0:
        return f"deviation = {numbers['deviation']:g} must be above 0"
    return ""
