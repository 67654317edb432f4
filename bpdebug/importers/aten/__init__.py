"""A PyTorch model as a scenario: what aten's ops are in steps, and reading a model by torch.export.

Nothing here imports torch before a model is given: `import bpdebug` costs the same with it and without.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bpdebug.errors import UsageError
from bpdebug.importers.aten.missing import not_installed
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario

if TYPE_CHECKING:
    from bpdebug.importers.lowering import Rule


def from_torch(
    model: Any, args: Any, loss: Callable[[Any], Any] | str | None = None, fold: bool = True, *,
    double: bool = False, limits: Limits | None = None,
) -> Scenario:  # fmt: skip
    """The scenario of a `torch.nn.Module` on arguments: a tuple, a mapping of keywords, or one tensor.

    `loss` is called with the model's output, or names one of its outputs; without it a gradient of ones comes in at
    every output. With `fold` what no gradient passes through (masks, positions, draws) is computed once, by torch, and
    is an input; without, it is steps as far as there are rules. With `double` all is in float64, also what the model
    casts to less itself, which tells rounding from a wrong rule. Arrays are copied as they are now. Custom
    `autograd.Function`s are replaced by the derivative of what their forward does, which a remark says. What is in
    bfloat16 or float16 is computed in it where a backend has it (`backend="torch"`).

    Raises InputError: E_FILE without PyTorch, or where torch.export cannot read the model; E_OP with all ops that have
    no rule; E_DTYPE for what float32 and float64 do not hold; E_LOSS; and what a graph's building raises. UsageError
    for what is no module.
    """
    try:
        module = import_module("torch").nn.Module
    except ImportError:
        raise not_installed() from None
    if not isinstance(model, module):
        what = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        hint = "a class is called first, and a function is called in a module's forward"
        raise UsageError(f"a torch.nn.Module is opened, and this is {what}", hint=hint)
    read = import_module(f"{__name__}.opening").read_model
    found: Scenario = read(model, args, loss, fold, double, limits or Limits())
    return found


def register_torch_op(name: str, rule: Rule) -> None:
    """Gives an op of PyTorch's a rule, `mylib::op` or `mylib::op.overload`: what its call is in steps.

    The rule is called with a `Lowering` and the call's arguments, tensors as operands with a name, a shape and a dtype:
    `lambda c, x, scale: c.emit("mul", c.emit("relu", x), scale)`. It gives the result, or a list of several; models
    that are exported and steps that are watched have one table. Raises UsageError for a name that is none.
    """
    found = re.fullmatch(r"(\w+)::(\w+)(?:\.(\w+))?", name)
    if found is None:
        raise UsageError(f"'{name}' is no name of an op", hint='write it as PyTorch does: "mylib::op"')
    library, op, overload = found.groups()
    import_module(f"{__name__}.families")  # PyTorch's own, which this rule may replace, are in the table first
    import_module(f"{__name__}.table").RULES[f"{library}.{op}.{overload or 'default'}".removeprefix("aten.")] = rule
