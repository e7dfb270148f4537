"""Light curves of spot crossings: the same as epoch by epoch, and honest about its room."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.planets.crossing import occulted_moments
from dynamojax.planets.encounters import CrossingConfig, cap_clearance, crossing_moments, room_needed
from tests.oracles.transit_crossing import brute_moments

N = 3


def _map(n_spots=40, seed=0):
    v = np.random.default_rng(seed).normal(size=(3, n_spots))
    v[1] *= 0.3
    return jnp.asarray(v / np.linalg.norm(v, axis=0)), jnp.asarray(np.full(n_spots, 0.05))


def _tracks(n_times=60):
    x = jnp.linspace(-1.5, 1.5, n_times)
    x = jnp.stack([x, -0.5 * x])
    return x, jnp.stack([0.1 * x[0], -0.2 + 0 * x[0]]), jnp.stack([1 + 0 * x[0], -1 + 0 * x[0]])


def _caps(position, half_sine):
    """Spots that drift, so that the epoch matters."""

    def at(i):
        turn = 0.01 * i.astype(position.dtype)
        x, y, z = position
        return jnp.stack(
            [jnp.cos(turn) * x + jnp.sin(turn) * z, y, jnp.cos(turn) * z - jnp.sin(turn) * x]
        ), half_sine

    return at


@pytest.mark.slow
def test_the_same_as_every_epoch_with_every_cap(x64):
    position, half_sine = _map(12)
    caps, (x, y, z), p = _caps(position, 3 * half_sine), _tracks(24), jnp.array([0.1, 0.3])
    config = CrossingConfig(n_epochs=40, epochs_per_step=7)
    got, valid = jax.jit(lambda *g: crossing_moments(*g, caps, N, config))(x, y, z, p)
    every = jax.jit(jax.vmap(lambda *g: occulted_moments(*g[:4], *caps(g[4]), N), (0, 0, 0, None, 0)))
    expected = sum(every(x[i], y[i], z[i], p[i], jnp.arange(24)) for i in (0, 1))
    assert valid and np.max(expected) > 1e-3
    np.testing.assert_allclose(got, expected.T, atol=1e-8)


def test_within_a_ppm_of_counted_points(precision):
    caps, (x, y, z), p = _caps(*_map()), _tracks(12), jnp.array([0.1, 0.0])
    got, valid = jax.jit(lambda *g: crossing_moments(*g, caps, N, CrossingConfig()))(x, y, z, p)
    assert valid
    for i in range(2, 10):
        position, half_sine = (np.asarray(q, float) for q in caps(jnp.asarray(i)))
        radii = 2 * np.arcsin(half_sine)
        expected = brute_moments(float(x[0, i]), float(y[0, i]), 0.1, position.T, radii, N, 1000)
        np.testing.assert_allclose(np.asarray(got[:, i], float), expected, atol=2e-6)


def test_clearance_never_drops_a_cap_that_counts(x64):
    rng = np.random.default_rng(2)
    clear = jax.jit(cap_clearance)
    moment = jax.jit(lambda x, y, p, c, w: occulted_moments(x, y, jnp.ones_like(x), p, c, w, 1))
    hidden = 0
    for _ in range(300):
        v = rng.normal(size=(3, 1))
        x, y = rng.uniform(-1.1, 1.1, 2)
        p, w = rng.uniform(0.01, 0.3), np.array([np.sin(0.5 * rng.uniform(0.01, 1.5))])
        given = [jnp.asarray(q) for q in (x, y, p, v / np.linalg.norm(v), w)]
        if clear(*given)[0] > 0:
            assert moment(*given)[0] == 0
        else:
            hidden += 1
    assert 20 < hidden < 280
    assert np.all(np.isposinf(clear(*given[:4], jnp.zeros(1))))


@pytest.mark.slow
def test_gradients_pass_through(x64):
    position, half_sine = _map(10)
    x, y, z = _tracks(24)

    @jax.jit
    def total(y, p, half_sine):
        return jnp.sum(crossing_moments(x, y, z, p, _caps(position, half_sine), N, CrossingConfig())[0])

    slopes = jax.grad(total, argnums=(0, 1, 2))(y, jnp.array([0.1, 0.0]), half_sine)
    assert all(np.all(np.isfinite(s)) and s.shape for s in slopes)
    assert np.any(slopes[2]) and slopes[1][0] > 0 and slopes[1][1] == 0 and not np.any(slopes[0][1])


def test_configuration_says_what_is_wrong():
    with pytest.raises(ValueError, match="n_caps = 0"):
        CrossingConfig(n_caps=0)
    with pytest.raises(ValueError, match="n_nodes = 10"):
        CrossingConfig(n_nodes=10)


@pytest.mark.slow
def test_room_needed_is_enough_and_less_is_reported(x64):
    position, half_sine = _map()
    caps, given = _caps(position, 3 * half_sine), (*_tracks(), jnp.array([0.1, 0.1]))
    n_epochs, n_caps = map(int, jax.jit(lambda *g: room_needed(*g, caps))(*given))
    run = jax.jit(lambda config: crossing_moments(*given, caps, N, config)[1], static_argnums=0)
    assert run(CrossingConfig(n_epochs, n_caps))
    assert not run(CrossingConfig(n_epochs - 1, n_caps)) and not run(CrossingConfig(n_epochs, n_caps - 1))
