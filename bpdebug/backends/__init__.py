"""Other people's arrays: the same traced rules, run by PyTorch, JAX or Dask, where their values stay."""
