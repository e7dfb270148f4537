"""Gradients of spectra against finite differences, and finite at every named edge."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.observables.disc_config import DiscConfig
from dynamojax.observables.spectroscopy import disc_spectra
from dynamojax.surface.convection import Convection
from dynamojax.surface.moments import SurfaceConfig
from dynamojax.system import Epochs, Planets, SpotMap, Star
from tests.observables.synthetic_grid import synthetic_grid

CONFIG = DiscConfig(n_disc=(24, 8), n_cap=(4, 8), n_planet=(6, 6))
SURFACE = SurfaceConfig(law="gaussian", overlap="exact", faculae=True)
STAR = {"teff": 5480.0, "logg": 4.4, "feh": -0.1, "prot": 3.0, "inc_deg": 65.0, "shear": 0.2, "rv": 12.3}
STAR |= {"macroturbulence": 3.0, "microturbulence": 1.5, "facula_ratio": 1.0, "spot_contrast": 900.0}


def parts(**change):
    spots = SpotMap.from_degrees(
        [20.0, -35.0, 28.0], [10.0, -30.0, 22.0], [8.0, 12.0, 6.0], t_max=0.5, tau_decay=9.0
    )
    planets = Planets.from_degrees(
        radius_earth=[9.0],
        star_radius=1.0,
        period=[10.0],
        t_transit=[-0.03],
        inc_deg=[88.8],
        obliquity_deg=[20.0],
    )
    return Star.from_degrees(**(STAR | change)), spots, planets


def total(star, spots, planets, grid):
    """A weighted sum of the spectrum: each pixel counts differently."""
    epochs = Epochs.from_days(np.array([0.0]))
    flux, _ = disc_spectra(
        star, spots, planets, epochs, star.rv[None], grid, SURFACE, Convection.solar(), CONFIG
    )
    pixel = jnp.arange(grid.n_wavelength)
    inner = jnp.abs(pixel - grid.n_wavelength / 2) < 60
    return jnp.sum(jnp.where(inner, flux[0] * jnp.cos(0.37 * pixel), 0)) / 1e6


_VALUE = jax.jit(total)
_SLOPE = jax.jit(jax.grad(total, argnums=(0, 1, 2)))


def small_grid():
    return synthetic_grid(5050.0, 5150.0, 12000.0, (15.0, 30.0), n_mu=5)


def test_gradients_against_finite_differences(x64):
    """Relative to the largest of a group: 1e-5, of the difference quotient."""
    grid, given = small_grid(), parts()
    slopes = _SLOPE(*given, grid)
    skip = {"mass", "radius", "distance", "ecc", "omega"}
    for k, (module, slope) in enumerate(zip(given, slopes, strict=True)):
        for field in dataclasses.fields(module):
            if field.name in skip:
                continue
            value = getattr(module, field.name)
            step = 1e-5 * max(1.0, float(jnp.max(jnp.abs(value))))
            if not np.isfinite(step):
                continue
            for index in np.ndindex(value.shape or (1,)):
                at = index if value.shape else ()
                ends = []
                for sign in (1, -1):
                    moved = dataclasses.replace(module, **{field.name: value.at[at].add(sign * step)})
                    ends.append(float(_VALUE(*given[:k], moved, *given[k + 1 :], grid)))
                difference = (ends[0] - ends[1]) / (2 * step)
                got = float(getattr(slope, field.name)[at])
                assert got == pytest.approx(difference, rel=2e-4, abs=2e-6), (field.name, index)


EDGES = {
    "no rotation": {"prot": 1e9},
    "pole-on": {"inc_deg": 0.0},
    "equator-on": {"inc_deg": 90.0},
    "no shear": {"shear": 0.0},
    "no turbulence": {"macroturbulence": 0.0, "microturbulence": 0.0},
    "no spot contrast": {"spot_contrast": 0.0},
}


@pytest.mark.parametrize("edge", EDGES)
def test_gradients_are_finite_at_edges(precision, edge):
    slopes = _SLOPE(*parts(**EDGES[edge]), small_grid())
    for leaf in jax.tree.leaves(slopes):
        assert jnp.all(jnp.isfinite(leaf))


@pytest.mark.slow
def test_empty_places_have_no_slope(precision):
    star, _, _ = parts()
    slopes = _SLOPE(star, SpotMap.empty(3), Planets.empty(2), small_grid())
    for leaf in jax.tree.leaves(slopes[1:]):
        assert jnp.all(leaf == 0)
