"""Free parameters by name."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.inference.data import Nuisance
from dynamojax.inference.parameters import Parameters, resolve
from dynamojax.inference.spans import boxes
from tests.inference import stars


def scene():
    return {"": stars.system(), "kepler": Nuisance.none()}


def test_names_lead_to_values_and_back(x64):
    free = ["star.teff", dj.Free("spots.lat_deg[1]", -60, 60), "spots.radius", "kepler.jitter"]
    one = {**scene(), "kepler": Nuisance(1e-4, 0.0, 4.0, 1e-3, 1.0, 300.0)}
    parameters = Parameters.choose(one, free)
    assert parameters.names == (
        *("star.teff", "spots.lat_deg[1]", "spots.radius[0]", "spots.radius[1]", "kepler.jitter"),
    )
    np.testing.assert_allclose(parameters.start, [5200.0, np.deg2rad(-15), *np.deg2rad([8, 6]), 1e-4])
    new = parameters.put(parameters.start * 1.1)
    np.testing.assert_allclose(new[""].spots.lat, [np.deg2rad(25), np.deg2rad(-16.5)])
    np.testing.assert_allclose(new[""].star.teff, 5720.0)
    assert float(new[""].star.logg) == float(one[""].star.logg)


def test_bounds_in_degrees_are_kept_in_radians():
    parameters = Parameters.choose(scene(), [dj.Free("spots.lat_deg", -60, 60)])
    np.testing.assert_allclose(parameters.bounds.high, np.deg2rad(60.0), rtol=1e-6)


def test_an_unknown_name_gets_close_ones():
    with pytest.raises(ValueError, match=r"'star.tef'; did you mean star.teff"):
        Parameters.choose(scene(), ["star.tef"])
    with pytest.raises(ValueError, match="star.teff_deg"):  # a temperature has no degrees of arc
        Parameters.choose(scene(), ["star.teff_deg"])
    with pytest.raises(ValueError, match="index below 2"):
        resolve("spots.lat[2]", scene())


def test_a_start_outside_bounds_is_an_error():
    with pytest.raises(ValueError, match=r"spots.lat_deg\[0\] starts at 25, outside its bounds"):
        Parameters.choose(scene(), [dj.Free("spots.lat_deg", -20, 20)])


def test_the_grid_bounds_the_star():
    simulate = stars.photometry()
    box = boxes({"": simulate}, {"": stars.system()})
    parameters = Parameters.choose(scene(), ["star.teff"], boxes=box)
    assert float(parameters.bounds.low[0]) == 2300.0 and float(parameters.bounds.high[0]) == 12000.0
    with pytest.raises(ValueError, match=r"must lie in order within \(2300, 12000\)"):
        Parameters.choose(scene(), [dj.Free("star.teff", 2000, 6000)], boxes=box)


def test_room_for_velocities_bounds_the_star():
    """At the ends of the box a star is valid; well beyond them it is not, so that no fit hits a wall."""
    import equinox as eqx

    simulate, start = stars.spectroscopy(5165.0, 5185.0), stars.system()
    box = boxes({"": simulate}, {"": start})
    for field in ("macroturbulence", "microturbulence", "prot", "rv"):
        low, high = box["", "star", field]
        end, factor = (low, 0.6) if field == "prot" else (high, 1.7)
        for value, is_valid in ((end, True), (factor * end, False)):
            system = eqx.tree_at(lambda s, f=field: getattr(s.star, f), start, jnp.asarray(value))
            assert bool(simulate(system).valid) == is_valid, (field, value)
    wide = dj.Free("star.macroturbulence", 0, 300)
    with pytest.raises(ValueError, match=r"the room of the simulator's spectra .*DiscConfig.max_velocity"):
        Parameters.choose({"": start}, [wide], boxes=box)
    with pytest.raises(ValueError, match="max_shift"):
        Parameters.choose({"": start}, [dj.Free("star.rv", -400, 10)], boxes=box)
    assert float(Parameters.choose({"": start}, ["star.rv"], boxes=box).bounds.high[0]) == 300.0
    assert ("", "star", "prot") not in boxes({"": stars.photometry()}, {"": start})


def test_ties_follow(x64):
    pair = {"a": stars.system(), "b": stars.system()}
    parameters = Parameters.choose(pair, ["a.star.feh"], {"b.star.feh": "a.star.feh"})
    new = parameters.put(jnp.array([0.3]))
    assert float(new["b"].star.feh) == 0.3
    slope = jax.grad(lambda x: parameters.put(x)["b"].star.feh)(jnp.array([0.1]))
    assert float(slope[0]) == 1.0
    with pytest.raises(ValueError, match="b.star.feh is free and tied"):
        Parameters.choose(pair, ["b.star.feh"], {"b.star.feh": "a.star.feh"})


@pytest.mark.parametrize(
    "ties, message",
    [
        ({"star.rv": "star.teff"}, "one is in km/s, the other in K"),
        ({"spots.tau_emerge": "spots.tau_decay", "spots.tau_decay": "spots.t_max"}, "follows a follower"),
        ({"spots.lat[0]": "spots.lat[1]", "spots.lat": "spots.lon"}, "follows two others"),
        ({"star.feh": "star.feh"}, "star.feh follows a follower"),
    ],
)
def test_ties_that_cannot_be(ties, message):
    with pytest.raises(ValueError, match=message):
        Parameters.choose(scene(), ["star.mass"], ties)


@pytest.mark.parametrize(
    "free, message",
    [
        (dj.Free("star.shear", -0.2, 0.5, dj.LogUniform()), "needs low above 0, not -0.2"),
        (dj.Free("star.prot", 2, 5, dj.Normal(300.0, 0.1)), "lies 2950 deviations outside the bounds"),
        (dj.Free("star.prot", 2, 5, dj.Normal(3.0, 0.0)), "deviation = 0 of the prior must be above 0"),
        (dj.Free("planets.radius_ratio"), "the system has no planets"),
        (dj.Free("planets.radius_ratio[0]"), "the system has no planets"),
    ],
)
def test_free_parameters_that_cannot_be(free, message):
    with pytest.raises(ValueError, match=message):
        Parameters.choose(scene(), [free])


def test_twice_free_is_an_error():
    with pytest.raises(ValueError, match=r"free names spots.lat\[0\] more than once"):
        Parameters.choose(scene(), ["spots.lat", "spots.lat[0]"])


def test_what_is_held_keeps_its_value(x64):
    import equinox as eqx

    parameters = Parameters.choose(scene(), ["star.teff", "star.prot"])
    parameters = eqx.tree_at(lambda p: p.is_active, parameters, jnp.array([True, False]))
    new = parameters.put(jnp.array([5000.0, 9.0]))
    assert float(new[""].star.teff) == 5000.0 and float(new[""].star.prot) == 3.0
