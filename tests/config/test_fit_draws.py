"""Draws of a posterior: chains put together, faults named."""

import numpy as np
import pytest

from dynamojax.config import fit_draws
from dynamojax.config.fit_stages import Stages
from dynamojax.inference.sampling import Samples

pytest.importorskip("numpyro")
NAMES = ("star.prot", "spots.lat_deg[0]")
TABLE = {"chains": 2, "warmup": 10, "draws": 300, "target_accept": 0.9, "max_tree_depth": 8}


def chain(seed: int, shift: float = 0.0, divergent: int = 0) -> Samples:
    values = shift + np.random.default_rng(seed).normal(size=(1, 300, 2))
    diverging = np.arange(300)[None] < divergent
    return Samples(NAMES, values, diverging, np.zeros((1, 300)), np.ones((1, 300), int))


def drawn(monkeypatch, folder, chains):
    """What two chains, made elsewhere, become; and how many were asked for."""
    asked = []

    def sampled(fit, *, key, n_chains, **_):
        asked.append(n_chains)
        return chains[len(asked) - 1]

    import jax

    monkeypatch.setattr(fit_draws, "sample_posterior", sampled)
    make = (
        fit_draws.nuts_draws.__wrapped__
        if hasattr(fit_draws.nuts_draws, "__wrapped__")
        else fit_draws.nuts_draws
    )
    stages = Stages(folder, "a", resume=(folder / "stages").exists())
    return make(None, TABLE, stages, lambda text: None, jax.random.key(0)), asked


def test_chains_that_agree(monkeypatch, tmp_path):
    found, asked = drawn(monkeypatch, tmp_path, [chain(0), chain(1)])
    assert asked == [1, 1] and found.values.shape == (600, 2) and found.n_chains == 2
    assert found.faults == () and np.all(found.r_hat < 1.01) and found.names == NAMES
    again, asked = drawn(monkeypatch, tmp_path, [])
    assert asked == [] and np.array_equal(again.values, found.values)


def test_chains_that_do_not(monkeypatch, tmp_path):
    found, _ = drawn(monkeypatch, tmp_path, [chain(0), chain(1, shift=3.0, divergent=2)])
    words = " ".join(found.faults)
    assert "R-hat" in words and "effective draws" in words and "2 divergent draws" in words
