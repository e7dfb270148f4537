"""Drawn binaries and planets, from the draw to the row of a data set."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.config.generation import recipe
from dynamojax.config.generation_reading import read_generation
from dynamojax.population.binaries import eclipsing_binaries
from dynamojax.population.combined_light import observe
from dynamojax.population.distributions import LogUniform
from dynamojax.population.program import build_program, compiler_options, star_mesh
from dynamojax.population.recipe import columns_of
from dynamojax.population.rotation import DrawnRotation
from dynamojax.population.sampling import sample_population, transits

LAW = [0.4, 0.25]
GM_SUN = 1.3271244e11 * 86400.0**2 / 6.957e5**3  # [R_sun^3 / day^2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pairs():
    """Drawn stars with companions seen edge-on, without their spots."""
    prior = dataclasses.replace(
        dj.Prior.kepler(n_spots=60, binaries=eclipsing_binaries()),
        rotation=DrawnRotation(LogUniform(2.0, 40.0)),  # the wind's law takes long to compile
    )
    stars = sample_population(jax.random.key(4), 16, prior)
    keep = np.flatnonzero(np.asarray(stars.valid & stars.labels["is_binary"]))
    stars = jax.tree.map(lambda x: x[keep], stars)
    none = jax.tree.map(lambda x: jnp.zeros((len(keep), *x.shape)), dj.SpotMap.empty(0))
    return eqx.tree_at(lambda s: (s.system.spots, s.companion.spots), stars, (none, none))


def eclipsed(times, star, other, time, omega, labels):
    """Light of a star with another one passing before it, by batman, in double precision."""
    batman = pytest.importorskip("batman")
    params = batman.TransitParams()
    total = float(star.mass) + float(other.mass)
    params.per = float(labels["binary_period"])
    params.t0, params.rp = float(time), float(other.radius) / float(star.radius)
    params.a = np.cbrt(GM_SUN * total * (params.per / (2 * np.pi)) ** 2) / float(star.radius)
    params.inc, params.ecc = np.rad2deg(float(labels["binary_inc"])), float(labels["binary_ecc"])
    params.w, params.limb_dark, params.u = np.rad2deg(float(omega)), "quadratic", LAW
    return batman.TransitModel(params, times).light_curve(params)


def test_both_eclipses_of_drawn_pairs_are_those_of_batman(pairs):
    times = np.arange(0.0, 27.0, 0.02)
    law = {"kepler": dj.LimbDarkening(jnp.asarray(LAW), "quadratic")}
    camera = dj.Photometer("kepler", ("kepler",), times)
    simulate = dj.Simulator(dj.load_grid(), [camera], limb_darkening=law)
    alone = jax.jit(jax.vmap(lambda s: (simulate(s.system), simulate(s.companion))))
    both = jax.jit(lambda stars: jax.lax.map(lambda s: observe(simulate, s), stars))(pairs)
    bare = eqx.tree_at(lambda s: s.system.planets.radius_ratio, pairs, replace_fn=jnp.zeros_like)
    bare = eqx.tree_at(lambda s: s.companion.planets.radius_ratio, bare, replace_fn=jnp.zeros_like)
    light = [np.asarray(o.light_curves["kepler"].baseline)[:, 0] for o in alone(bare)]
    depths = []
    for k in range(len(pairs.valid)):
        one = jax.tree.map(lambda x, k=k: x[k], pairs)
        star, other = one.system.star, one.companion.star
        orbits = one.system.planets, one.companion.planets
        a, b = (
            eclipsed(times, s, o, orbit.t_transit[0], orbit.omega[0], one.labels)
            for s, o, orbit in zip((star, other), (other, star), orbits, strict=True)
        )
        want = (light[0][k] * a + light[1][k] * b) / (light[0][k] + light[1][k])
        found = np.asarray(both.light_curves["kepler"].flux)[k, 0]
        # Times and periods in single precision move an ingress by some seconds: 2e-4 of a deep eclipse.
        np.testing.assert_allclose(found, want, atol=1e-3)
        assert np.median(np.abs(found - want)) < 2e-6
        depths.append(1 - want.min())
    assert np.mean(depths) > 0.1 and len(depths) > 8


TEXT = """
[generate]
stars = 8
seed = 2
[population]
n_spots = 40
teff_low = 4500
planets = "transiting"
n_planets = 2
binaries = "BINARIES"
[[photometers]]
preset = "custom"
name = "kepler"
bands = ["kepler"]
cadence_s = 7200
days = 12
[[spectrographs]]
preset = "lamost"
wavelength = [5100, 5200]
times = [0.5, 3.0]
[[velocities]]
times = [0.5, 1.0, 1.5]
[spectra]
n_disc = [12, 6]
n_cap = [2, 6]
[noise]
enabled = false
"""


@pytest.fixture(scope="module", params=["kepler", "eclipsing"])
def data_set(request, tmp_path_factory):
    """What binaries there are, the recipe, its rows, and the same stars as the prior has them."""
    path = tmp_path_factory.mktemp("config") / "a.toml"
    path.write_text(TEXT.replace("BINARIES", request.param))
    made = recipe(read_generation(path))
    rotation = DrawnRotation(LogUniform(2.0, 40.0))  # the wind's law takes long to compile
    maker = dataclasses.replace(made.maker, prior=dataclasses.replace(made.maker.prior, rotation=rotation))
    made = dataclasses.replace(made, maker=maker)
    row = build_program(maker, made.root, star_mesh(jax.local_devices()[:1]), 8)(0, 7)
    row = {name: value[:8] for name, value in row.items()}
    stars = sample_population(made.root, 8, maker.prior)
    return request.param, made, {name: np.asarray(x) for name, x in row.items()}, stars


def test_a_row_is_the_light_of_both_stars_simulated_apart(data_set):
    binaries, made, row, stars = data_set
    maker = made.maker
    kept = np.flatnonzero(row["valid"])
    blended = row["is_blended"][kept]
    assert len(kept) >= 5 and blended.any()
    assert row["is_eclipsing"][kept].all() == (binaries == "eclipsing")
    simulate = jax.jit(
        lambda systems: jax.lax.map(maker.simulator, systems), compiler_options=compiler_options()
    )
    one, two = simulate(stars.system), simulate(stars.companion)
    weight = np.where(row["is_blended"], 1.0, 0.0)[kept]

    def added(a, b):
        a, b = np.asarray(a, float)[kept], np.asarray(b, float)[kept]
        return a + np.where(weight.reshape(-1, *[1] * (b.ndim - 1)) > 0, b, 0.0)

    curves = [o.light_curves["kepler"] for o in (one, two)]
    light = added(*(np.asarray(c.flux)[:, 0] * np.asarray(c.baseline)[:, :1] for c in curves))
    base = added(*(np.asarray(c.baseline)[:, 0] for c in curves))
    # programs of single precision that round each in its own way
    np.testing.assert_allclose(row["kepler_flux_model"][kept], light / base[:, None], atol=2e-5)
    np.testing.assert_allclose(row["kepler_baseline"][kept], base, rtol=1e-4)
    spectra = added(one.spectra["lamost"].flux, two.spectra["lamost"].flux)
    np.testing.assert_allclose(row["lamost_flux_model"][kept], spectra, rtol=2e-3)
    for name, seen in (("lamost_velocity", one), ("lamost_companion_velocity", two)):
        there = np.asarray(seen.spectra["lamost"].velocity)[kept]
        there = np.where(row["is_binary"][kept][:, None], there, np.nan) if "companion" in name else there
        np.testing.assert_allclose(row[name][kept], there, atol=0.02, rtol=1e-4)
    # both stars pull on each other, in opposite directions
    pulled = row["is_blended"] & row["valid"] & (row["binary_period"] < 50)
    if binaries == "eclipsing":
        shifts = [row[f"lamost_{n}"] - row[f"{p}_rv"][:, None] for n, p in
                  (("velocity", "star"), ("companion_velocity", "companion_star"))]  # fmt: skip
        ratio = (row["companion_star_mass"] / row["star_mass"])[:, None]
        planets = 0.3  # [km/s], the pull of planets on the primary
        np.testing.assert_allclose(shifts[0][pulled], (-shifts[1] * ratio)[pulled], atol=planets)
        assert np.abs(shifts[1][pulled]).max() > 30


def test_planets_and_companions_have_columns_of_their_own(data_set):
    binaries, made, row, stars = data_set
    assert row["planet_radius_ratio"].shape == (8, 2)
    # an eclipsing companion passes in front, too
    assert stars.system.planets.n_planets == (3 if binaries == "eclipsing" else 2)
    assert all(column["unit"] for column in columns_of(made).values())
    pairs = row["is_binary"] & row["valid"]
    for name in ("omega", "t_conjunction", "obliquity", "inc", "ecc", "period"):
        assert np.isfinite(row[f"binary_{name}"][pairs]).all()
        assert np.isnan(row[f"binary_{name}"][~row["is_binary"]]).all()
    seen = jax.vmap(transits)(stars.system.star, stars.system.planets)
    np.testing.assert_array_equal(row["is_transiting"], np.asarray(seen)[:, :2].any(axis=1))
