"""Which spot is which: alike spots may change places, and the star is the same."""

from itertools import permutations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.inference.comoving import Comoving
from dynamojax.inference.mixture import shorter
from dynamojax.inference.standard import Standard

_FEW = 4  # spots: of more, labels are left as they are


def relabelled(z: np.ndarray, standard: Standard, reference: np.ndarray) -> np.ndarray:
    """The same stars with spots numbered by nearness in longitude to a reference, the short way round it.

    Only spots that are alike in what is free and in their priors change places; of more than four, none.

    Args:
        z: Standard or comoving coordinates, (n, m).
        standard: Of the problem.
        reference: In the same coordinates, (m,).
    """
    z, is_round = np.array(z, float), standard.is_round
    orders = np.array(exchanges(standard))
    z = np.take_along_axis(z, orders[order_of(z, standard, reference)], axis=1)
    return np.where(is_round, reference + shorter(z - reference, is_round), z)


def order_of(z: np.ndarray, standard: Standard, reference: np.ndarray) -> np.ndarray:
    """Which of the exchanges brings the spots of each row nearest in longitude to a reference's, (n,)."""
    lon = longitudes(standard)
    orders = exchanges(standard)
    return np.argmax([np.cos(z[:, o[lon]] - reference[lon]).sum(1) for o in orders], axis=0)


def longitudes(standard: Standard) -> np.ndarray:
    """Columns of the longitudes of spots that may change places."""
    groups = spot_columns(standard)
    is_any = 1 < len(groups) <= _FEW and "lon" in groups[0]
    return np.array([g["lon"] for g in groups] if is_any else [], int)


class Numbered(eqx.Module):
    """Coordinates of stars whose spots are nearer to a reference's as they are than in any other order.

    Attributes:
        comoving: Of all.
        reference: Longitudes, in the spots' order.
        orders: Columns of the longitudes in every order, the spots' own first, static.
    """

    comoving: Comoving
    reference: Float[Array, " n_spots"]
    orders: tuple[tuple[int, ...], ...] = eqx.field(static=True)

    @staticmethod
    def after(comoving: Comoving, y: np.ndarray) -> "Numbered":
        """On the host; a star as reference."""
        lon = longitudes(comoving.standard)
        orders = tuple(tuple(int(i) for i in order[lon]) for order in exchanges(comoving.standard))
        dtype = comoving.standard.problem.parameters.start.dtype
        return Numbered(comoving, jnp.asarray(y[lon], dtype), orders)

    def log_parts(self, y: Float[Array, " m"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Natural logs of likelihood and prior density, which is zero in any other order."""
        likelihood, prior = self.comoving.log_parts(y)
        near = jnp.sum(jnp.cos(y[np.array(self.orders, int)] - self.reference), axis=1)
        return likelihood, jnp.where(near[0] >= near.max(), prior, -jnp.inf)


def exchanges(standard: Standard) -> list[np.ndarray]:
    """Orders of the coordinates that give the same star, spots being alike; of more than four, one."""
    groups, same = spot_columns(standard), np.arange(len(standard.active))
    if not 1 < len(groups) <= _FEW:
        return [same]
    columns = np.array([list(g.values()) for g in groups])
    orders = []
    for order in permutations(range(len(groups))):
        new = same.copy()
        new[columns.ravel()] = columns[list(order)].ravel()
        orders.append(new)
    return orders


def spot_columns(standard: Standard) -> list[dict[str, int]]:
    """Columns of the coordinates by field, of each spot; empty if the spots are not exchangeable."""
    p, groups = standard.problem.parameters, {}
    for i, j in enumerate(standard.active):
        root, owner, field, index = p.places[j]
        if owner == "spots":
            ends = float(p.bounds.low[j]), float(p.bounds.high[j]), p.units[j]
            # Not its name alone, which says nothing of mean and deviation.
            rule = (*ends, type(p.priors[j]), *map(float, jax.tree.leaves(p.priors[j])))
            groups.setdefault((root, index), {})[field] = (i, rule)
    rows = list(groups.values())
    alike = all(
        {f: r for f, (_, r) in row.items()} == {f: r for f, (_, r) in rows[0].items()} for row in rows
    )
    if not alike or len({root for root, _ in groups}) > 1 or not _fixed_alike(standard, groups):
        return []
    fields = sorted(rows[0]) if rows else []
    return [{field: row[field][0] for field in fields} for row in rows]


def _fixed_alike(standard: Standard, groups: dict[tuple[str, int], dict]) -> bool:
    """Whether the spots that are free are alike in what is held; elsewhere too if spots are tied."""
    p = standard.problem.parameters
    at = np.array([index for _, index in groups], int)
    for root, system in p.scene.items():
        concerned = root in {own for own, _ in groups} or p.ties
        if not concerned or not hasattr(system, "spots"):
            continue
        if at.max(initial=-1) >= system.spots.n_spots:
            return False
        held = {f: x for f, x in vars(system.spots).items() if f not in next(iter(groups.values()))}
        if any(len(set(np.asarray(value)[at].tolist())) > 1 for value in held.values()):
            return False
    return True
