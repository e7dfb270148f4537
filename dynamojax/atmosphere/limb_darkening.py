"""Limb darkening: the laws of the literature, and the polynomial in mu that the geometry integrates.

Every law is I(mu) / I(1), zero where mu <= 0 with zero derivative there. Towards mu = 0 from above the
square-root, power-2 (alpha < 1), logarithmic and four-parameter laws have an infinite slope of their
own; linear and quadratic do not.
"""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.numerics import as_float, gauss_legendre, safe_divide, safe_sqrt

# Degree of I in mu: see polynomial_coefficients.
DEFAULT_DEGREE = 5


def quadrature_nodes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss nodes mu and weights w, float64 on the host, with sum(w f) = integral of f mu dmu on (0, 1).

    Gaussian in s = sqrt(mu) with weight 2 s^3: exact for the four-parameter law from n = 3 up, and the
    nodes are well spread for interpolation in s.
    Source: Golub & Welsch (1969), Math. Comp. 23, 221, on the Jacobi weight (0, 3).
    """
    k = np.arange(n)
    diagonal = np.where(k == 0, 3.0 / 5.0, 9.0 / ((2.0 * k + 3.0) * (2.0 * k + 5.0)))
    k = k[1:]
    square = 4.0 * (k * (k + 3.0)) ** 2 / ((2.0 * k + 3.0) ** 2 * ((2.0 * k + 3.0) ** 2 - 1.0))
    jacobi = np.diag(diagonal) + np.diag(np.sqrt(square), 1) + np.diag(np.sqrt(square), -1)
    x, vectors = np.linalg.eigh(jacobi)
    return (0.5 * (1.0 + x)) ** 2, 0.5 * vectors[0] ** 2


def _on_near_side(law, mu: Array) -> Array:
    near = mu > 0
    return jnp.where(near, law(jnp.where(near, mu, 1.0)), 0.0)


def linear_law(u: Float[Array, "1"], mu: Float[Array, "..."]) -> Float[Array, "..."]:
    """I(mu) / I(1) = 1 - u (1 - mu).

    Args:
        u: Coefficient. [1]
        mu: Cosine of the heliocentric angle; mu <= 0 is the far side. [1]

    Source: Schwarzschild (1906), Nachr. Ges. Wiss. Goettingen, 41.
    """
    return _on_near_side(lambda m: 1.0 - u[0] * (1.0 - m), mu)


def quadratic_law(u: Float[Array, "2"], mu: Float[Array, "..."]) -> Float[Array, "..."]:
    """I(mu) / I(1) = 1 - u1 (1 - mu) - u2 (1 - mu)^2.

    Args:
        u: Coefficients (u1, u2). [1]
        mu: Cosine of the heliocentric angle; mu <= 0 is the far side. [1]

    Source: Kopal (1950), Harvard Circ. 454.
    """
    return _on_near_side(lambda m: 1.0 - (1.0 - m) * (u[0] + u[1] * (1.0 - m)), mu)


def square_root_law(u: Float[Array, "2"], mu: Float[Array, "..."]) -> Float[Array, "..."]:
    """I(mu) / I(1) = 1 - c (1 - mu) - d (1 - sqrt(mu)).

    Args:
        u: Coefficients (c, d). [1]
        mu: Cosine of the heliocentric angle; mu <= 0 is the far side. [1]

    Source: Diaz-Cordoves & Gimenez (1992), A&A 259, 227.
    """
    return _on_near_side(lambda m: 1.0 - u[0] * (1.0 - m) - u[1] * (1.0 - jnp.sqrt(m)), mu)


def logarithmic_law(u: Float[Array, "2"], mu: Float[Array, "..."]) -> Float[Array, "..."]:
    """I(mu) / I(1) = 1 - e (1 - mu) - f mu ln(mu).

    Args:
        u: Coefficients (e, f). [1]
        mu: Cosine of the heliocentric angle; mu <= 0 is the far side. [1]

    Source: Klinglesmith & Sobieski (1970), AJ 75, 175.
    """
    return _on_near_side(lambda m: 1.0 - u[0] * (1.0 - m) - u[1] * m * jnp.log(m), mu)


def power2_law(u: Float[Array, "2"], mu: Float[Array, "..."]) -> Float[Array, "..."]:
    """I(mu) / I(1) = 1 - c (1 - mu^alpha).

    Args:
        u: Coefficients (c, alpha). [1]
        mu: Cosine of the heliocentric angle; mu <= 0 is the far side. [1]

    Source: Hestroffer (1997), A&A 327, 199.
    """
    return _on_near_side(lambda m: 1.0 - u[0] * (1.0 - m ** u[1]), mu)


def four_parameter_law(u: Float[Array, "4"], mu: Float[Array, "..."]) -> Float[Array, "..."]:
    """I(mu) / I(1) = 1 - sum over k = 1..4 of a_k (1 - mu^(k/2)).

    Args:
        u: Coefficients (a1, a2, a3, a4). [1]
        mu: Cosine of the heliocentric angle; mu <= 0 is the far side. [1]

    Source: Claret (2000), A&A 363, 1081, equation 6.
    """

    def law(m):
        s = jnp.sqrt(m)
        return 1.0 - jnp.sum(u) + s * (u[0] + s * (u[1] + s * (u[2] + s * u[3])))

    return _on_near_side(law, mu)


LAWS = {
    "linear": linear_law,
    "quadratic": quadratic_law,
    "square_root": square_root_law,
    "logarithmic": logarithmic_law,
    "power2": power2_law,
    "four_parameter": four_parameter_law,
}
_N_COEFFICIENTS = {"linear": 1, "four_parameter": 4}


class LimbDarkening(eqx.Module):
    """One of the laws and its coefficients, to be used in place of the grid's limb darkening.

    Attributes:
        coefficients: As the law takes them; for Kipping's q use `quadratic_from_kipping`. [1]
        law: One of `LAWS`, static.
    """

    coefficients: Float[Array, " n"] = eqx.field(converter=as_float)
    law: str = eqx.field(static=True, default="quadratic")

    def __check_init__(self):
        if self.law not in LAWS:
            raise ValueError(f"law = {self.law!r} must be one of {', '.join(LAWS)}")
        n = _N_COEFFICIENTS.get(self.law, 2)
        if self.coefficients.shape != (n,):
            raise ValueError(
                f"coefficients of shape {self.coefficients.shape}: the {self.law} law takes {n} of them"
            )

    def __call__(self, mu: Float[Array, "..."]) -> Float[Array, "..."]:
        """Intensity relative to disc centre. [1]"""
        return LAWS[self.law](self.coefficients, mu)


def quadratic_from_kipping(q: Float[Array, "2"]) -> Float[Array, "2"]:
    """Quadratic coefficients (u1, u2) from (q1, q2) in the unit square: every physical law, once.

    Both pairs in [1].
    Gradients: zero in q1 at q1 = 0, where the map has a root.
    Source: Kipping (2013), MNRAS 435, 2152, equations 15 and 16.
    """
    root = safe_sqrt(q[0])
    return jnp.stack([2.0 * root * q[1], root * (1.0 - 2.0 * q[1])])


def kipping_from_quadratic(u: Float[Array, "2"]) -> Float[Array, "2"]:
    """(q1, q2) from quadratic coefficients (u1, u2); q2 = 0, gradient included, where u1 + u2 = 0.

    Both pairs in [1].
    Source: Kipping (2013), MNRAS 435, 2152, equations 17 and 18.
    """
    total = u[0] + u[1]
    return jnp.stack([total**2, safe_divide(0.5 * u[0], total)])


@lru_cache(maxsize=64)
def _polynomial_matrices(mu: tuple[float, ...], degree: int) -> tuple[np.ndarray, np.ndarray]:
    """From intensities to Legendre polynomials in 2 mu - 1, and from these to powers of mu."""
    nodes = np.sqrt(np.asarray(mu))
    s, w = gauss_legendre(len(mu) + degree + 8, 0.0, 1.0)  # exact for the products of polynomials below
    # Legendre bases keep both systems well conditioned; the last step goes to powers of mu.
    legendre = np.polynomial.legendre
    to_fine = legendre.legvander(2 * s - 1, len(mu) - 1) @ np.linalg.inv(
        legendre.legvander(2 * nodes - 1, len(mu) - 1)
    )
    basis = legendre.legvander(2 * s**2 - 1, degree)
    weight = 2 * s**3 * w
    projection = np.linalg.solve(basis.T @ (weight[:, None] * basis), (weight[:, None] * basis).T) @ to_fine
    shift = np.polynomial.Polynomial([-1.0, 2.0])
    powers = np.zeros((degree + 1, degree + 1))
    for k in range(degree + 1):
        coefficients = legendre.Legendre.basis(k).convert(kind=np.polynomial.Polynomial)(shift).coef
        powers[: len(coefficients), k] = coefficients
    return projection, powers


def polynomial_coefficients(
    intensity: Float[Array, "*batch n_mu"], mu: np.ndarray, degree: int = DEFAULT_DEGREE
) -> Float[Array, "*batch degree_plus_1"]:
    """Coefficients a_k, k = 1..degree + 1, of I(mu) mu = sum of a_k mu^k.

    The intensities are interpolated as a polynomial of degree n_mu - 1 in sqrt(mu), which holds the
    four-parameter law exactly, and projected on powers of mu by least squares over the disc's area
    (weight mu dmu), so that the flux of the whole disc is kept exactly. Both steps are fixed matrices.

    Args:
        intensity: At the nodes. [any unit]
        mu: Nodes, host array; `quadrature_nodes` is a good choice. [1]
        degree: Degree of I in mu, static.

    Returns:
        a_k in the unit of the intensity.

    Accuracy: over the four-parameter laws of Kostogryz et al. (2022), degrees 2 / 3 / 4 / 5 / 6 leave an rms
        over the disc of 50 / 17 / 9 / 5 / 3 e-4 in I/I(1), median, and at most 102 / 57 / 34 / 21 / 14 e-4;
        from degree 4 more than 1e-2 only within mu < 0.1, where those laws end in a square root. The flux
        of the disc is kept to rounding. Powers cancel: the terms of degree 5 sum to 6 times the flux in
        absolute value (16 at worst), of degree 6 to 14 (48), by which float32 loses digits.
    Raises:
        ValueError: fewer nodes than coefficients, or nodes that are not distinct in (0, 1].
    """
    mu = np.asarray(mu, dtype=np.float64)
    if not 0 <= degree < len(mu):
        raise ValueError(f"degree = {degree} needs 0 <= degree < n_mu = {len(mu)}; lower it or add mu nodes")
    if mu.min() <= 0 or mu.max() > 1 or len(np.unique(mu)) < len(mu):
        raise ValueError(f"mu = {mu.tolist()} must be distinct and in (0, 1]; use quadrature_nodes(n)")
    # In two steps: the first is well conditioned, the second large but on coefficients that fall off fast,
    # and what rounding the first leaves stays small in I(mu). Their product would round at 1e-5 in float32.
    for matrix in _polynomial_matrices(tuple(mu.tolist()), degree):
        matrix = jnp.asarray(matrix, dtype=intensity.dtype)
        intensity = jnp.einsum("...m,km->...k", intensity, matrix, precision=jax.lax.Precision.HIGHEST)
    return intensity
