"""What produced a result: versions of packages, and what of the machine decides how its numbers are rounded."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_PACKAGES = (
    "bayesmeta", "pymc", "pytensor", "nutpie", "numba", "llvmlite", "arviz", "numpy", "scipy", "pandas", "xarray",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of the packages that a result may depend on, as far as they are installed."""
    by_package = {}
    for name in _PACKAGES:
        try:
            by_package[name] = version(name)
        except PackageNotFoundError:  # nutpie may be missing
            continue
    return by_package


def installed(**names: str) -> dict[str, str]:
    """Versions of packages under the names that a reader knows; nothing is imported.

    Examples
    --------
    >>> installed(no_such_package="Nothing")
    {'Nothing': 'not installed'}
    """
    known = versions()
    return {name: known.get(package, "not installed") for package, name in names.items()}


def machine() -> dict[str, Any]:
    """Processor and its features as the compiler sees them, C library, and linear algebra libraries with their threads."""
    from numba.core.registry import cpu_target
    from threadpoolctl import threadpool_info

    triple, processor, features = cpu_target.target_context.codegen().magic_tuple()
    libraries = [
        {key: library.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
        for library in threadpool_info()
        if library.get("user_api") == "blas"
    ]
    enabled = sorted(name.removeprefix("+") for name in features.split(",") if name.startswith("+"))
    c_library = " ".join(platform.libc_ver())  # its exp and log are what compiled code calls
    return {
        "target": triple,
        "processor": processor,
        "features": enabled,
        "c_library": c_library,
        "blas": sorted(
            libraries, key=str
        ),  # they are found in the order of their addresses, which no run shares with another
    }
