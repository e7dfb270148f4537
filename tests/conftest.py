"""Fixtures of the whole suite."""

import jax
import pytest


@pytest.fixture(autouse=True, scope="module")
def _programs_of_one_module():
    """Thousands of compiled programs in one process exhaust its memory maps, and XLA dies."""
    yield
    jax.clear_caches()


@pytest.fixture
def x64():
    """Float64 for the test: oracles and gradient checks."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=["float32", "float64"])
def precision(request):
    """Run the test in both precisions; the value is the name of the dtype."""
    with jax.enable_x64(request.param == "float64"):
        yield request.param
