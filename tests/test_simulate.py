"""The whole chain: against brute force, in batches, in both precisions, with faults."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.atmosphere.interpolation import band_intensity
from dynamojax.planets.orbit import planet_positions
from dynamojax.simulate.simulator import check_grids
from tests.oracles import disc

LAT, LON, RADIUS = (20.0, 24.0, -40.0, 60.0), (0.0, 6.0, 300.0, 60.0), (9.0, 7.0, 12.0, 10.0)

TIMES = np.arange(8.0)


@pytest.fixture(scope="module")
def grid():
    return dj.load_grid()


def _star(**changes):
    return dj.Star.from_degrees(
        **{"prot": 9.0, "inc_deg": 60.0, "shear": 0.2, "facula_ratio": 1.5, "facula_contrast": 60.0} | changes
    )


def _system(**changes) -> dj.System:
    spots = dj.SpotMap.from_degrees(LAT, LON, RADIUS, t_max=4.0, tau_emerge=6.0, tau_decay=10.0)
    planets = dj.Planets.from_degrees(
        radius_earth=11.0, star_radius=1.0, period=3.0, t_transit=1.0, inc_deg=88.0, obliquity_deg=30.0
    )
    return dj.System(_star(**changes), spots.padded(6), planets)


def _brute_force(grid, system, times) -> np.ndarray:
    star = system.star
    s = np.sqrt(grid.mu)

    def intensity(teff):
        values, valid = band_intensity(grid, teff, star.logg, star.feh)
        assert valid
        # eight nodes: a polynomial of degree seven in sqrt(mu)
        return np.polynomial.Polynomial.fit(s, np.asarray(values[0], float), 7)

    photosphere, spot = intensity(star.teff), intensity(star.teff - star.spot_contrast)
    hot = intensity(star.teff + star.facula_contrast)
    teff, contrast = float(star.teff), float(star.facula_contrast)

    def facula(mu):
        dt = contrast * (250.9 - 407.4 * mu + 190.9 * mu**2) / 34.4
        return hot(np.sqrt(mu)) * ((teff + dt) / (teff + contrast)) ** 4

    laws = (lambda mu: photosphere(np.sqrt(mu)), lambda mu: spot(np.sqrt(mu)), facula)
    x, y, z = (np.asarray(q)[0] for q in planet_positions(star, system.planets, dj.Epochs.from_days(times)))
    flux = []
    for i, t in enumerate(times):
        u = (t - 4.0) / (6.0 if t < 4.0 else 10.0)
        radii = np.deg2rad(RADIUS) * np.exp(-(u**2))
        centres = disc.spot_centres(np.deg2rad(LAT), np.deg2rad(LON), np.deg2rad(60.0), 9.0, 0.2, t)
        planet = (x[i], y[i], float(system.planets.radius_ratio[0])) if z[i] > 0 else None
        flux.append(disc.relative_flux(centres, radii, 1.5, laws, planet))
    return np.array(flux)


def test_against_brute_force(grid, x64):
    """Overlapping, evolving spots with faculae and a transit, nine million pixels.

    Tolerance 15 ppm, of which the pixels take 6 and the polynomial limb darkening less than 1.
    """
    grid = dj.load_grid().select(("kepler",))
    times = np.array([0.0, 0.97, 1.0, 2.5, 4.03, 6.1])
    photometer = dj.Photometer("kepler", ("kepler",), times)
    config = dj.SurfaceConfig(overlap="exact", faculae=True)
    system = _system()
    flux = dj.Simulator(grid, [photometer], surface=config)(system).light_curves["kepler"].flux[0]
    np.testing.assert_allclose(flux, _brute_force(grid, system, times), rtol=0, atol=15e-6)


def test_shapes_dtypes_and_one_trace(precision):
    grid = dj.load_grid()
    simulate = dj.Simulator(grid, [dj.kepler(days=1), dj.sdss(days=3)])
    systems = jax.tree.map(lambda *x: jnp.stack(x), _system(), _system(teff=5200), _system(prot=3))
    observe = jax.jit(eqx.debug.assert_max_traces(lambda s, many: jax.vmap(s)(many), max_traces=1))
    for _ in range(2):
        out = observe(simulate, systems)
    assert out.valid.shape == (3,) and bool(jnp.all(out.valid))
    assert out.light_curves["kepler"].flux.shape == (3, 1, len(simulate.photometers["kepler"].times))
    assert out.light_curves["sdss"].flux.shape == (3, 5, 3)
    assert out.light_curves["sdss"].baseline.shape == (3, 5)
    assert all(x.dtype == precision for x in jax.tree.leaves(out.light_curves))


def test_grids_of_the_other_kind_are_refused(grid):
    file = dj.open_grid()
    with pytest.raises(ValueError, match="grid is a GridFile, .* goes to spectra="):
        check_grids(file, None)
    with pytest.raises(ValueError, match="spectra is a BandGrid, .*open_grid"):
        check_grids(grid, grid)
    check_grids(grid, file)


@pytest.mark.slow
def test_a_simulator_is_a_function_that_jit_knows_again(grid):
    """Compiled once, whoever asks; another simulator is another function, one with the same numbers too."""
    simulate, other = (dj.Simulator(grid, [dj.Photometer("kepler", ("kepler",), TIMES)]) for _ in range(2))
    redder = dj.Simulator(grid, [dj.Photometer("tess", ("tess",), TIMES)])
    system = dj.System(_star(), dj.SpotMap.from_degrees(20.0, 0.0, 9.0), dj.Planets.empty())
    first = jax.jit(simulate)(system)
    assert jax.jit(simulate)._cache_size() == 1  # asked for anew, and the program is there
    assert jax.jit(other)._cache_size() == 0 and simulate != other and simulate == simulate
    assert list(jax.jit(redder)(system).light_curves) == ["tess"]
    many = jax.tree.map(lambda x: jnp.stack([x, x]), system)
    flux = jax.jit(jax.vmap(jax.jit(simulate)))(many).light_curves["kepler"].flux
    np.testing.assert_allclose(flux[1], first.light_curves["kepler"].flux[0][None], atol=1e-6)
    slope, plain = (
        jax.grad(lambda s, f=f: f(s).light_curves["kepler"].flux.std())(system).star.prot
        for f in (jax.jit(simulate), simulate)
    )
    assert float(slope) == pytest.approx(float(plain), rel=1e-4) and slope != 0


@pytest.mark.slow
def test_single_precision_is_the_double(grid):
    """0.5 ppm of the flux is asked of float32."""

    def flux():
        simulate = dj.Simulator(dj.load_grid(), [dj.kepler(days=10)], surface=dj.SurfaceConfig(faculae=True))
        return np.asarray(simulate(_system()).light_curves["kepler"].flux, float)

    single = flux()
    with jax.enable_x64(True):
        double = flux()
    assert np.abs(single - double).max() < 0.5e-6


def test_one_bad_star_leaves_the_others_exact(grid):
    simulate = dj.Simulator(grid, [dj.kepler(days=2), dj.tess(days=1, cadence="ffi")])
    good = _system()
    single = simulate(good)
    for bad in (
        _system(teff=100.0),
        _system(teff=jnp.nan),
        _system(prot=jnp.nan),
        _system(spot_contrast=5000),
    ):
        batch = jax.vmap(simulate)(jax.tree.map(lambda *x: jnp.stack(x), good, bad, good))
        np.testing.assert_array_equal(batch.valid, [True, False, True])
        for name, curve in batch.light_curves.items():
            assert jnp.all(jnp.isnan(curve.flux[1]))
            for i in (0, 2):
                np.testing.assert_allclose(curve.flux[i], single.light_curves[name].flux, rtol=0, atol=3e-7)


@pytest.mark.slow
def test_batches_in_chunks_are_the_batch(grid):
    simulate = dj.Simulator(grid, [dj.kepler(days=2)])
    systems = jax.tree.map(lambda *x: jnp.stack(x), *(_system(prot=p) for p in (3.0, 5.0, 7.0)))
    whole = jax.vmap(simulate)(systems)
    chunks = dj.simulate_batch(simulate, systems, batch_size=2)
    for a, b in zip(*map(jax.tree.leaves, (whole, chunks)), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=3e-7)
    with pytest.raises(ValueError, match="batch_size = 0"):
        dj.simulate_batch(simulate, systems, batch_size=0)


@pytest.mark.slow
@pytest.mark.parametrize("n_spots", [0, 4])
@pytest.mark.parametrize("n_planets", [0, 2])
def test_nothing_on_the_star_is_a_flat_line(grid, n_spots, n_planets):
    simulate = dj.Simulator(
        grid, [dj.kepler(days=2)], surface=dj.SurfaceConfig(faculae=True, overlap="exact")
    )
    system = dj.System(_star(), dj.SpotMap.empty(n_spots), dj.Planets.empty(n_planets))
    out = simulate(system)
    assert out.valid
    np.testing.assert_array_equal(out.light_curves["kepler"].flux, 1)
    slopes = jax.grad(lambda s: jnp.sum(simulate(s).light_curves["kepler"].flux))(system)
    assert all(jnp.all(jnp.isfinite(s)) for s in jax.tree.leaves(slopes))


@pytest.mark.slow
def test_a_planet_larger_than_the_star_hides_all_of_it(grid):
    planet = dj.Planets.from_degrees(radius_earth=300.0, star_radius=1.0, period=3.0, t_transit=0.5)
    system = dj.System(_star(), dj.SpotMap.from_degrees(0, 0, 10), planet)
    photometer = dj.Photometer("kepler", ("kepler",), np.array([0.0, 0.5, 2.0]))
    flux = dj.Simulator(grid, [photometer])(system).light_curves["kepler"].flux[0]
    assert flux[1] == pytest.approx(0.0, abs=2e-6)
    assert flux[0] > 0.9 and flux[2] > 0.9


def test_gradient_of_every_parameter_against_finite_differences(x64):
    """Flux of a spotted star with a planet, exact mode, faculae.

    The differences are those of the values' quadrature behind the planet, hence no better than 2e-4; the
    derivatives are exact, see tests/planets/test_rims.py.
    """
    grid = dj.load_grid().select(("kepler", "tess"))
    times = np.array([0.2, 0.96, 1.35, 4.05, 6.0])
    simulate = dj.Simulator(
        grid,
        [dj.Photometer("both", ("kepler", "tess"), times, 0.02, 3, 2)],
        surface=dj.SurfaceConfig(overlap="exact", faculae=True),
    )
    weights = jnp.asarray(np.random.default_rng(1).normal(size=(2, 5)))
    f = jax.jit(lambda s: jnp.sum(weights * simulate(s).light_curves["both"].flux))
    system = _system(macroturbulence=3.0, microturbulence=1.0)
    leaves, tree = jax.tree.flatten(system)
    slopes = jax.tree.leaves(jax.grad(f)(system))
    for i, (leaf, slope) in enumerate(zip(leaves, slopes, strict=True)):
        for index in list(np.ndindex(leaf.shape))[:3]:
            step = 1e-5 * max(1e-2, abs(float(leaf[index])))

            def moved(sign, i=i, leaf=leaf, index=index, step=step):
                return f(
                    jax.tree.unflatten(tree, [*leaves[:i], leaf.at[index].add(sign * step), *leaves[i + 1 :]])
                )

            difference = (moved(1) - moved(-1)) / (2 * step)
            np.testing.assert_allclose(slope[index], difference, rtol=2e-4, atol=1e-6, err_msg=f"{i} {index}")


@pytest.mark.slow
def test_sized_for_gives_just_the_room(grid):
    """Two kinds of stars fit; without the spare place and one more, a star is said to have failed."""
    systems = jax.tree.map(lambda *x: jnp.stack(x), _system(), _system(prot=4))
    small = dj.Simulator(
        grid, [dj.kepler(days=9)], surface=dj.SurfaceConfig(overlap="exact", faculae=True, n_neighbours=1)
    )
    simulate = small.sized_for(systems)
    assert jnp.all(jax.vmap(simulate)(systems).valid)
    crossing = dataclasses.replace(simulate.crossing, n_epochs=simulate.crossing.n_epochs - 2)
    less = eqx.tree_at(lambda s: s.crossing, simulate, crossing)
    assert not jnp.all(jax.vmap(less)(systems).valid)


@pytest.mark.slow
def test_exposures_average_the_flux(grid, x64):
    """A long exposure is the mean of many short ones, in and out of transit."""
    grid = dj.load_grid().select(("kepler",))
    system = _system(prot=1.0)
    centre, length, n = np.array([0.3, 0.93, 1.05]), 0.05, 400
    fine = (centre[:, None] + length * ((np.arange(n) + 0.5) / n - 0.5)).ravel()
    photometers = [
        dj.Photometer("long", ("kepler",), centre, length, 41, 5),
        dj.Photometer("fine", ("kepler",), fine),
    ]
    curves = dj.Simulator(grid, photometers)(system).light_curves
    mean = curves["fine"].flux[0].reshape(3, n).mean(axis=1)
    np.testing.assert_allclose(curves["long"].flux[0], mean, rtol=0, atol=3e-6)


@pytest.mark.slow
def test_photometers_that_share_times_share_one_geometry(grid):
    times = np.arange(5.0)
    photometers = [dj.Photometer(n, (n,), times) for n in ("kepler", "tess")]
    photometers.append(dj.Photometer("other", ("kepler",), times + 0.5))
    simulate = dj.Simulator(grid, photometers)
    assert len(simulate.schedules) == 2
    assert set(simulate(_system()).light_curves) == {"kepler", "tess", "other"}


def test_wrong_use_is_explained(grid):
    with pytest.raises(ValueError, match="each with its own name"):
        dj.Simulator(grid, [dj.kepler(days=1), dj.kepler(days=2)])
    with pytest.raises(ValueError, match="each with its own name"):
        dj.Simulator(grid, [])
    with pytest.raises(ValueError, match="my_filter"):
        dj.Simulator(grid, [dj.Photometer("x", ("my_filter",), np.arange(3.0))])
    simulate = dj.Simulator(grid, [dj.kepler(days=1)])
    systems = jax.tree.map(lambda x: jnp.stack([x, x]), _system())
    with pytest.raises(ValueError, match=r"jax.vmap\(simulate\)\(systems\)"):
        simulate(systems)
    with pytest.raises(ValueError, match="subtract an epoch"):
        dj.Simulator(grid, [dj.kepler(days=1, start=2_457_000.0)])


@pytest.mark.parametrize(
    "part, name, value",
    [
        ("spots", "radius", 2.0),
        ("spots", "radius", -0.1),
        ("star", "distance", 0.0),
        ("star", "microturbulence", -3.0),
        ("star", "macroturbulence", jnp.nan),
    ],
)
def test_sizes_that_no_stage_holds_for_are_not_valid(part, name, value):
    simulate = dj.Simulator(dj.load_grid(), [dj.kepler(days=1)])
    system = dj.System(dj.Star.from_degrees(), dj.SpotMap.from_degrees(10.0, 0.0, 5.0), dj.Planets.empty())
    module = getattr(system, part)
    module = dataclasses.replace(module, **{name: jnp.full_like(getattr(module, name), value)})
    out = simulate(dataclasses.replace(system, **{part: module}))
    assert not out.valid and jnp.all(jnp.isnan(out.light_curves["kepler"].flux))
    assert simulate(system).valid
