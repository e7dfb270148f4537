"""Spots and faculae of a star: modes agree where they must, memory steps change nothing."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.surface.moments import SurfaceConfig, overlap_excess, surface_moments

EPOCHS = np.arange(100) / 4


def _apart():
    """Spots that never touch, faculae included: no shear, far from one another."""
    spots = dj.SpotMap.from_degrees(
        [40, -40, 0, 10], [0, 90, 180, 270], [3, 5, 4, 0], t_max=10, tau_emerge=5, tau_decay=12
    )
    return dj.Star.from_degrees(prot=7, inc_deg=70, shear=0.0, facula_ratio=4.0), spots


@pytest.mark.parametrize("faculae", [False, True])
def test_modes_agree_where_nothing_overlaps(x64, faculae):
    star, spots = _apart()
    epochs = dj.Epochs.from_days(EPOCHS)
    both = [
        surface_moments(star, spots, epochs, SurfaceConfig(overlap=mode, faculae=faculae), 4)
        for mode in ("sum", "exact")
    ]
    for a, b in zip(*map(jax.tree.leaves, both), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-13)
    assert np.any(both[0].facula > 0) == faculae
    np.testing.assert_allclose(overlap_excess(star, spots, epochs, SurfaceConfig()), 0, atol=1e-14)


def test_facular_area_is_the_ratio_times_the_spot_area(x64):
    star = dj.Star.from_degrees(facula_ratio=3.0)
    spots = dj.SpotMap.from_degrees(0, 0, 2)
    epochs = dj.Epochs.from_days([0.0])
    m = surface_moments(star, spots, epochs, SurfaceConfig(faculae=True), 1)
    # projected areas at disc centre: sin^2 R - sin^2 r, with sin^2(R/2) = 4 sin^2(r/2)
    small = np.sin(np.deg2rad(2) / 2) ** 2
    expected = (4 * 4 * small * (1 - 4 * small)) / (4 * small * (1 - small)) - 1
    assert m.facula[0, 0] / m.spot[0, 0] == pytest.approx(expected, rel=1e-12)


def test_excess_is_what_two_twins_share(x64):
    star = dj.Star.from_degrees()
    spots = dj.SpotMap.from_degrees([10, 10], [0, 0], [5, 5])
    excess = overlap_excess(star, spots, dj.Epochs.from_days([0.0]), SurfaceConfig())
    assert excess[0] == pytest.approx(np.sin(np.deg2rad(5)) ** 2 * np.cos(np.deg2rad(10)), rel=1e-12)


@pytest.mark.parametrize("overlap", ["sum", "exact"])
def test_steps_change_nothing(x64, overlap):
    star, spots = _apart()
    epochs = dj.Epochs.from_days(EPOCHS)
    config = SurfaceConfig(overlap=overlap, faculae=True)
    whole = surface_moments(star, spots, epochs, config, 3)
    steps = surface_moments(star, spots, epochs, dataclasses.replace(config, times_per_step=32), 3)
    for a, b in zip(*map(jax.tree.leaves, (whole, steps)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-15)


@pytest.mark.parametrize("overlap", ["sum", "exact"])
def test_a_full_turn_returns_the_same_star(x64, overlap):
    star = dj.Star.from_degrees(prot=8.0, inc_deg=50, shear=0.0)
    spots = dj.SpotMap.from_degrees([10, 60, 15], [0, 100, 5], [10, 20, 8])
    times = np.linspace(0, 8, 9)
    config = SurfaceConfig(overlap=overlap)
    first, later = (
        surface_moments(star, spots, dj.Epochs.from_days(t), config, 3).spot for t in (times, times + 8)
    )
    np.testing.assert_allclose(first, later, atol=1e-13)


@pytest.mark.parametrize("overlap", ["sum", "exact"])
@pytest.mark.parametrize("n_spots", [0, 3])
def test_no_spots_is_nothing_with_no_gradient(overlap, n_spots):
    star, epochs = dj.Star.from_degrees(facula_ratio=2.0), dj.Epochs.from_days(EPOCHS)
    config = SurfaceConfig(overlap=overlap, faculae=True)

    def total(star, spots):
        m = surface_moments(star, spots, epochs, config, 3)
        return jnp.sum(m.spot) + jnp.sum(m.facula)

    value, slopes = jax.value_and_grad(total, argnums=(0, 1))(star, dj.SpotMap.empty(n_spots))
    assert value == 0
    assert all(jnp.all(s == 0) for s in jax.tree.leaves(slopes))


@pytest.mark.parametrize("overlap", ["sum", "exact"])
def test_gradient_of_every_parameter(x64, overlap):
    """Star and spots, across the limb, against central differences: 1e-6 of the largest slope."""
    star, _ = _apart()
    star = eqx.tree_at(lambda s: s.shear, star, jnp.asarray(0.15))
    spots = dj.SpotMap.from_degrees(
        [20, 26, -50], [80, 85, 200], [9, 7, 12], t_max=9, tau_emerge=5, tau_decay=9
    )
    epochs = dj.Epochs.from_days(np.linspace(0, 20, 23))
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 23)))
    config = SurfaceConfig(overlap=overlap, faculae=True)

    @jax.jit
    def f(star, spots):
        m = surface_moments(star, spots, epochs, config, 3)
        return jnp.sum(weights * jnp.stack([m.spot, m.facula]))

    slopes = jax.grad(f, argnums=(0, 1))(star, spots)
    for part, module in enumerate((star, spots)):
        for name in ("prot", "inc", "shear", "facula_ratio") if part == 0 else vars(spots):
            value, slope = getattr(module, name), getattr(slopes[part], name)
            for index in np.ndindex(value.shape):
                step = 1e-6 * max(1.0, abs(float(value[index])))

                def moved(sign, name=name, module=module, value=value, index=index, step=step, part=part):
                    new = eqx.tree_at(lambda m: getattr(m, name), module, value.at[index].add(sign * step))
                    return f(new, spots) if part == 0 else f(star, new)

                difference = (moved(1) - moved(-1)) / (2 * step)
                np.testing.assert_allclose(
                    slope[index], difference, rtol=1e-6, atol=2e-9, err_msg=f"{name}{index}"
                )


def test_configuration_is_checked():
    with pytest.raises(ValueError, match="law = 'cubic' must be one of constant, linear"):
        SurfaceConfig(law="cubic")
    with pytest.raises(ValueError, match="times_per_step = 0"):
        SurfaceConfig(times_per_step=0)
