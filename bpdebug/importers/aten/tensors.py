"""PyTorch's tensors as arrays: which dtypes there are, and what they are here."""

from __future__ import annotations

import numpy as np
import torch

from bpdebug.arrays import Array, DType
from bpdebug.errors import InputError

HALVES = {torch.bfloat16: "bfloat16", torch.float16: "float16"}
"""Those that float32 holds here."""
DTYPES = {
    *HALVES, torch.float32, torch.float64, torch.bool, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
}  # fmt: skip


def array_of(tensor: torch.Tensor, where: str) -> Array:
    """A tensor's array, not copied where it lies in ordinary memory; E_DTYPE for what none can be made of."""
    if tensor.dtype not in DTYPES:
        hint = "open the model in float32 or float64: model.float(), model.double()"
        if tensor.is_complex():
            hint = "there are no complex numbers here: open a part of the model that does without"
        raise InputError(f"a tensor of {tensor.dtype}", code="E_DTYPE", where=where, hint=hint)
    found: Array = (tensor.float() if tensor.dtype in HALVES else tensor).detach().cpu().numpy()
    return found


def dtype_of(tensor: torch.Tensor) -> DType:
    """The dtype that a tensor's array has here; integers are int64."""
    if tensor.dtype not in DTYPES:
        return np.dtype(np.float64)
    if tensor.dtype in HALVES:
        return np.dtype(np.float32)
    found: DType = torch.empty(0, dtype=tensor.dtype).numpy().dtype
    return np.dtype(np.int64) if found.kind in "iu" else found
