"""Converting to OME-Zarr, and the calibration of one."""

from .._store import read_pixel_size, to_ome_zarr

__all__ = ["read_pixel_size", "to_ome_zarr"]
