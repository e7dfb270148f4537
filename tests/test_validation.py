"""Every impossible value gets an error with its name, value, range and remedy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import dynamojax as dj
from dynamojax.validation import validate


def _system():
    return dj.System(
        dj.Star.from_degrees(),
        dj.SpotMap.from_degrees([10, 20], 0, [3, 4]),
        dj.Planets.from_degrees(radius_earth=1, star_radius=1.0, period=3.0),
    )


def test_good_systems_pass_one_or_many():
    system = _system()
    assert validate(system) is system
    validate(jax.tree.map(lambda x: jnp.stack([x, x]), system))
    validate(eqx.tree_at(lambda s: s.spots, system, dj.SpotMap.empty(0)))


@pytest.mark.parametrize(
    ("part", "name", "value", "words"),
    [
        ("star", "teff", jnp.nan, ["star.teff = nan", "(0, inf)", "kelvin"]),
        ("star", "prot", 0.0, ["star.prot = 0", "days"]),
        ("star", "prot", jnp.inf, ["star.prot = inf"]),
        ("star", "radius", -1.0, ["star.radius = -1"]),
        ("star", "inc", 4.0, ["star.inc = 4", "from_degrees"]),
        ("star", "shear", 1.0, ["star.shear = 1", "[-1, 1)"]),
        ("star", "facula_ratio", -0.5, ["star.facula_ratio = -0.5"]),
        ("star", "facula_ratio", 1000.0, ["star.facula_ratio = 1000", "hemisphere"]),
        ("star", "rv", 4e4, ["star.rv = 40000", "km/s"]),
        ("star", "convective_blueshift", jnp.inf, ["star.convective_blueshift = inf", "Sun's"]),
        ("star", "macroturbulence", -1.0, ["star.macroturbulence = -1", "[0, inf)"]),
        ("star", "microturbulence", -3.0, ["star.microturbulence = -3", "[0, inf)"]),
        ("star", "av", -0.1, ["star.av = -0.1", "[0, inf)", "magnitudes"]),
        ("spots", "radius", -0.1, ["spots.radius[1] = -0.1", "hemisphere"]),
        ("spots", "radius", 1.6, ["spots.radius[1] = 1.6"]),
        ("spots", "lat", 1.6, ["spots.lat[1]"]),
        ("spots", "tau_decay", 0.0, ["spots.tau_decay[1] = 0"]),
        ("planets", "radius_ratio", -0.1, ["planets.radius_ratio[0]"]),
        ("planets", "period", 0.0, ["planets.period[0] = 0"]),
        ("planets", "ecc", 1.0, ["planets.ecc[0] = 1", "[0, 1)", "bound"]),
    ],
)
def test_bad_values(part, name, value, words):
    system = _system()
    leaf = getattr(getattr(system, part), name)
    leaf = leaf.at[-1].set(value) if leaf.ndim else jnp.asarray(value)
    with pytest.raises(ValueError) as error:
        validate(eqx.tree_at(lambda s: getattr(getattr(s, part), name), system, leaf))
    assert all(word in str(error.value) for word in words), str(error.value)


def test_the_bad_star_of_a_population_is_named():
    systems = jax.tree.map(lambda x: jnp.stack([x, x, x]), _system())
    systems = eqx.tree_at(lambda s: s.star.teff, systems, systems.star.teff.at[2].set(-1))
    with pytest.raises(ValueError, match=r"star.teff\[2\] = -1"):
        validate(systems)
