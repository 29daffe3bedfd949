"""The Python program's plugins that are here under the same names: cellpose, dog, ome_zarr."""
