"""Tensors in Zarr's folders, of which each chunk is a file; an extra's folder."""
