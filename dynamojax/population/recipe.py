"""A data set before anything of it is computed: what it is made of, and the manifest that follows."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version

import jax
import numpy as np
from jaxtyping import Array, Key

from dynamojax.population import manifest as book
from dynamojax.population.columns import (
    Column,
    axes_of,
    curve_columns,
    label_columns,
    parameter_columns,
    spectrum_columns,
    velocity_columns,
)
from dynamojax.population.dataset import description
from dynamojax.population.manifest import Manifest
from dynamojax.population.program import bytes_of, row_shapes
from dynamojax.population.stars import StarMaker

_SHARD_BYTES = 2**28  # of a shard's rows, unpacked
_GROUP_BYTES = 2**25  # of a row group


@dataclass(frozen=True)
class Recipe:
    """A data set before anything of it is computed.

    Attributes:
        maker: What is drawn, and how it is observed.
        seed: Of the data set's key.
        n_stars: How many.
        configuration: Checked values by section; with `inputs` they determine the data.
        inputs: Digests of files that the configuration refers to.
        provenance: Where the grids come from.
        label_units: Of the prior's labels.
        shard_stars: Stars of a shard; by their size if None.
        file_format: parquet or hdf5.
        sizes: Room that the simulator was given.
        text: The configuration as it was written.
    """

    maker: StarMaker
    seed: int
    n_stars: int
    configuration: dict
    inputs: dict = field(default_factory=dict)
    provenance: dict = field(default_factory=dict)
    label_units: dict[str, str] = field(default_factory=dict)
    shard_stars: int | None = None
    file_format: str = "parquet"
    sizes: dict = field(default_factory=dict)
    text: str = ""

    @property
    def root(self) -> Key[Array, ""]:
        """The key that every star's key comes from."""
        return jax.random.key(self.seed)

    @property
    def axes(self) -> dict[str, dict]:
        """Coordinates that all stars share."""
        simulator = self.maker.simulator
        velocimeters = [v.photometer for v in simulator.velocimeters]
        observer = {r.spectrograph.name: r.observer for r in simulator.recorders}
        spectrographs = simulator.spectrographs.values()
        return axes_of(simulator.photometers.values(), spectrographs, velocimeters, observer)


def columns_of(recipe: Recipe) -> dict[str, dict]:
    """Columns of the data set in order, with dtype and shape.

    Raises:
        ValueError: a label of the prior has the name of another column.
    """
    simulator = recipe.maker.simulator
    shapes = row_shapes(recipe.maker, recipe.root)
    known = parameter_columns()
    for photometer in simulator.photometers.values():
        known |= curve_columns(photometer)
    for spectrograph in simulator.spectrographs.values():
        known |= spectrum_columns(spectrograph)
    for velocimeter in simulator.velocimeters:
        known |= velocity_columns(velocimeter.photometer)
    labels = label_columns([name for name in shapes if name not in known], recipe.label_units)
    known |= labels
    return {name: _entry(known[name], shapes[name]) for name in sorted(shapes, key=_place(known))}


def _place(known: dict[str, Column]) -> Callable[[str], tuple[int, int]]:
    """Scalars first, then arrays, in the order of the table: what is small is read together."""
    order = {name: i for i, name in enumerate(known)}
    groups = ("star", "label", "planets", "spots", "fractions", "clean", "noisy")
    return lambda name: (groups.index(known[name].group), order[name])


def _entry(column: Column, shape: jax.ShapeDtypeStruct) -> dict:
    dtype = "int64" if shape.dtype.kind == "i" else str(shape.dtype)
    facts = {"unit": column.unit, "help": column.help, "axis": column.axis, "group": column.group}
    return {"dtype": dtype, "shape": list(shape.shape)} | facts


def plan(recipe: Recipe) -> Manifest:
    """The manifest of a recipe's data set.

    Raises:
        ValueError: a number of stars or a size of shards that is not possible.
    """
    row = max(1, bytes_of(row_shapes(recipe.maker, recipe.root)))
    wanted = recipe.shard_stars or max(_rounded(_SHARD_BYTES / row), -(-recipe.n_stars // book.MOST_SHARDS))
    shard_stars = max(1, min(wanted, recipe.n_stars))
    if recipe.n_stars < 1 or shard_stars * book.MOST_SHARDS < recipe.n_stars:
        raise ValueError(
            f"stars = {recipe.n_stars} in shards of {shard_stars}: allowed from 1 star to "
            f"{book.MOST_SHARDS} shards; raise shard_stars"
        )
    configuration = json.loads(json.dumps(recipe.configuration))
    return Manifest(
        digest=book.digest_of(configuration, recipe.inputs),
        configuration=configuration,
        inputs=recipe.inputs,
        n_stars=recipe.n_stars,
        shard_stars=shard_stars,
        file_format=recipe.file_format,
        row_group=min(shard_stars, _rounded(_GROUP_BYTES / row)),
        sizes=recipe.sizes,
        columns=columns_of(recipe),
        made_with=made_with(),
        text=recipe.text,
    )


def _rounded(x: float) -> int:
    """The power of two below, so that a slightly larger row seldom changes it."""
    return 2 ** int(np.clip(np.log2(max(1.0, x)), 0, 17))


def made_with() -> dict[str, str]:
    """Versions that the numbers depend on, and the kind of device."""
    names = {"dynamojax": version("dynamojax"), "jax": jax.__version__, "jaxlib": version("jaxlib")}
    return names | {"platform": jax.default_backend()}


def expected_bytes(manifest: Manifest, n_stars: int) -> int:
    """Bytes on disk of so many stars, which floats with noise hardly undercut; descriptions come on top."""
    per_star = sum(
        int(np.prod(c["shape"])) * np.dtype(c["dtype"]).itemsize / (8 if c["dtype"] == "bool" else 1)
        for c in manifest.columns.values()
    )
    return int(per_star * n_stars)


def about_of(recipe: Recipe, manifest: Manifest) -> dict:
    """What every shard of the data set says of itself."""
    return description(manifest, recipe.axes, recipe.provenance)
