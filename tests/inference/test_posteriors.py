"""Posteriors of a few parameters against sums over a dense grid of the same density; their parts alone."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.stats import kstest, multivariate_t, norm

import dynamojax as dj
from dynamojax.inference import particles
from dynamojax.inference.anchors import Anchors
from dynamojax.inference.comoving import Comoving
from dynamojax.inference.ensemble import Proposal, Walkers, begun
from dynamojax.inference.importance import importance, smoothed
from dynamojax.inference.labels import Numbered, exchanges, relabelled
from dynamojax.inference.mixture import Mixture, refitted, shorter
from dynamojax.inference.modes import Ends, prior_draws
from dynamojax.inference.optimise import pose
from dynamojax.inference.particles import fitted, swept, tempered
from dynamojax.inference.standard import Standard
from dynamojax.inference.tempering import effective_draws, temper
from tests.inference import stars

KEY = jax.random.key(8)


def normals(n=4001):
    return norm.ppf((np.arange(n) + 0.5) / n)


@pytest.mark.parametrize(
    "prior, low, high, cumulative",
    [
        (dj.LogUniform(), 3.0, 12.0, lambda x: np.log(x / 3) / np.log(4)),
        (dj.Isotropic(), 0.0, 90.0, lambda x: 1 - np.cos(np.deg2rad(x))),
        (dj.OnSphere(), -60.0, 60.0, lambda x: 0.5 + np.sin(np.deg2rad(x)) / np.sqrt(3)),
        (
            dj.Normal(5.0, 2.0),
            4.0,
            8.0,
            lambda x: (norm.cdf((x - 5) / 2) - norm.cdf(-0.5)) / (norm.cdf(1.5) - norm.cdf(-0.5)),
        ),
        (dj.Normal(5.0, 2.0), -np.inf, np.inf, lambda x: norm.cdf((x - 5) / 2)),
    ],
)
def test_priors_are_what_they_say(x64, prior, low, high, cumulative):
    z = jnp.asarray(normals())
    ends = jnp.asarray(low), jnp.asarray(high)
    values = jax.vmap(lambda z: prior.from_normal(z, *ends))(z)
    np.testing.assert_allclose(cumulative(np.asarray(values)), norm.cdf(np.asarray(z)), atol=1e-7)
    # Near a bound the rounding of a probability is stretched.
    np.testing.assert_allclose(jax.vmap(lambda v: prior.to_normal(v, *ends))(values), z, atol=1e-6)


def mixture(is_round=(False, False)):
    covariances = np.array([[[0.04, 0.01], [0.01, 0.09]], [[0.2, 0.0], [0.0, 0.01]]])
    return Mixture.of([0.3, 0.7], np.array([[0.0, 1.0], [2.0, -1.0]]), covariances, np.array(is_round))


def test_density_of_a_mixture():
    x = np.random.default_rng(0).normal(size=(5, 2))
    parts = [
        multivariate_t(c, f @ f.T, df=8.0).pdf(x)
        for c, f in zip(mixture().centres, mixture().factors, strict=True)
    ]
    np.testing.assert_allclose(np.exp(mixture().log_density(x)), 0.3 * parts[0] + 0.7 * parts[1], rtol=1e-10)


def test_draws_on_a_circle_have_the_density_that_is_stated():
    wide = Mixture.of([1.0], [[0.0, 3.0]], [np.diag([0.1, 4.0])], np.array([False, True]))
    draws, kept = wide.draw(20000, np.random.default_rng(1))
    mass = dblquad(
        lambda y, x: np.exp(wide.log_density(np.array([[x, y]]))[0]), -4, 4, -np.pi, np.pi, epsrel=1e-3
    )[0]
    # A share of 20000 draws: its binomial error is 0.003.
    assert np.mean(kept) == pytest.approx(mass, abs=0.012)
    assert np.all(np.abs(shorter(draws[kept] - [0.0, 3.0], wide.is_round)[:, 1]) <= np.pi)


def test_a_mixture_finds_what_it_is_fitted_to():
    truth = mixture()
    x, _ = truth.draw(6000, np.random.default_rng(2))
    begin = Mixture.of([0.5, 0.5], [[0.5, 0.5], [1.5, -0.5]], [np.eye(2)] * 2, truth.is_round)
    found = refitted(begin, x, np.ones(len(x)), n_steps=40)
    # 2000 draws of the lighter part: 3 standard errors.
    np.testing.assert_allclose(found.centres, truth.centres, atol=0.03)
    np.testing.assert_allclose(np.exp(found.log_weights), [0.3, 0.7], atol=0.03)


def test_uneven_weights_are_told():
    rng = np.random.default_rng(3)
    assert smoothed(0.3 * rng.normal(size=4000))[1] < 0.5
    assert smoothed(rng.exponential(1.2, size=4000))[1] > 0.7  # Pareto weights of shape 1.2


FREE = [
    dj.Free("star.inc_deg", 0, 90, dj.Isotropic()),
    dj.Free("spots.radius_deg[0]", 1, 20, dj.LogUniform()),
]


@pytest.fixture(scope="module")
def dense():
    """Two parameters of a light curve: the problem, means, deviations and evidence on a grid."""
    with jax.enable_x64(True):
        simulate, star = stars.photometry(60), stars.system()
        problem = pose(star, simulate, [stars.light_curve(star, simulate, noise=2e-3)], FREE)
        standard = Standard.of(problem)
        axis = np.linspace(-4.5, 4.5, 181)
        z = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
        log = np.asarray(jax.jit(jax.vmap(Standard.log_density, (None, 0)))(standard, jnp.asarray(z)))
        weight = np.exp(log - log.max())
        values = np.asarray(jax.vmap(standard.inside)(jnp.asarray(z))) / np.array(problem.parameters.units)
        mean = weight @ values / weight.sum()
        deviation = np.sqrt(weight @ (values - mean) ** 2 / weight.sum())
        yield problem, mean, deviation, np.log(weight.sum() * (axis[1] - axis[0]) ** 2) + log.max()


def check(found, dense, n):
    _, mean, deviation, evidence = dense
    assert found.is_trustworthy, found.faults
    # Of n effective draws, four standard errors.
    assert np.all(np.abs(found.mean - mean) < 4 * deviation / np.sqrt(n))
    np.testing.assert_allclose(found.errors, deviation, rtol=4 / np.sqrt(2 * n))
    assert found.log_evidence == pytest.approx(evidence, abs=0.3)
    low, high = found.interval("star.inc_deg", 0.68)
    assert low < found.mean[0] < high
    assert set(found.to_arviz().groups()) == {"posterior", "sample_stats"}


@pytest.mark.slow
def test_importance_sampling_against_a_dense_grid(dense, x64):
    found = importance(dense[0], key=KEY, n_starts=7, n_candidates=70, n_draws=512, n_moves=0)
    check(found, dense, 500)


TEMPERED = {"n_runs": 2, "n_particles": 128, "n_moves": 8, "n_components": 4, "n_starts": 7}


@pytest.mark.slow
def test_tempering_against_a_dense_grid(dense, x64):
    check(temper(dense[0], key=KEY, **TEMPERED), dense, 200)


@pytest.mark.slow
def test_data_added_to_a_posterior_against_a_dense_grid(dense, x64):
    """What was known before drops out, even if it is the same light curve with five times the noise."""
    simulate, star = stars.photometry(60), stars.system()
    rough = pose(star, simulate, [stars.light_curve(star, simulate, noise=1e-2)], FREE)
    before = temper(rough, key=KEY, **TEMPERED)
    check(temper(dense[0], key=jax.random.key(9), after=before, **TEMPERED), dense, 200)
    other = pose(star, simulate, [stars.light_curve(star, simulate)], FREE[:1])
    with pytest.raises(ValueError, match=r"after: .*other parameters \(spots.radius_deg\[0\]\)"):
        temper(other, key=KEY, after=before)


@pytest.mark.slow
def test_one_run_alone_at_the_best_evidence_is_told(dense, x64):
    found = temper(dense[0], key=KEY, **(TEMPERED | {"n_runs": 1, "n_last": 2, "n_moves": 2}))
    assert "1 run reached the best evidence" in " ".join(found.faults)


@pytest.mark.parametrize(
    "wrong", [{"n_particles": 127}, {"n_particles": 0}, {"n_particles": 16, "n_components": 9}]
)
def test_halves_that_there_are_not(surface, wrong):
    with pytest.raises(ValueError, match=f"{list(wrong)[-1]} {list(wrong.values())[-1]}: "):
        temper(surface.problem, key=KEY, **wrong)
    with pytest.raises(ValueError, match="n_walkers 3: "):
        importance(surface.problem, key=KEY, n_walkers=3)


@pytest.mark.slow
def test_a_search_that_hit_nothing_is_told(dense, x64):
    found = importance(dense[0], key=KEY, n_starts=0, n_draws=64, n_rounds=1, n_moves=0)
    assert not found.is_trustworthy and "walks ended at the best maximum" in " ".join(found.faults)


SURFACE = [
    *(dj.Free("star.prot", 2, 4, dj.LogUniform()), dj.Free("star.shear", 0, 0.3), "spots.lon_deg"),
    dj.Free("spots.lat_deg", -60, 60, dj.OnSphere()),
]


SIZES = [dj.Free("spots.radius_deg", 2, 20, dj.LogUniform()), dj.Free("star.inc_deg", 0, 90, dj.Isotropic())]


def posterior_of(free) -> Standard:
    simulate, star = stars.photometry(60), stars.system((6.0, 6.0))
    return Standard.of(pose(star, simulate, [stars.light_curve(star, simulate, noise=1e-3)], free))


@pytest.fixture
def surface():
    return posterior_of(SURFACE)


@pytest.mark.slow
@pytest.mark.parametrize("more, sizes", [([], ()), (SIZES, ((6, 4), (7, 5))), (SIZES[:1], ((6, 4), (7, 5)))])
def test_comoving_coordinates_and_back(x64, more, sizes):
    surface = posterior_of([*SURFACE, *more])
    comoving = Comoving.of(surface)
    assert comoving.rates == (0, 1) and comoving.lats == (4, 5) and comoving.sizes == sizes
    z = prior_draws(surface, 200, key=KEY)
    y = jax.vmap(comoving.to)(z)
    np.testing.assert_allclose(jax.vmap(comoving.back)(y), z, atol=1e-5)
    # Change of volume against the determinant of all slopes.
    slopes = jax.vmap(jax.jacfwd(comoving.back))(y[:20])
    volume = jax.vmap(lambda y: comoving._back(y)[1])(y[:20])
    np.testing.assert_allclose(volume, np.linalg.slogdet(np.asarray(slopes))[1], rtol=1e-6, atol=1e-6)


def test_exchanged_spots_are_the_same_star(surface, x64):
    z = prior_draws(surface, 5, key=KEY)
    orders = exchanges(surface)
    assert [list(o) for o in orders] == [[0, 1, 2, 3, 4, 5], [0, 1, 3, 2, 5, 4]]
    same, swapped = (jax.vmap(surface.log_density)(z[:, order]) for order in orders)
    # Noise and model may be of single precision here, and chi square is summed in another order.
    np.testing.assert_allclose(same, swapped, rtol=1e-6)


def test_spots_of_which_different_things_are_known_keep_their_places():
    latitudes = [dj.Free(f"spots.lat_deg[{i}]", prior=dj.Normal(m, 5.0)) for i, m in enumerate((20.0, -20.0))]
    assert len(exchanges(posterior_of(["spots.lon_deg", "spots.radius_deg", *latitudes]))) == 1


def test_places_kept_for_more_spots_do_not_tell_the_others_apart(x64):
    free = [f"spots.{field}[{i}]" for field in ("lon_deg", "radius_deg") for i in (0, 1)]
    simulate, star = stars.photometry(60), stars.system((6.0, 6.0))
    whole = star.spots
    lat, lon, radius = (np.append(np.asarray(x), 0.0) for x in (whole.lat, whole.lon, whole.radius))
    lat[:2] = 0.3
    for third, is_alike in ((0.0, True), (0.1, False)):
        lat[1] = 0.3 if is_alike else 0.4
        spots = dj.SpotMap.from_degrees(*np.rad2deg([lat, lon, np.append(radius[:2], third)]))
        wide = dj.System(star.star, spots, star.planets)
        problem = pose(wide, simulate, [stars.light_curve(wide, simulate)], free)
        assert len(exchanges(Standard.of(problem))) == (2 if is_alike else 1)


def test_anchors_widen_to_the_prior_as_the_likelihood_fades(surface, x64):
    z, precision = np.asarray(prior_draws(surface, 2, key=KEY)), np.tile(np.diag([100.0] * 6), (2, 1, 1))
    anchors = Anchors.of(Comoving.of(surface), Ends(z, np.zeros(2), precision, np.zeros(2)))
    assert len(anchors.centres) == 2  # of the orders of alike spots, one
    inverse = np.linalg.inv(anchors.slopes)
    held = 1 / np.sqrt([100, 100, 100 + 3 / np.pi**2, 100 + 3 / np.pi**2, 100, 100])
    for power, width in ((1.0, held), (0.0, [1, 1, np.pi / 3**0.5, np.pi / 3**0.5, 1, 1])):
        covariances = inverse @ anchors.at(power) @ inverse.transpose(0, 2, 1)
        np.testing.assert_allclose(
            np.sqrt(np.diagonal(covariances, axis1=1, axis2=2)), [width] * 2, rtol=1e-3
        )


class Ball(eqx.Module):
    """A likelihood that says nothing, and a prior that is normal."""

    def log_parts(self, y):
        return jnp.zeros(()), -0.5 * jnp.sum(y**2)


def test_proposals_fitted_again_and_again_do_not_narrow_what_they_are_fitted_to(x64):
    """Fitted to the very walkers that jump, sixty times, widths fall by a quarter."""
    rng, n = np.random.default_rng(4), 8
    halves = [begun(Ball(), jnp.asarray(rng.normal(size=(128, n)))) for _ in range(2)]

    def propose(others):
        return Proposal.of(fitted(others, np.zeros(n, bool), 8, rng), jnp.zeros(()).dtype)

    widths = []
    for i in range(60):
        halves, steps, _ = swept(Ball(), halves, propose, jnp.ones(()), n_moves=4, key=jax.random.key(i))
        widths.append(steps.z[-1].std())
    # 60 states of 256 walkers in 8 coordinates, each some 20 steps of memory: 1 % at four errors.
    assert np.mean(widths[10:]) == pytest.approx(1.0, abs=0.01)


def test_turns_that_walkers_have_made_do_not_widen_proposals():
    rng, is_round = np.random.default_rng(5), np.array([True, False])
    z = rng.normal(size=(128, 2)) * [0.02, 1.0]
    turned = z + 2 * np.pi * rng.integers(-2, 3, size=(128, 1)) * is_round
    one, other = (fitted(x, is_round, 4, np.random.default_rng(6)) for x in (z, turned))
    np.testing.assert_allclose(one.factors, other.factors, rtol=1e-6, atol=1e-9)


def test_stages_are_counted_until_the_likelihood_is_whole(surface, x64, monkeypatch):
    def ladder(precision):
        """Walkers that are spread anew after every stage, so that it is as narrow as before."""

        def spread(_, z):
            return Walkers(z, -precision * jnp.arange(len(z)) ** 2, jnp.zeros(len(z)))

        def stay(_, halves, *__, **___):
            halves = [spread(None, x.z) for x in halves]
            return halves, Walkers(*(np.concatenate(x)[None] for x in zip(*halves, strict=True))), 0.0

        monkeypatch.setattr(particles, "begun", spread)
        monkeypatch.setattr(particles, "swept", stay)

    z = np.asarray(prior_draws(surface, 16, key=KEY))
    comoving = Comoving.of(surface)
    anchors = Anchors.of(comoving, Ends(z[:1], np.zeros(1), np.eye(6)[None], np.zeros(1)))
    settings = {"key": KEY, "n_moves": 1, "n_last": 5, "n_components": 2}
    monkeypatch.setattr(particles, "_MOST_STAGES", 3)
    ladder(1e-3)
    assert len(tempered(comoving, anchors, jnp.asarray(z), **settings).z) == 5
    ladder(1e3)
    with pytest.raises(ValueError, match="after 3 stages; narrow the prior"):
        tempered(comoving, anchors, jnp.asarray(z), **settings)


@pytest.mark.slow
def test_stars_in_another_order_have_no_prior(surface, x64):
    comoving = Comoving.of(surface)
    dtype = surface.problem.parameters.start.dtype
    y = np.asarray(jax.vmap(comoving.to)(prior_draws(surface, 20, key=KEY)))
    swap = [0, 1, 3, 2, 5, 4]
    numbered = Numbered.after(comoving, y[0])
    own, other = (jax.vmap(numbered.log_parts)(jnp.asarray(x, dtype))[1] for x in (y, y[:, swap]))
    assert np.all(np.isfinite(own) != np.isfinite(other)) and np.isfinite(own[0])
    ordered = relabelled(y, surface, y[0])
    free = jax.vmap(comoving.log_parts)(jnp.asarray(y, dtype))
    for a, b in zip(jax.vmap(numbered.log_parts)(jnp.asarray(ordered, dtype)), free, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_labels_of_spots_follow_a_reference(surface, x64):
    z = np.asarray(prior_draws(surface, 50, key=KEY), np.float64)
    swapped = z[:, [0, 1, 3, 2, 5, 4]]
    reference = z[0]
    one, other = (relabelled(x, surface, reference) for x in (z, swapped))
    np.testing.assert_allclose(one, other, atol=1e-9)
    assert np.all(np.abs(one - reference)[:, 2:4] <= np.pi + 1e-9)


def test_draws_of_the_prior_are_normal(surface, x64):
    z = np.asarray(prior_draws(surface, 2000, key=KEY))
    assert min(kstest(z[:, i], "norm").pvalue for i in (0, 1, 4, 5)) > 1e-4
    assert kstest(z[:, 2] / np.pi, "uniform", args=(-1, 2)).pvalue > 1e-4


def test_runs_count_by_their_evidence():
    """Equal runs of equal shares add up; a run of no share adds nothing, and one of too much costs draws."""
    each = np.full((3, 2), 100.0)
    np.testing.assert_allclose(effective_draws(np.full(3, 1 / 3), each), 300)
    np.testing.assert_allclose(effective_draws(np.array([1.0, 0.0, 0.0]), each), 100)
    uneven = np.array([[100.0], [50.0]])
    np.testing.assert_allclose(effective_draws(np.array([0.5, 0.25]), uneven), 150)
    np.testing.assert_allclose(effective_draws(np.array([0.5, 0.5]), uneven), 1 / (0.25 / 100 + 0.25 / 50))
