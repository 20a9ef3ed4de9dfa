"""Draws as a netCDF file that is written whole or not at all."""

from __future__ import annotations

import xarray as xr


def netcdf_bytes(tree: xr.DataTree) -> bytes:
    """Return the content of a netCDF file.

    HDF5 writes into memory: on a disk that is full it would end the process, and Python's own files raise an error.
    """
    return bytes(tree.to_netcdf(engine="h5netcdf"))
