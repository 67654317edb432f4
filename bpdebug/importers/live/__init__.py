"""A training step of PyTorch's, watched while it runs unchanged: its calls, its numbers, its backward passes.

Nothing here imports torch before a step is watched.
"""
