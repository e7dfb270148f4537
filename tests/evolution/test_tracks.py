import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.evolution.track_file import load_tracks
from dynamojax.evolution.tracks import (
    StellarState,
    TrackGrid,
    age_span_gyr,
    at_phase,
    evolve,
    monotone_slopes,
)
from tests.oracles import evolution as oracle

evolved = jax.jit(jax.vmap(evolve, (None, 0, 0, 0)))
placed = jax.jit(jax.vmap(at_phase, (None, 0, 0, 0)))
spans = jax.jit(jax.vmap(age_span_gyr, (None, 0, 0)))


@functools.cache
def tracks(dtype="float64"):
    with jax.enable_x64(dtype == "float64"):
        return load_tracks()


def _stars(n, seed=0, mass=(0.15, 3.0), feh=(-2.0, 0.4)):
    """Masses, metallicities and ages that the tracks know."""
    rng = np.random.default_rng(seed)
    mass, feh = rng.uniform(*mass, n), rng.uniform(*feh, n)
    first, last = (np.asarray(x) for x in spans(tracks(), jnp.asarray(mass), jnp.asarray(feh)))
    keep = np.isfinite(first)
    share = rng.uniform(0.02, 0.98, n)
    age = first ** (1 - share) * last**share
    return tuple(jnp.asarray(x[keep]) for x in (mass, feh, age))


def test_matches_the_oracle(x64):
    grid, (mass, feh, age) = tracks(), _stars(12)
    got = evolved(grid, mass, feh, age)
    assert got.valid.all()
    for k in range(len(mass)):
        teff, luminosity, eep = oracle.state(grid, float(mass[k]), float(feh[k]), float(age[k]))
        # Rounding of the root only; where age hardly changes with phase it is magnified a thousandfold.
        assert float(got.eep[k]) == pytest.approx(eep, abs=1e-6)
        assert float(got.teff[k]) == pytest.approx(teff, rel=1e-8)
        assert float(got.luminosity[k]) == pytest.approx(luminosity, rel=1e-8)


def test_at_a_node_the_track_itself_is_returned(x64):
    grid = tracks()
    i, j = 20, 9
    n = int(grid.first[i, j, 0]) + np.arange(5, 400, 45)
    mass, feh = jnp.full(len(n), grid.mass[i]), jnp.full(len(n), grid.feh[j])
    got = evolved(grid, mass, feh, 10 ** grid.log_age[i, j, 0, n])
    np.testing.assert_allclose(jnp.log10(got.teff), grid.values[i, j, 0, n, 0], atol=1e-10)
    np.testing.assert_allclose(jnp.log10(got.luminosity), grid.values[i, j, 0, n, 1], atol=1e-9)
    np.testing.assert_allclose(got.eep, grid.eep[n], atol=1e-7)


def test_radius_gravity_and_luminosity_agree(x64):
    got = evolved(tracks(), *_stars(50))
    np.testing.assert_allclose(got.luminosity, got.radius**2 * (got.teff / 5772.0) ** 4, rtol=1e-12)
    np.testing.assert_allclose(got.logg, 4.43807 + jnp.log10(got.mass / got.radius**2), atol=1e-12)


def test_age_and_phase_are_each_others_inverse(x64):
    grid, (mass, feh, age) = tracks(), _stars(60, seed=4)
    there = evolved(grid, mass, feh, age)
    back = placed(grid, mass, feh, there.eep)
    np.testing.assert_allclose(back.age_gyr, age, rtol=1e-12)
    np.testing.assert_allclose(back.teff, there.teff, rtol=1e-12)


def test_the_sun(x64):
    # Initial metallicity above zero: diffusion has lowered the surface's since.
    grid = tracks()
    got = evolved(grid, jnp.ones(2), jnp.asarray([0.05, 0.0]), jnp.full(2, 4.57))
    assert float(got.teff[0]) == pytest.approx(5772, abs=10)
    assert float(got.luminosity[0]) == pytest.approx(1.0, abs=0.01)
    assert float(got.radius[0]) == pytest.approx(1.0, abs=0.005)
    assert float(got.mass[0]) == pytest.approx(1.0, abs=5e-4)
    assert float(got.teff[1]) == pytest.approx(5772, abs=70)  # MIST's own solar composition runs hot


def _outputs(grid, at):
    star = evolve(grid, *at)
    return jnp.stack([jnp.log(star.teff), jnp.log(star.luminosity), star.logg, jnp.log(star.mass)])


forward = jax.jit(jax.vmap(jax.jacfwd(_outputs, argnums=1), (None, 0)))
reverse = jax.jit(jax.vmap(jax.jacrev(_outputs, argnums=1), (None, 0)))
values = jax.jit(jax.vmap(_outputs, (None, 0)))


def test_gradients_are_those_of_finite_differences(x64):
    grid, at = tracks(), jnp.stack(_stars(40, seed=7), axis=1)
    slopes = np.asarray(forward(grid, at))
    np.testing.assert_allclose(reverse(grid, at), slopes, rtol=1e-9, atol=1e-12)
    for k in range(3):
        h = 1e-6 * jnp.maximum(jnp.abs(at[:, k]), 0.1)
        step = jnp.zeros_like(at).at[:, k].set(h)
        difference = (values(grid, at + step) - values(grid, at - step)) / (2 * h[:, None])
        # Where a star evolves fast the next derivative is large: the median is that of the method.
        error = np.abs(difference - slopes[..., k]) / (np.abs(slopes[..., k]) + 1e-2)
        assert np.median(error) < 1e-7
        assert np.percentile(error, 90) < 1e-3


def test_slopes_are_continuous_across_tracks_and_phases(x64):
    """On either side of a track in mass and in metallicity, and of a phase in age, the slope is the same."""
    grid = tracks()
    mass, feh = float(grid.mass[21]), float(grid.feh[9])
    node_age = float(10 ** grid.log_age[21, 9, 0, 330])
    eps = 1e-7
    for k, at in ((0, (mass, 0.1, 3.0)), (1, (1.05, feh, 3.0)), (2, (mass, feh, node_age))):
        sides = [np.array(at) * 1.0 for _ in range(2)]
        for side, sign in zip(sides, (-1, 1), strict=True):
            side[k] += sign * eps
        low, high = np.asarray(forward(grid, jnp.asarray(np.stack(sides))))[:, :, k]
        # eps times a second derivative of at most 100.
        np.testing.assert_allclose(low, high, atol=2e-5)


def test_off_the_tracks_is_nan_and_never_a_neighbour(x64):
    grid = tracks()
    off = {
        "mass below": (0.09, 0.0, 1.0),
        "mass above": (4.6, 0.0, 0.1),
        "mass zero": (0.0, 0.0, 1.0),
        "feh below": (1.0, -2.6, 1.0),
        "feh above": (1.0, 0.51, 1.0),
        "before the track": (1.0, 0.0, 1e-5),
        "dead": (1.0, 0.0, 13.0),
        "dead early": (2.5, 0.0, 2.0),
        "age zero": (1.0, 0.0, 0.0),
        "negative age": (1.0, 0.0, -1.0),
        "no such track": (0.2, 0.45, 1.0),
        "nan": (np.nan, 0.0, 1.0),
    }
    got = evolved(grid, *jnp.asarray(np.array(list(off.values())).T))
    assert not got.valid.any(), [name for name, v in zip(off, got.valid, strict=True) if v]
    for name, column in got._asdict().items():
        assert name == "valid" or np.isnan(column).all()
    one = jnp.asarray(1.0)
    assert not evolve(grid, one, 0.0 * one, one, 0.2).valid  # these tracks have no alpha but 0


def test_a_star_off_the_tracks_leaves_its_neighbours_gradient_alone(x64):
    at = jnp.asarray([[1.0, 0.0, 1.0], [9.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 0.0, -1.0]])
    slopes = jax.jit(jax.grad(lambda grid, at: _known(grid, at).sum(), argnums=1))(tracks(), at)
    assert np.isfinite(slopes).all()
    assert (slopes[0, ::2] != 0).all() and (slopes[1:] == 0).all()


def _known(grid, at):
    star = jax.vmap(evolve, (None, 0, 0, 0))(grid, *at.T)
    return jnp.where(star.valid, star.teff, 0.0)


def test_ends_of_a_track_belong_to_it(x64):
    grid, mass, feh = tracks(), jnp.asarray([1.02, 0.74]), jnp.asarray([0.0, -0.5])
    # A part in 1e12 inside, for the rounding of the logarithm.
    first, last = spans(grid, mass, feh)
    assert evolved(grid, mass, feh, first * (1 + 1e-12)).valid.all()
    assert evolved(grid, mass, feh, last * (1 - 1e-12)).valid.all()
    assert not evolved(grid, mass, feh, last * (1 + 1e-9)).valid.any()
    assert not evolved(grid, mass, feh, first * (1 - 1e-9)).valid.any()


def test_ages_rise_between_tracks(x64):
    """With phase, but for some 5e-4 dex in 1 of 1000 steps where convective cores begin."""
    from dynamojax.evolution.tracks import stencil_of

    grid, (mass, feh, _) = tracks(), _stars(300, seed=9, mass=(0.1, 4.4))

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(0, 0))
    def curve(m, z):
        at = stencil_of(grid, m, z, jnp.asarray(0.0))
        return at.interpolated(grid.log_age, jnp.zeros((), jnp.int32), len(grid.eep)), at.first, at.last

    age, first, last = map(np.asarray, curve(mass, feh))
    index = np.arange(age.shape[1] - 1)
    inside = (index >= first[:, None]) & (index < last[:, None])
    step = np.diff(age, axis=1)[inside]
    assert (step <= 0).mean() < 2e-3
    assert step.min() > -4e-3


def test_shape_dtype_and_traces(precision):
    grid = load_tracks()
    run = jax.jit(jax.vmap(eqx.debug.assert_max_traces(evolve, max_traces=1), (None, 0, 0, 0)))
    for n in (1.0, 1.1):
        got = run(grid, *(jnp.full(5, x) for x in (n, 0.1, 2.0)))
    assert isinstance(got, StellarState)
    assert got.teff.shape == (5,) and got.teff.dtype == precision and got.valid.all()


@pytest.mark.slow
def test_single_precision_follows_double():
    with jax.enable_x64(True):
        mass, feh, age = _stars(400, seed=2)
        exact = evolved(tracks(), mass, feh, age)
    rough = evolved(tracks("float32"), *(jnp.asarray(np.asarray(x), jnp.float32) for x in (mass, feh, age)))
    same = np.asarray(rough.valid & exact.valid)
    assert same.mean() > 0.99
    for name, limit in (("teff", 2e-4), ("radius", 2e-3), ("luminosity", 3e-3)):
        error = np.abs(np.asarray(getattr(rough, name)) / np.asarray(getattr(exact, name)) - 1)[same]
        # A rounded age moves a star near the tip of the giant branch; everywhere else it is 1e-6.
        assert np.median(error) < 3e-6 and error.max() < limit


def test_monotone_slopes_keep_a_rise(x64):
    rng = np.random.default_rng(1)
    u = np.linspace(0, 1, 101)
    for _ in range(50):
        f = np.cumsum(rng.lognormal(0, 3, 4))
        d = np.asarray(monotone_slopes(jnp.asarray(f)))
        for j in range(3):
            h = f[j] + (f[j + 1] - f[j]) * u * u * (3 - 2 * u)
            h += u * (1 - u) * ((1 - u) * d[j] - u * d[j + 1])
            assert np.diff(h).min() >= -1e-12 * f[-1]


def test_grids_are_checked():
    ones = np.ones((4, 4, 1, 5))
    parts = dict(
        mass=np.arange(4) + 1.0,
        feh=np.arange(4.0),
        alpha=[0.0],
        eep=np.arange(5),
        log_age=ones,
        first=jnp.zeros((4, 4, 1), jnp.int32),
        last=jnp.full((4, 4, 1), 4, jnp.int32),
    )
    with pytest.raises(ValueError, match="columns"):
        TrackGrid(**parts, values=np.ones((*ones.shape, 1)), columns=("log_teff",))
    with pytest.raises(ValueError, match="do not fit the axes"):
        TrackGrid(
            **parts, values=np.ones((4, 4, 1, 6, 3)), columns=("log_teff", "log_luminosity", "log_mass")
        )
