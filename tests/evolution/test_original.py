import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from dynamojax.evolution import original

KEY, N = jax.random.key(5), 20000


def _like(sample, distribution):
    """Kolmogorov-Smirnov; a right sample fails once in a million runs, and the key is fixed."""
    assert stats.kstest(np.asarray(sample, float), distribution).pvalue > 1e-6


def test_activity_follows_the_published_code():
    def published(age):  # its code on a large sample
        ar = (age / 4.6) ** -2.8
        old, young = age > 1, age <= 1
        up = ar[old][np.argmin(age[old] - 1)]
        ar[young] = (age[young] / 4.6) ** -1.2
        ar[young] += up - ar[young][np.argmin(1 - age[young])]
        ar[age < 0.2] = ar[np.argmin(np.abs(0.2 - age))]
        return ar

    age = np.linspace(0.05, 10, 20001)
    np.testing.assert_allclose(original.original_activity(jnp.asarray(age)), published(age), rtol=5e-3)


def test_simple_draws():
    _like(original.original_feh(KEY, N), stats.norm(-0.03, 0.17).cdf)
    _like(original.original_alpha(KEY, N), stats.uniform(0, 0.4).cdf)
    _like(original.original_age(KEY, N), stats.truncnorm(-1.225, 3.75, 2.5, 2.0).cdf)
    _like(original.original_shear(KEY, N), stats.uniform(0, 1).cdf)
    _like(jnp.cos(original.original_inclination(KEY, N)), stats.uniform(0, 1).cdf)
    length, overlap = original.original_cycle(KEY, N)
    _like(length / 365, stats.norm(10, 2.8).cdf)
    _like(jnp.log10(overlap / 365), stats.uniform(-1, 1 + np.log10(3)).cdf)
    assert float(original.original_butterfly(KEY, N).mean()) == pytest.approx(0.8, abs=0.015)


def test_masses_follow_the_published_sampling():
    nodes = np.logspace(np.log10(0.3), np.log10(2.0), 1000)
    density = np.where(nodes < 0.5, nodes**-1.3, 0.5 * nodes**-2.3)
    share = np.cumsum(density) / density.sum()
    _like(original.original_mass(KEY, N), lambda m: np.interp(m, nodes, share))


def test_lifetimes_and_periods():
    lifetime = np.asarray(original.original_lifetime(KEY, N))
    assert lifetime.min() >= 2
    assert (lifetime < 4).mean() == pytest.approx(stats.norm(6, 2).cdf(4), abs=0.015)
    prot = np.asarray(original.original_prot(KEY, N))
    assert prot.min() >= 1 and prot.max() <= 50
    # A fifth of the stars is log-uniform from 1 to 20, the others from 10 to 50.
    assert (prot < 10).mean() == pytest.approx(0.2 / np.log10(20), abs=0.02)


def test_latitudes():
    activity = jnp.full(N, 5.0)
    low, high = (np.rad2deg(x) for x in original.original_latitudes(activity, KEY))
    assert low.min() >= 0 and low.max() <= 20 and (high >= low).all() and high.max() <= 80.01
    # Very old stars: the upper bound is below the lower, and one degree is left.
    low, high = (np.rad2deg(x) for x in original.original_latitudes(jnp.full(N, 0.1), KEY))
    assert (high - low).max() <= 1.001
