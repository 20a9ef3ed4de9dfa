"""Versions of what produced a result."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("bayesmeta", "pymc", "pytensor", "nutpie", "numba", "arviz", "numpy", "scipy", "pandas", "xarray")


def versions() -> dict[str, str]:
    """Versions of the packages that a result may depend on, as far as they are installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # nutpie may be missing
            continue
    return found
