"""Parameters of activity that cannot be."""

import importlib

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.check_emergence import PEERS
from dynamojax.surface.activity import Activity, Emergence, validate_activity
from dynamojax.surface.emergence import recommend_n_spots


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"level": -1}, ("level", "-1", "[0, inf)")),
        ({"level": np.nan}, ("level", "nan", "[0, inf)")),
        ({"level": [1.0, np.inf]}, ("level", "inf", "[0, inf)")),
        ({"lat_max_deg": 100}, ("lat_max", "1.74", "1.57")),
        ({"lat_min_deg": 40}, ("lat_min", "lat_max", "lower it")),
        ({"cycle_overlap_yr": 12}, ("cycle_overlap", "cycle_length", "shorten")),
        ({"cycle_overlap_yr": np.nan}, ("cycle_overlap", "nan")),
        ({"area_max_deg2": 0}, ("area_max", "(0, 6.28")),
        ({"area_max_deg2": 30000}, ("area_max", "9.13", "6.28")),
        ({"tau_decay": 0}, ("tau_decay", "(0, inf]")),
        ({"nest_prob": 1}, ("nest_prob", "[0, 1)")),
        ({"nest_delay_min": 20}, ("nest_delay_min", "nest_delay_max")),
        ({"leader_share": 1.5}, ("leader_share", "1.5", "[0, 1]")),
    ],
)
def test_activity_errors(bad, words):
    with pytest.raises(ValueError) as error:
        Activity.from_degrees(**bad)
    assert all(word in str(error.value) for word in words)


def test_butterfly_needs_a_positive_latitude():
    activity = Activity.from_degrees(lat_min_deg=0)
    assert validate_activity(activity, Emergence(latitudes="isotropic")) is activity
    with pytest.raises(ValueError, match="lat_min = 0 .*raise it"):
        validate_activity(activity, Emergence())


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ({"modulation": "sine"}, "modulation"),
        ({"latitudes": "solar"}, "butterfly"),
        ({"nest_parents": "all"}, "largest"),
        ({"n_spots": 0}, "n_spots = 0"),
        ({"n_spots": 7, "bipoles": True}, "even"),
        ({"n_sizes": 0}, "n_sizes"),
        ({"size_step": 0.0}, "size_step"),
        ({"area_power": np.inf}, "area_power"),
        ({"n_active_longitudes": 0}, "n_active_longitudes"),
    ],
)
def test_config_errors(bad, word):
    with pytest.raises(ValueError, match=word):
        Emergence(**bad)


@pytest.mark.parametrize(
    ("window", "chance", "word"),
    [((1.0, 1.0), 1e-6, "start = 1"), ((0.0, np.nan), 1e-6, "stop"), ((0.0, 1.0), 0.0, "chance = 0")],
)
def test_recommendation_errors(window, chance, word):
    with pytest.raises(ValueError, match=word):
        recommend_n_spots(Activity.from_degrees(), Emergence(), *window, chance=chance)
    with pytest.raises(ValueError, match="validate_activity"):
        bad = eqx.tree_at(lambda a: a.level, Activity.from_degrees(), jnp.asarray(jnp.nan))
        recommend_n_spots(bad, Emergence(), 0.0, 1.0)


def test_peers_are_named():
    assert set(PEERS) == {"butterpy", "dynamo-stellar"}
    assert importlib.util.find_spec("benchmarks.check_emergence")
