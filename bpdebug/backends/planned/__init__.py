"""Arrays of Dask's: planned first, then carried out on this machine or on a cluster; an extra's folder."""
