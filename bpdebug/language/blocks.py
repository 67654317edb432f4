"""The defs of a program: checked when they are read, called or not, and weighed before anything is unrolled."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from msgspec import Struct
from msgspec.structs import replace

from bpdebug.errors import BpdebugError, InputError, shown
from bpdebug.language.constants import NotConstant, ProgramConstants
from bpdebug.language.names import Place, check_name
from bpdebug.language.reserved import RESERVED
from bpdebug.language.words import forbidden, refusal
from bpdebug.limits import Limits


class Def(Struct, frozen=True):
    """A block that can be called: its parameters, what it does, and what it returns.

    `weight` is the least number of statements that a call carries out.
    """

    name: str
    params: tuple[str, ...]
    body: list[ast.stmt]
    result: ast.expr
    line: int
    weight: int = 0


def read_defs(body: list[ast.stmt], leaves: Collection[str], limits: Limits, place: Place) -> dict[str, Def]:
    """The defs at the left margin; E_CYCLE where they call themselves, E_LIMIT where calls nest too deep."""
    defs: dict[str, Def] = {}
    for node in body:
        if not isinstance(node, ast.FunctionDef):
            continue
        try:
            _check_new(node.name, leaves, defs, limits)
            defs[node.name] = _read(node, limits, place)
        except BpdebugError as error:
            raise error.at(place.at(node.lineno)) from None
    return _weighed(defs, limits, place) if defs else {}


def _check_new(name: str, leaves: Collection[str], defs: Mapping[str, Def], limits: Limits) -> None:
    check_name(name, limits, "name of a def")
    what = "a tensor" if name in leaves else "an op" if name in RESERVED else "a def" if name in defs else ""
    if what or name in ("range", "block"):
        message = f"the name '{name}' is taken: it is {what or 'a word of the language'}"
        raise InputError(message, code="E_NAME", hint="give the def another name")


def _read(node: ast.FunctionDef, limits: Limits, place: Place) -> Def:
    """A def, or E_SYNTAX for what of Python's defs is not in the language."""
    args = node.args
    params = tuple(a.arg for a in args.args)
    twice = next((shown(p) for i, p in enumerate(params) if p in params[:i]), "")
    odd = (
        (node.decorator_list, "a decorator", "leave it out"),
        (getattr(node, "type_params", None), "a type parameter", "leave it out"),
        (args.posonlyargs, "/ among parameters", "leave it out"),
        (args.vararg or args.kwarg, "* before a parameter", "write the parameters one by one"),
        (args.kwonlyargs, "* among parameters", "leave it out"),
        (args.defaults, "a default of a parameter", "leave it out, and give the value where the block is called"),
        (node.returns or any(a.annotation for a in args.args), "an annotation", "leave it out"),
        (twice, f"a second parameter '{twice}'", "give each its own name"),
    )
    for found, words, hint in odd:
        if found:
            line = node.decorator_list[0].lineno if found is node.decorator_list else node.lineno
            message = f"{words} is not in the language of programs"
            raise InputError(message, code="E_SYNTAX", where=place.at(line), hint=hint)
    _check_body(node, place)
    for name in params:
        check_name(name, limits, "name of a parameter")
    return Def(node.name, params, node.body[:-1], _result(node, place), node.lineno)


def _check_body(node: ast.FunctionDef, place: Place) -> None:
    """Refuse what is nowhere in the language, called or not."""
    parts = list(_walk([*node.body]))
    indices = [n for part in parts if isinstance(part, ast.Subscript) for n in ast.walk(part.slice)]
    for part in parts:
        listed = isinstance(part, ast.List) and part not in indices
        if forbidden(part) or isinstance(part, ast.FunctionDef) or listed:
            raise refusal(part).at(place.at(getattr(part, "lineno", node.lineno)))


def _result(node: ast.FunctionDef, place: Place) -> ast.expr:
    """What a def returns; its last line, and no other, is a return."""
    hint = "let the last line of the def, and no other, return what it makes"
    for statement in statements(node.body):
        if isinstance(statement, ast.Return) and (statement is not node.body[-1] or statement.value is None):
            what = "return without a value" if statement.value is None else "return before the end of a def"
            where = place.at(statement.lineno)
            raise InputError(f"{what} is not in the language", code="E_SYNTAX", where=where, hint=hint)
    last = node.body[-1]
    if not isinstance(last, ast.Return) or last.value is None:
        raise InputError(f"the def '{shown(node.name)}' has no return", code="E_SYNTAX", hint=hint)
    return last.value


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body with those inside of its loops and blocks, in order."""
    stack = list(reversed(body))
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.For | ast.With):
            stack.extend(reversed(node.body))


# --- how large a def is, and whether it ever ends


def _calls(d: Def, defs: Mapping[str, Def]) -> list[ast.Call]:
    """The calls of other defs in a def."""
    return [n for n in _walk([*d.body, d.result]) if isinstance(n, ast.Call) and _callee(n) in defs]


def _callee(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _walk(nodes: list[ast.stmt | ast.expr]) -> Iterator[ast.AST]:
    for node in nodes:
        yield from ast.walk(node)


def _weighed(defs: dict[str, Def], limits: Limits, place: Place) -> dict[str, Def]:
    """The defs with their weights, callees before callers; no recursion, however long the chain of calls."""
    calls = {name: _calls(d, defs) for name, d in defs.items()}
    done: dict[str, Def] = {}
    levels: dict[str, int] = {}
    try:
        for name in TopologicalSorter({name: map(_callee, found) for name, found in calls.items()}).static_order():
            levels[name] = 1 + max((levels[_callee(c)] for c in calls[name]), default=0)
            where = place.at(defs[name].line)
            limits.check("nesting", levels[name], f"the calls below '{shown(name)}'", where=where)
            done[name] = replace(defs[name], weight=1 + weight([*defs[name].body, defs[name].result], done, limits))
    except CycleError as error:
        raise _recursion(error.args[1][:0:-1], calls, place) from None
    return {name: done[name] for name in defs}


def _recursion(loop: list[str], calls: Mapping[str, list[ast.Call]], place: Place) -> InputError:
    """E_CYCLE for defs of which each calls the next, and the last the first: told from the one that is read first."""
    first = loop.index(next(name for name in calls if name in loop))
    loop = [*loop[first:], *loop[: first + 1]]
    way = " calls ".join(f"'{shown(n)}'" for n in loop[:5]) + (" ..." if len(loop) > 5 else "")
    closing = next(call for call in calls[loop[-2]] if _callee(call) == loop[-1])
    where, hint = place.at(closing.lineno), "to repeat: for t in range(10):"
    return InputError(f"a block never ends: {way}", code="E_CYCLE", where=where, hint=hint)


def weight(nodes: list[ast.stmt | ast.expr], defs: Mapping[str, Def], limits: Limits, level: int = 0) -> int:
    """The least number of statements that a body carries out; loops count where their range is written in numbers."""
    total = 0
    for node in nodes:
        if isinstance(node, ast.For | ast.With) and level <= limits["nesting"]:
            inside = weight([*node.body], defs, limits, level + 1)
            total += inside * (times(node, limits) if isinstance(node, ast.For) else 1)
        elif defs:
            found = [_callee(n) for n in ast.walk(node) if isinstance(n, ast.Call)]
            total += sum(defs[name].weight for name in found if name in defs)
        total += 1
    return total


def times(node: ast.For, limits: Limits) -> int:
    """How often a loop runs, where that can be read off; else 0."""
    if isinstance(node.iter, ast.Call) and _callee(node.iter) == "range":
        try:
            bounds = [ProgramConstants(_unknown, {}, limits).value(arg) for arg in node.iter.args]
            if bounds and all(type(b) is int for b in bounds):
                return count(range(*bounds))
        except (NotConstant, BpdebugError, ValueError, TypeError):
            return 0
    return 0


def _unknown(name: str) -> object:
    raise NotConstant(name)


def count(numbers: range) -> int:
    """len(numbers), also where len would overflow."""
    return max(0, (numbers.stop - numbers.start + numbers.step - (1 if numbers.step > 0 else -1)) // numbers.step)
