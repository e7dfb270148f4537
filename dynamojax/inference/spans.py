"""Where parameters may lie at all: what is possible for a star, and the box of the grids of a simulator."""

import numpy as np

from dynamojax.constants import C_KM_S
from dynamojax.inference.data import NUISANCES
from dynamojax.observables.disc_config import velocity_parts
from dynamojax.planets.orbit import reflex_velocity
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


def velocity_box(simulator: Simulator, system: System) -> dict[str, tuple[float, float]]:
    """Ranges of what moves or widens lines for which spectra have room, each with the others as they start.

    Without them a fit would end at a wall that no bound tells of: beyond its room a simulation is not valid.
    """
    if not simulator.recorders:
        return {}
    star, parts = system.star, velocity_parts(system.star, simulator.convection)
    steps = [C_KM_S * recorder.grid.ln_step for recorder in simulator.recorders]
    # Half a sample is the star's own velocity, of which kernels have what whole samples leave.
    room = min((simulator.disc.room(step / C_KM_S) - 0.5) * step for step in steps)
    left, rotation = room - sum(parts.values()), parts["prot"]
    if not left > 0:  # the start is not valid, which the fit will say
        return {}
    found = {name: (0.0, (parts[name] + left) / 3) for name in ("macroturbulence", "microturbulence")}
    fastest = min(rotation + left, simulator.disc.fastest)
    found["prot"] = (float(star.prot) * rotation / fastest, np.inf)
    moving = [
        np.max(np.abs(reflex_velocity(star, system.planets, r.exposures.epochs))) + np.max(np.abs(r.observer))
        for r in simulator.recorders
    ]
    most = simulator.max_shift - float(max(moving))
    return found | {"rv": (-most, most)}


def boxes(simulators: dict[str, Simulator], systems: dict[str, System]) -> dict:
    """Bounds by leaf that keep a star, and its spots at the starting teff, on the grids and in their room."""
    found = {}
    for root, simulator in simulators.items():
        box = grid_box(simulator) | velocity_box(simulator, systems[root])
        found |= {(root, "star", name): ends for name, ends in box.items()}
        coolest = float(np.min(np.asarray(systems[root].star.teff))) - box["teff"][0]
        if coolest > 0:
            found[root, "star", "spot_contrast"] = (-np.inf, coolest)
    return found
