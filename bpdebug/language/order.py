"""Why a name of a program means nothing where it is used: unknown, assigned too late, or in a circle."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping, Sequence

from bpdebug.errors import InputError, shown, suggest
from bpdebug.language.blocks import Def, statements
from bpdebug.language.names import NUMBERS
from bpdebug.ops import OPS


def unknown_name(
    name: str, user: ast.stmt | None, body: Sequence[ast.stmt], known: Collection[str], defs: Mapping[str, Def],
    line: Callable[[int], int],
) -> InputError:  # fmt: skip
    """The error for a name that has no value yet: E_CYCLE where its own assignment waits for this line, else E_NAME."""
    assigned = _assignments(body)
    if name in assigned:
        return _too_early(name, user, assigned, line)
    if name in defs:
        params = ", ".join(defs[name].params)
        return InputError(f"'{name}' is a block and no tensor", code="E_NAME", hint=f"call it: {name}({params})")
    if name in OPS:
        operands = ", ".join(o.strip("?*") for o in OPS[name].operands)
        return InputError(f"'{name}' is an op and no tensor", code="E_NAME", hint=f"call it: {name}({operands})")
    if name in NUMBERS:
        hint = "only -inf is written, for what a softmax is to pass over: where(mask, x, -inf)"
        return InputError(f"'{name}' is no number of the language", code="E_NAME", hint=hint)
    for d in defs.values():
        if name in d.params or name in _assignments(d.body):
            hint = f"it is a name inside of {d.name}; what {d.name} returns can be used outside"
            return InputError(f"no tensor '{name}' here", code="E_NAME", hint=hint)
    hint = suggest(name, known, "declare it in [inputs] or [parameters], or assign it first")
    return InputError(f"no tensor '{shown(name)}'", code="E_NAME", hint=hint)


def _assignments(body: Sequence[ast.stmt]) -> dict[str, list[ast.stmt]]:
    """The statements that assign each name, in order."""
    found: dict[str, list[ast.stmt]] = {}
    for statement in statements(list(body)):
        for name in targets(statement):
            found.setdefault(name, []).append(statement)
    return found


def targets(statement: ast.stmt | None) -> list[str]:
    """The names that a statement assigns."""
    places = statement.targets if isinstance(statement, ast.Assign) else []
    places = [statement.target] if isinstance(statement, ast.For) else places
    flat = [item for p in places for item in (p.elts if isinstance(p, ast.Tuple) else [p])]
    return [p.id for p in flat if isinstance(p, ast.Name)]


def _too_early(
    name: str, user: ast.stmt | None, assigned: Mapping[str, list[ast.stmt]], line: Callable[[int], int]
) -> InputError:  # fmt: skip
    goals, seen, queue = set(targets(user)), {name}, [name]
    later = line(assigned[name][0].lineno)
    while queue:
        current = queue.pop()
        if current in goals:
            what = f"'{current}', which is computed from '{name}'"
            hint = f"let line {later} not depend on '{current}'"
            if current == name:
                what, hint = "itself", f"give it a first value in a line above: {name} = {name}0"
            return InputError(f"'{name}' is computed from {what}", code="E_CYCLE", hint=hint)
        for statement in assigned.get(current, ()):
            read = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
            queue.extend(read - seen)
            seen |= read
    hint = f"move line {later}, which assigns it, up"
    return InputError(f"'{name}' is used before it is assigned", code="E_NAME", hint=hint)
