"""Where parameters may lie at all: what is possible for a star, and the box of the grids of a simulator."""

import numpy as np

from dynamojax.inference.data import NUISANCES
from dynamojax.simulate import Simulator
from dynamojax.system import System
from dynamojax.validation import SPANS


def span(place) -> tuple[float, float]:
    """Lowest and highest possible value of a leaf, in canonical units."""
    _, owner, field, _ = place
    low, high = SPANS[owner][field] if owner else NUISANCES[field]
    return float(low), float(high)


def grid_box(simulator: Simulator) -> dict[str, tuple[float, float]]:
    """Ranges of teff, logg and feh that every grid of a simulator covers. [K, dex, dex]"""
    grids = [simulator.grid] if simulator.schedules else []
    grids += [recorder.grid for recorder in simulator.recorders]
    axes = {name: [np.asarray(getattr(g, name)) for g in grids] for name in ("teff", "logg", "feh")}
    return {n: (float(max(a[0] for a in x)), float(min(a[-1] for a in x))) for n, x in axes.items()}


def boxes(simulators: dict[str, Simulator], systems: dict[str, System]) -> dict:
    """Bounds by leaf that keep a star, and its spots at the starting teff, on the grids."""
    found = {}
    for root, simulator in simulators.items():
        box = grid_box(simulator)
        found |= {(root, "star", name): ends for name, ends in box.items()}
        coolest = float(np.min(np.asarray(systems[root].star.teff))) - box["teff"][0]
        if coolest > 0:
            found[root, "star", "spot_contrast"] = (-np.inf, coolest)
    return found
