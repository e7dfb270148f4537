"""As many nodes of the disc as a star and a spectrograph ask for: enough, and not many more."""

import dataclasses
import math

import equinox as eqx
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.observables.disc_config import DiscConfig

DENSE = {"n_disc": (160, 40), "n_cap": (24, 96)}
SPOTS = [(20, 30, 12), (-30, -40, 20), (25, 85, 15), (0, -88, 10), (60, 0, 3)]
SMALL = [(20, 30, 9), (-30, -40, 4), (0, -88, 7), (60, 0, 3)]
WIDE, WIDER = [(10, 60, 40)], [(-20, 85, 60)]
RESOLUTION = {"lamost": 1800.0, "apogee": 22500.0}


def scene(name, vsini, spots, disc):
    """Simulator, on the embedded grid, and a star with shear and solar convection."""
    instrument = {
        "lamost": lambda: dj.lamost(epochs=1).within(4800, 5300),
        "apogee": lambda: dj.apogee(epochs=1).within(15900, 15980),
    }[name]()
    simulate = dj.Simulator(
        dj.load_grid(),
        [],
        [instrument],
        ranges={"teff": (4000.0, 6000.0), "logg": (4.0, 5.0), "feh": (-0.5, 0.5)},
        surface=dj.SurfaceConfig(law="constant"),
        disc=disc,
    )
    prot = 50.5926 * math.sin(math.radians(70)) / max(vsini, 1e-3)
    star = dj.Star.from_degrees(
        teff=5500, logg=4.5, inc_deg=70, prot=prot, shear=0.4, spot_contrast=1200, convective_blueshift=1
    )
    system = dj.System(
        star, dj.SpotMap.from_degrees(*map(list, zip(*spots, strict=True))), dj.Planets.empty()
    )
    return simulate, system


def spectrum(name, vsini, spots, disc):
    """Pixels, and the disc that is found for them."""
    simulate, system = scene(name, vsini, spots, disc)
    simulate = simulate.sized_for(system)
    observables = simulate(system)
    assert observables.valid
    (seen,) = observables.spectra.values()
    return np.asarray(seen.flux[0]), simulate.disc


slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "vsini", "spots"),
    [
        ("lamost", 12, SMALL),
        pytest.param("lamost", 12, SPOTS, marks=slow),
        pytest.param("lamost", 0, SPOTS, marks=slow),
        pytest.param("lamost", 100, SPOTS, marks=slow),
        pytest.param("lamost", 100, WIDE, marks=slow),
        pytest.param("lamost", 100, WIDER, marks=slow),
        pytest.param("apogee", 0, WIDE, marks=slow),
        ("apogee", 12, SPOTS),
        pytest.param("apogee", 30, SPOTS, marks=slow),
        pytest.param("apogee", 60, WIDE, marks=slow),
        pytest.param("apogee", 100, SPOTS, marks=slow),
        pytest.param("apogee", 100, WIDE, marks=slow),
    ],
)
def test_the_nodes_that_are_found_are_enough(x64, name, vsini, spots):
    """Against many times as many; brute force is in test_spectroscopy."""
    got, disc = spectrum(name, vsini, spots, DiscConfig())
    widest = math.radians(max(radius for *_, radius in spots))
    assert vsini <= disc.vsini <= vsini + 5.01 and widest <= disc.spot_radius < widest + math.radians(1.01)
    fine, _ = spectrum(name, vsini, spots, DiscConfig(**DENSE))
    off = np.abs(got / fine - 1).max()
    print(f"{name} {vsini} km/s, {len(spots)} spots: {off:.1e}", count(disc, name))
    assert off < 5e-5


def count(disc, name):
    return dataclasses.replace(disc, resolution=RESOLUTION[name]).nodes()


def test_slow_stars_and_coarse_spectrographs_need_few():
    nodes = count(DiscConfig(vsini=12), "lamost")
    assert math.prod(nodes.disc) < 150 and math.prod(nodes.cap) <= 14
    fast = count(DiscConfig(), "apogee")
    assert math.prod(fast.disc) > 900 and math.prod(fast.cap) >= 48


def test_a_star_for_which_there_are_no_nodes_is_not_valid():
    """Neither a faster one nor one with wider spots, where nodes were counted for others."""
    for change, is_valid in (
        ({}, True),
        ({"vsini": 20, "spot_radius": math.radians(5)}, True),
        ({"vsini": 19}, False),
        ({"spot_radius": math.radians(4.9)}, False),
    ):
        simulate, system = scene("lamost", 20, [(0, 0, 5)], DiscConfig(**change))
        assert bool(simulate(system).valid) == is_valid


def test_crowded_spots_have_room_or_are_not_valid():
    """For a simulator of nothing but spectra, too."""
    simulate, system = scene("lamost", 12, [(20, 30, 9), (25, 38, 7), (17, 40, 8)], DiscConfig())
    one = dj.SurfaceConfig(law="constant", overlap="exact", n_neighbours=1)
    simulate = eqx.tree_at(lambda s: s.surface, simulate, one)
    seen = simulate(system)
    assert not seen.valid and all(np.all(np.isnan(q.flux)) for q in seen.spectra.values())
    sized = simulate.sized_for(system)
    assert sized.surface.n_neighbours == 3 and sized(system).valid


def test_given_numbers_hold():
    assert DiscConfig(n_cap=(3, 5), vsini=500, max_velocity=600).nodes().cap == (3, 5)
    assert DiscConfig(vsini=0).nodes().cap == (2, 7)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"vsini": -1.0}, r"vsini = -1.0, allowed: \[0, inf\)"),
        ({"spot_radius": math.nan}, "spot_radius = nan"),
        ({"resolution": math.inf}, "resolution = inf"),
    ],
)
def test_nonsense_is_an_error(given, message):
    with pytest.raises(ValueError, match=message):
        DiscConfig(**given)
