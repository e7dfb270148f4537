"""The public names exist, and asking for them is all that loads JAX."""

import subprocess
import sys

import pytest

import dynamojax as dj


def test_every_public_name_can_be_had():
    assert all(getattr(dj, name) is not None for name in dj.__all__)
    assert set(dj.__all__) == set(dir(dj))
    with pytest.raises(AttributeError, match="no attribute 'Sarr'"):
        dj.Sarr  # noqa: B018


def test_the_package_itself_does_not_load_jax():
    code = "import sys, dynamojax.cli; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
