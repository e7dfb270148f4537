"""Draws against their formulas: Kolmogorov-Smirnov at 1e-3, fixed seeds, and quantiles against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import integrate, stats

from dynamojax.population import distributions as d

ALPHA = 1e-3
N = 4000
U = np.linspace(0.001, 0.999, 57)


def _draws(distribution, n=N, seed=5):
    keys = jax.random.split(jax.random.key(seed), n)
    return np.asarray(jax.vmap(lambda k: distribution.sample(key=k))(keys), float)


def _quantiles(distribution):
    return np.asarray(jax.vmap(distribution.quantile)(jnp.asarray(U)), float)


def _broken(x, edges, slopes):
    """Density of joined power laws, and its cumulative by quadrature, in plain NumPy."""

    def density(y):
        value, left = 1.0, edges[0]
        for edge, slope in zip(edges[1:], slopes, strict=True):
            if y <= edge:
                return value * (y / left) ** slope
            value, left = value * (edge / left) ** slope, edge
        return 0.0

    inner = [e for e in edges[1:-1]]
    total = integrate.quad(density, edges[0], edges[-1], points=inner)[0]
    return (
        np.array(
            [integrate.quad(density, edges[0], y, points=[e for e in inner if e < y] or None)[0] for y in x]
        )
        / total
    )


LAWS = {
    "uniform": (d.Uniform(2.0, 5.0), stats.uniform(2.0, 3.0).cdf),
    "log uniform": (d.LogUniform(0.1, 30.0), stats.loguniform(0.1, 30.0).cdf),
    "normal": (d.Normal(-1.0, 0.3), stats.norm(-1.0, 0.3).cdf),
    "cut normal": (d.Normal(4.5, 3.0, 0.1, 10.0), stats.truncnorm(-4.4 / 3, 5.5 / 3, 4.5, 3.0).cdf),
    "log normal": (d.LogNormal(20.0, 0.3), stats.lognorm(0.3 * np.log(10), scale=20.0).cdf),
    "rayleigh": (d.Rayleigh(0.03), stats.rayleigh(scale=0.03).cdf),
    "isotropic": (d.Isotropic(), lambda x: 1 - np.cos(x)),
    "isotropic part": (
        d.Isotropic(0.5, 2.0),
        lambda x: (np.cos(0.5) - np.cos(x)) / (np.cos(0.5) - np.cos(2.0)),
    ),
    "histogram": (
        d.Histogram([0.0, 1.0, 3.0, 4.0], [1.0, 0.0, 3.0]),
        lambda x: np.interp(x, [0.0, 1.0, 3.0, 4.0], [0.0, 0.25, 0.25, 1.0]),
    ),
    "mixture": (
        d.Mixture(0.25, d.Uniform(0.0, 1.0), d.Uniform(2.0, 4.0)),
        lambda x: np.interp(x, [0.0, 1.0, 2.0, 4.0], [0.0, 0.25, 0.25, 1.0]),
    ),
    "power laws": (
        d.PowerLaws([0.1, 0.5, 2.0], [-1.3, -2.3]),
        lambda x: _broken(np.atleast_1d(x), (0.1, 0.5, 2.0), (-1.3, -2.3)),
    ),
    "power law of -1": (d.PowerLaws([1.0, 10.0], [-1.0]), stats.loguniform(1.0, 10.0).cdf),
}


@pytest.mark.parametrize("name", LAWS)
def test_quantiles_invert_the_cumulative(name):
    law, cumulative = LAWS[name]
    # single precision of the quantile, times the density
    assert np.allclose(cumulative(_quantiles(law)), U, atol=2e-5)


@pytest.mark.parametrize("name", [n for n in LAWS if n != "power laws"])
def test_draws_follow_the_law(name):
    law, cumulative = LAWS[name]
    assert stats.kstest(_draws(law), cumulative).pvalue > ALPHA


def test_a_wrong_law_is_noticed():
    assert stats.kstest(_draws(d.Normal(0.0, 1.0)), stats.norm(0.0, 1.1).cdf).pvalue < ALPHA


def test_power_law_draws():
    draws = np.sort(_draws(LAWS["power laws"][0], 400))
    assert stats.kstest(draws, LAWS["power laws"][1]).pvalue > ALPHA


@pytest.mark.parametrize("u", [0.0, 1.0 - 2**-24])
@pytest.mark.parametrize("name", LAWS)
def test_ends_are_finite(name, u):
    assert np.isfinite(float(LAWS[name][0].quantile(jnp.asarray(u))))


def test_fixed_is_fixed():
    assert np.all(_draws(d.Fixed(3.0), 5) == 3.0)


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (d.Uniform, (2.0, 5.0)),
        (d.LogUniform, (0.1, 30.0)),
        (d.Normal, (4.5, 3.0, 0.1, 10.0)),
        (d.LogNormal, (20.0, 0.3)),
        (d.Rayleigh, (0.03,)),
        (lambda a, b: d.PowerLaws([0.1, 0.5, 2.0], jnp.stack([a, b])), (-1.3, -2.3)),
    ],
)
def test_slopes_in_the_parameters(build, parameters):
    with jax.enable_x64(True):
        values = tuple(jnp.asarray(p) for p in parameters)

        def draw(*p):
            return jnp.stack(
                [build(*(jnp.asarray(x) for x in p)).quantile(jnp.asarray(u)) for u in (0.2, 0.7)]
            )

        check_grads(draw, values, order=1, modes=("fwd", "rev"), rtol=1e-5)


def test_precision_is_that_of_jax():
    assert d.Normal(0.0, 1.0).sample(key=jax.random.key(0)).dtype == jnp.result_type(float)
    with jax.enable_x64(True):
        assert d.Normal(0.0, 1.0).sample(key=jax.random.key(0)).dtype == jnp.float64


@pytest.mark.parametrize(
    "build", [lambda: d.PowerLaws([1.0, 2.0], [-1.0, -2.0]), lambda: d.Histogram([0.0, 1.0], [1.0, 1.0])]
)
def test_edges_must_fit(build):
    with pytest.raises(ValueError, match="one edge more"):
        build()
