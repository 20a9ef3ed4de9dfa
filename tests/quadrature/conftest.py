"""The independent posterior of `witness.py`, for every test of this folder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("quadrature_witness", Path(__file__).parent / "witness.py")
assert _SPEC is not None
assert _SPEC.loader is not None
_WITNESS = importlib.util.module_from_spec(_SPEC)
sys.modules["quadrature_witness"] = _WITNESS
_SPEC.loader.exec_module(_WITNESS)


@pytest.fixture(scope="session")
def witness():
    """Posterior by panels over log(tau), for normal and flat priors on the coefficients."""
    return _WITNESS.witness


@pytest.fixture(scope="session")
def plane():
    """Posterior by panels over log(tau) and mu, for any prior on mu."""
    return _WITNESS.plane
