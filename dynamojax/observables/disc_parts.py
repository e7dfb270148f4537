"""What each component shows of the disc at one epoch: nodes of photosphere, spots and faculae.

The whole disc is photosphere; caps and planets carry differences, each on nodes that move with it.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynamojax.planets.nodes import Nodes, hidden_cap_nodes, hides_all, planet_nodes
from dynamojax.surface.nodes import cap_nodes, disc_nodes
from dynamojax.surface.union_nodes import union_nodes

# Points (3, n) and projected areas (n), negative where a component is taken away. [stellar radius squared]
Part = tuple[Array, Array]


def _added(nodes: Nodes) -> Part:
    points, angle = nodes
    return points, angle * points[2]


def _taken(nodes: Nodes) -> Part:
    points, angle = nodes
    return points, -angle * points[2]


def cap_part(position: Array, half_sine: Array, n_cap: tuple[int, int], n_neighbours: int | None) -> Part:
    """Nodes of all caps, each piece of surface counted once, or once for each cap without `n_neighbours`."""
    if n_neighbours is None:
        nodes, weight = cap_nodes(position, half_sine, *n_cap)
    else:
        nodes, weight = union_nodes(position, half_sine, *n_cap, n_neighbours)
    return nodes.reshape(3, -1), (weight * nodes[2]).ravel()


def disc_parts(
    position: Float[Array, "3 n_spots"],
    spot: Float[Array, " n_spots"],
    facula: Float[Array, " n_spots"] | None,
    planets: Float[Array, "n_planets 3"],
    radius_ratio: Float[Array, " n_planets"],
    n_disc: tuple[int, int],
    n_cap: tuple[int, int],
    n_planet: tuple[int, int],
    n_neighbours: int | None,
) -> tuple[list[Part], list[Part], list[Part]]:
    """Nodes of photosphere, spots and faculae, at one epoch.

    Planets hide what is behind them, spots and faculae too, on nodes of their own; where two planets overlap
    on the disc, the common part is counted twice. A disc that one planet hides wholly has no area at all.

    Args:
        position: Unit vectors to the spots' centres. [1]
        spot: sin(r/2) of the spots. [1]
        facula: sin(r/2) of the faculae's rims; None without faculae. [1]
        planets: Positions, as from `planet_positions`. [stellar radius]
        radius_ratio: Planets over star; 0 is no planet. [1]
        n_disc: As in `DiscConfig`.
        n_cap: As in `DiscConfig`.
        n_planet: As in `DiscConfig`.
        n_neighbours: How many others may overlap any one spot, NaN where there are more: overlapping spots
            cover the surface once. None counts each in full.
    """
    points, angle = (jnp.asarray(q, position.dtype) for q in disc_nodes(*n_disc))
    photosphere, spots, faculae = [(points, angle * points[2])], [], []
    if spot.size:
        dark = cap_part(position, spot, n_cap, n_neighbours)
        spots.append(dark)
        bright = dark if facula is None else cap_part(position, facula, n_cap, n_neighbours)
        photosphere.append((bright[0], -bright[1]))
        faculae = [] if facula is None else [bright, (dark[0], -dark[1])]
    for planet, p in zip(planets, radius_ratio, strict=True):
        photosphere.append(_taken(planet_nodes(*planet, p, *n_planet)))
        if not spot.size:
            continue
        dark, *bright = (
            hidden_cap_nodes(*planet, p, position, cap, *n_planet, is_union=n_neighbours is not None)
            for cap in (spot, *([] if facula is None else [facula]))
        )
        spots.append(_taken(dark))
        photosphere.append(_added(bright[0] if bright else dark))
        faculae += [part for nodes in bright for part in (_taken(nodes), _added(dark))]
    lit = ~jnp.any(hides_all(*planets.T, radius_ratio))
    return tuple(
        [(points, jnp.where(lit, area, 0)) for points, area in part] for part in (photosphere, spots, faculae)
    )
