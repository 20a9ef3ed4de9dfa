"""Frequentist estimators, written once for NumPy arrays and symbolic tensors alike."""

from bayesmeta.pooling.dersimonian_laird import PooledArrays, dersimonian_laird, subgroup_z

__all__ = ["PooledArrays", "dersimonian_laird", "subgroup_z"]
