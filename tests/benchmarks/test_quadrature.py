import numpy as np
import pytest

from benchmarks.job import Job, frozen, oracle, single_spot, spotted_star
from benchmarks.quadrature import cap_moments
from benchmarks.slopes import rim_integrals

quad = pytest.importorskip("scipy.integrate").quad


def moment_about_the_cap(theta: float, r: float, k: int) -> float:
    """The same integral in polar coordinates about the cap's centre instead of the disc's."""

    def ring(rho):
        a, b = np.cos(theta) * np.cos(rho), np.sin(theta) * np.sin(rho)
        end = np.pi if a >= b else 0.0 if a <= -b else np.arccos(-a / b)
        return 2 * np.sin(rho) * quad(lambda p: (a + b * np.cos(p)) ** k, 0, end, epsabs=1e-14)[0]

    cuts = sorted({x for x in (np.pi / 2 - theta, theta - np.pi / 2) if 0 < x < r})
    edges = [0.0, *cuts, r]
    return sum(quad(ring, *pair, epsabs=1e-13)[0] for pair in zip(edges[:-1], edges[1:], strict=True))


# 90 - r is inner tangency with the limb, 90 + r outer, r has the disc's centre on the rim
@pytest.mark.parametrize("r_deg", [0.5, 8.0, 60.0])
@pytest.mark.parametrize("theta_deg", [0.0, 0.001, 8.0, 50.0, 82.0, 89.9, 90.1, 97.9, 120.0])
def test_rings_about_the_disc_and_about_the_cap_agree(theta_deg, r_deg):
    theta, r = np.deg2rad([theta_deg, r_deg])
    expected = [moment_about_the_cap(theta, r, k) for k in (1, 2, 3)]
    # scipy's own stated error, 1e-13 for each of two nested integrals of order one
    np.testing.assert_allclose(cap_moments(theta, r), expected, atol=3e-12)


def test_slopes_are_those_of_the_moments():
    rng = np.random.default_rng(1)
    mu0, r, h = rng.uniform(-0.3, 0.95, 40), rng.uniform(0.05, 0.6, 40), 1e-5
    by_mu0, by_r = rim_integrals(mu0, r, 3)
    theta_up, theta_down = np.arccos(mu0 + h), np.arccos(mu0 - h)
    # central differences of order two: h^2 times a third derivative of order 100 at most
    difference = (cap_moments(theta_up, r) - cap_moments(theta_down, r)) / (2 * h)
    np.testing.assert_allclose(by_mu0, difference, atol=1e-6)
    difference = (cap_moments(np.arccos(mu0), r + h) - cap_moments(np.arccos(mu0), r - h)) / (2 * h)
    np.testing.assert_allclose(by_r, difference, atol=1e-6)


def test_the_accuracy_case_has_its_known_depths():
    # the depths published with the peers' errors, in whole ppm
    for radius_deg, depth_ppm in ((8, 6880), (2, 433)):
        assert 1e6 * (1 - oracle(single_spot(radius_deg)).min()) == pytest.approx(depth_ppm, abs=0.5)


def test_spots_of_the_job_do_not_overlap_while_frozen():
    job: Job = frozen(spotted_star(100))
    points = np.stack([np.cos(job.lat) * np.cos(job.lon), np.cos(job.lat) * np.sin(job.lon), np.sin(job.lat)])
    distance = np.arccos(np.clip(points.T @ points, -1, 1)) + 10 * np.eye(100)
    assert np.all(distance > job.radius[:, None] + job.radius)
