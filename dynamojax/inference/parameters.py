"""Which leaves of a system are free: found by name, put into a vector, taken out of it again."""

import difflib
import re
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from dynamojax.inference.priors import Distribution, Free, LogUniform, Normal
from dynamojax.inference.spans import span
from dynamojax.inference.transforms import Bounds
from dynamojax.numerics import as_float
from dynamojax.system import System
from dynamojax.units import SYSTEM_UNITS

_ANGLES = {
    *("star.inc", "spots.lat", "spots.lon", "spots.radius"),
    *("planets.inc", "planets.omega", "planets.obliquity"),
}
_DEGREE = float(np.pi / 180)
_FARTHEST = 5.0  # deviations, from which a Gaussian cut off by bounds is lost to rounding in float32

# (name of the star or data set, owner or "", field, index or None)
Place = tuple[str, str, str, int | None]


def _fields(scene: Mapping) -> dict[str, tuple[str, str, str]]:
    """Every leaf by its name, with what leads to it."""
    leaves = {}
    for root, module in scene.items():
        owners = vars(module) if isinstance(module, System) else {"": module}
        for owner, holder in owners.items():
            for field in vars(holder):
                leaves[".".join(filter(None, (root, owner, field)))] = (root, owner, field)
    return leaves


def _holder(scene, root: str, owner: str):
    return getattr(scene[root], owner) if owner else scene[root]


def resolve(name: str, scene: Mapping) -> list[tuple[str, Place, float]]:
    """Labels, places and units (in canonical ones) of the scalars that a name stands for.

    Raises:
        ValueError: no such leaf, or an index outside it.
    """
    found = re.fullmatch(r"([^\[\]]+?)(_deg)?(?:\[(\d+)\])?", name.strip())
    leaves = _fields(scene)
    base, suffix, index = found.groups() if found else (name, None, None)
    path = leaves.get(base)
    is_angle = path is not None and ".".join(path[1:]) in _ANGLES
    if path is None or (suffix and not is_angle):
        known = [*leaves, *(f"{leaf}_deg" for leaf, p in leaves.items() if ".".join(p[1:]) in _ANGLES)]
        close = difflib.get_close_matches(f"{base}{suffix or ''}", known, n=4, cutoff=0.5)
        raise ValueError(
            f"no parameter is called {name!r}; did you mean {', '.join(close) or ', '.join(sorted(known))}?"
        )
    shape = getattr(_holder(scene, *path[:2]), path[2]).shape
    if shape == (0,):
        raise ValueError(f"{name}: the system has no {path[1]}; give one, or leave {name} out")
    if len(shape) > 1 or (index is not None and not (shape and int(index) < shape[0])):
        raise ValueError(
            f"{name}: {base} has shape {shape}; give an index below {shape[0] if shape else 'none'}"
        )
    wanted = [None] if not shape else (range(shape[0]) if index is None else [int(index)])
    unit = _DEGREE if suffix else 1.0
    label = f"{base}{suffix or ''}"
    return [(label if i is None else f"{label}[{i}]", (*path, i), unit) for i in wanted]


def _leaf(scene, place: Place) -> Float[Array, ""]:
    value = getattr(_holder(scene, *place[:2]), place[2])
    return value if place[3] is None else value[place[3]]


def _put(scene: dict, places: Sequence[Place], values: Sequence[Array]) -> dict:
    """The scene with some scalars replaced, each leaf once."""
    new: dict[tuple, Array] = {}
    for place, value in zip(places, values, strict=True):
        path, index = place[:3], place[3]
        leaf = new[path] if path in new else getattr(_holder(scene, *path[:2]), path[2])
        new[path] = value if index is None else leaf.at[index].set(value)
    if not new:
        return scene
    return eqx.tree_at(
        lambda s: [getattr(_holder(s, *path[:2]), path[2]) for path in new], scene, list(new.values())
    )


class Parameters(eqx.Module):
    """The free parameters of a scene: a dictionary of systems and of the nuisances of data sets.

    Attributes:
        scene: Everything, at its fixed or starting value.
        bounds: Of the free parameters, in canonical units.
        priors: Of the free parameters, None for flat.
        is_active: False holds a free parameter at the scene's value, without another trace.
        names: Of the free parameters, static.
        places: Where they are, static.
        units: In which they are declared, in canonical ones, static.
        ties: Places that follow others, static.
    """

    scene: dict
    bounds: Bounds
    priors: tuple[Distribution | None, ...]
    is_active: Bool[Array, " n"]
    names: tuple[str, ...] = eqx.field(static=True)
    places: tuple[Place, ...] = eqx.field(static=True)
    units: tuple[float, ...] = eqx.field(static=True)
    ties: tuple[tuple[Place, Place], ...] = eqx.field(static=True)

    @staticmethod
    def choose(
        scene: Mapping, free: Sequence[Free | str], ties: Mapping[str, str] | None = None, boxes=None
    ) -> "Parameters":
        """Look up what is free, on the host.

        Args:
            scene: Systems by name of the star ("" for one star) and nuisances by name of the data set.
            free: What may change.
            ties: What follows something else: {"b.star.feh": "a.star.feh"}.
            boxes: (low, high) by label of leaves that a grid bounds, as from `spans.boxes`.

        Raises:
            ValueError: a name unknown or there twice, bounds beyond what is possible, a start outside.
        """
        scene, boxes = {k: scene[k] for k in scene}, boxes or {}
        rows = []
        for item in free:
            item = Free(item) if isinstance(item, str) else item
            rows += [(*row, item) for row in resolve(item.name, scene)]
        places = tuple(row[1] for row in rows)
        pairs = _ties(scene, ties or {}, places)
        units = tuple(row[2] for row in rows)
        low, high = _limits(rows, boxes)
        _check_starts(rows, scene, low, high)
        _check_priors(rows, low, high)
        return Parameters(
            scene,
            Bounds.of(low, high),
            tuple(row[3].prior for row in rows),
            jnp.ones(len(rows), bool),
            tuple(row[0] for row in rows),
            places,
            units,
            pairs,
        )

    @property
    def n(self) -> int:
        """Number of free parameters."""
        return len(self.names)

    @property
    def start(self) -> Float[Array, " n"]:
        """Values in the scene, in canonical units."""
        return jnp.stack([_leaf(self.scene, place) for place in self.places])

    def on_line(self, values: Float[Array, " n"]) -> Float[Array, " n"]:
        """Points of the real line of canonical values; anywhere for what is held and may lie on a bound."""
        return self.bounds.outside(jnp.where(self.is_active, values, self.bounds.somewhere))

    @property
    def unit(self) -> Float[Array, " n"]:
        """Declared units in canonical ones."""
        return as_float(np.array(self.units))

    def put(self, values: Float[Array, " n"]) -> dict:
        """The scene with these values (canonical units) in place of the free ones, ties followed."""
        values = jnp.where(self.is_active, values, self.start)
        scene = _put(self.scene, self.places, list(values))
        return _put(scene, [to for to, _ in self.ties], [_leaf(scene, source) for _, source in self.ties])

    def log_prior(self, values: Float[Array, " n"]) -> Float[Array, ""]:
        """Natural log of the prior density, flat ones left out (canonical units in)."""
        declared = values / self.unit
        terms = [p.log_density(declared[i]) * self.is_active[i] for i, p in enumerate(self.priors) if p]
        return sum(terms, jnp.zeros((), values.dtype))

    def prior_residuals(self, values: Float[Array, " n"]) -> list[Float[Array, ""]]:
        """One for each Gaussian prior."""
        declared = values / self.unit
        return [
            p.residual(declared[i]) * self.is_active[i]
            for i, p in enumerate(self.priors)
            if isinstance(p, Normal)
        ]

    @property
    def are_priors_gaussian(self) -> bool:
        """Whether least squares know all of the prior."""
        return all(p is None or isinstance(p, Normal) for p in self.priors)


def _ties(scene, ties: Mapping[str, str], places: tuple[Place, ...]) -> tuple[tuple[Place, Place], ...]:
    twice = sorted(label_of(place) for place in set(places) if places.count(place) > 1)
    if twice:
        raise ValueError(f"free names {', '.join(twice)} more than once; name each once")
    pairs = []
    for follower, source in ties.items():
        to, from_ = resolve(follower, scene), resolve(source, scene)
        if len(to) != len(from_):
            raise ValueError(f"tie {follower} = {source}: {len(to)} values cannot follow {len(from_)}")
        pairs += [(a[1], b[1]) for a, b in zip(to, from_, strict=True)]
        bad = [a[0] for a in to if a[1] in places]
        if bad:
            raise ValueError(f"{bad[0]} is free and tied to {source}; drop one of the two")
        units = {unit_of(a[1]) for a in (*to, *from_)}
        if len(units) > 1:
            raise ValueError(
                f"tie {follower} = {source}: one is in {unit_of(to[0][1]) or '1'}, the other in "
                f"{unit_of(from_[0][1]) or '1'}; tie what is of one kind"
            )
    followers = [to for to, _ in pairs]
    for to, source in pairs:
        if followers.count(to) > 1 or source in followers:
            what = "follows two others" if followers.count(to) > 1 else "follows a follower"
            raise ValueError(f"{label_of(to)} {what}; tie each to what is free or fixed")
    return tuple(pairs)


def label_of(place: Place) -> str:
    """Name of a scalar, in canonical units."""
    name = ".".join(filter(None, place[:3]))
    return name if place[3] is None else f"{name}[{place[3]}]"


def unit_of(place: Place) -> str:
    """Canonical unit of a leaf of a system; nuisances have those of their names."""
    _, owner, field, _ = place
    return SYSTEM_UNITS[owner].get(field, "") if owner else field


def _limits(rows, boxes) -> tuple[np.ndarray, np.ndarray]:
    """Ends in canonical units: what was asked for, else what is possible."""
    ends = []
    for label, place, unit, item in rows:
        possible = boxes.get(place[:3]) or span(place)
        asked = [possible[i] if x is None else x * unit for i, x in enumerate((item.low, item.high))]
        slack = 1e-6 * (abs(possible[0]) + abs(possible[1])) if np.isfinite(possible).all() else 0.0
        if asked[0] < possible[0] - slack or asked[1] > possible[1] + slack or not asked[0] < asked[1]:
            low, high = (x / unit for x in possible)
            raise ValueError(
                f"{label}: bounds ({asked[0] / unit:g}, {asked[1] / unit:g}) must lie in order within "
                f"({low:g}, {high:g}), which {_allowed_by(place[2], place[:3] in boxes)}"
            )
        ends.append(asked)
    low, high = np.array(ends, float).reshape(-1, 2).T
    return low, high


# What moves or widens lines, of which a simulator of spectra has room for so much.
_ROOM = {"rv": "max_shift", "prot": "DiscConfig.max_velocity or vsini"}
_ROOM |= dict.fromkeys(("macroturbulence", "microturbulence"), "DiscConfig.max_velocity")


def _allowed_by(field: str, has_box: bool) -> str:
    """What bounds a leaf, and what to do about bounds beyond it."""
    if has_box and field in _ROOM:
        return f"the room of the simulator's spectra allows; narrow them, or give it more ({_ROOM[field]})"
    return "the grid or physics allows; narrow them"


def _check_starts(rows, scene, low, high) -> None:
    for (label, place, unit, _), a, b in zip(rows, low, high, strict=True):
        value = np.asarray(_leaf(scene, place))
        if not np.all((value > a) & (value < b)):
            worst = value if not value.ndim else value[~((value > a) & (value < b))][0]
            raise ValueError(
                f"{label} starts at {float(worst) / unit:g}, outside its bounds "
                f"({a / unit:g}, {b / unit:g}); change the start, or widen the bounds"
            )


def _check_priors(rows, low, high) -> None:
    """Priors that have next to nothing between the bounds, or no density there."""
    for (label, _, unit, item), a, b in zip(rows, low, high, strict=True):
        if item.prior is None:
            continue
        if isinstance(item.prior, LogUniform) and not a > 0:
            raise ValueError(f"{label}: a log-uniform prior needs low above 0, not {a / unit:g}; raise it")
        if isinstance(item.prior, Normal):
            mean, deviation = float(item.prior.mean), float(item.prior.deviation)
            if not deviation > 0:
                raise ValueError(f"{label}: deviation = {deviation:g} of the prior must be above 0")
            away = max(a / unit - mean, mean - b / unit) / deviation
            if away > _FARTHEST:
                raise ValueError(
                    f"{label}: the prior, {mean:g} +- {deviation:g}, lies {away:.0f} deviations outside the "
                    f"bounds ({a / unit:g}, {b / unit:g}); change one of the two"
                )
