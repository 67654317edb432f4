"""The arrays of a recorded step: what a tensor held when it was used."""

from __future__ import annotations

import numpy as np
import torch

from bpdebug.arrays import Array, DType
from bpdebug.errors import InputError
from bpdebug.importers.aten.tensors import HALVES, dtype_of
from bpdebug.importers.live.calls import CallRecorder, ForwardCall, Held


class Values:
    """What tensors held, by their keys; copies where they were overwritten behind."""

    def __init__(self, calls: CallRecorder, where: str) -> None:
        self.copies, self.where = calls.copies, where

    def array(self, held: Held) -> Array:
        """A tensor's array at a time, of its shape; integers are int64. E_DTYPE, E_FILE where there is none."""
        if self.gone(held):
            message, hint = "a tensor was overwritten behind the watched step", "keep what the step made, or copy it"
            raise InputError(message, code="E_FILE", where=self.where, hint=hint)
        return self.plain(self.copies.get(held.key, held.tensor))

    def gone(self, held: Held) -> bool:
        """Whether a tensor was overwritten behind the step, and not copied: a view of a parameter is one of these."""
        tensor = held.tensor
        return held.key not in self.copies and not tensor.is_inference() and tensor._version != held.version

    def output(self, call: ForwardCall, part: int = 0) -> Array:
        """The array of an output of a call, of its shape."""
        made = call.made[part]
        assert made is not None, "a rule asks for an output that is a tensor"
        return self.array(made)

    def dtype(self, tensor: torch.Tensor) -> DType:
        """The dtype that a tensor's array has here."""
        return dtype_of(tensor)

    def plain(self, tensor: torch.Tensor) -> Array:
        """A tensor's array, not copied where it lies in ordinary memory; E_DTYPE for what none can be made of."""
        if tensor.layout != torch.strided or tensor.is_complex() or tensor.is_quantized:
            kind = f"{tensor.dtype}" if tensor.layout == torch.strided else f"{tensor.layout}"
            hint = "dense tensors of real numbers are watched: .to_dense(), torch.view_as_real, .dequantize()"
            raise InputError(f"a tensor of {kind}", code="E_DTYPE", where=self.where, hint=hint)
        with torch.no_grad():
            found: Array = (tensor.float() if tensor.dtype in HALVES else tensor).detach().cpu().numpy()
        return found.astype(np.int64) if found.dtype.kind in "iu" else found
