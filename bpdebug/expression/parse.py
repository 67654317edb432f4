"""A Pratt parser: tokens to a tree. Python's precedence, a fixed list of functions, nothing else."""

from __future__ import annotations

import keyword

from bpdebug.errors import CommandError, did_you_mean
from bpdebug.expression import syntax
from bpdebug.expression.syntax import ATTRIBUTES, FUNCTIONS, Expression, Tree
from bpdebug.expression.tokens import END, NAME, NUMBER, OP, PARTIAL, TEXT, TRANSPOSED, Token, counted, refuse, tokenize
from bpdebug.limits import TABLE

NESTING = TABLE["nesting"].default
DIGITS = TABLE["digits"].default
_CALLS = 3 * NESTING
"""Operators that wait for their right operand; far below Python's recursion limit."""

OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, POWER = range(1, 9)
_BINDING = {
    "or": OR, "and": AND, "==": COMPARE, "!=": COMPARE, "<": COMPARE, "<=": COMPARE, ">": COMPARE, ">=": COMPARE,
    "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "//": PRODUCT, "%": PRODUCT, "@": PRODUCT, "**": POWER,
}  # fmt: skip
_KNOWN_WORDS = {"and", "or", "not", "True", "False"}
_PLAIN = {"abs", "isnan", "isinf", "zeros", "size", "rank"}


@counted
def parse(text: str) -> Expression:
    """The tree of an expression; E_EXPR with the column where it is none. Nothing is looked up yet."""
    parser = _Parser(tokenize(text))
    root = parser.expression(OR)
    parser.finish()
    return Expression(text, root, parser.about_event)


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at = tokens, 0
        self.depth = self.calls = 0
        self.about_event = False

    # --- tokens ---------------------------------------------------------------------------------------------------

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def sees(self, text: str) -> bool:
        return self.now.kind == OP and self.now.text == text

    def takes(self, text: str) -> bool:
        found = self.sees(text)
        self.at += found
        return found

    def close(self, opened: Token, text: str) -> None:
        self.depth -= 1
        if not self.takes(text):
            if self.now.kind == END:
                raise refuse(f"this '{opened.text}' is not closed", opened.column, f"close it with {text}")
            raise self.unexpected()

    def open(self, token: Token) -> None:
        self.depth += 1
        if self.depth > NESTING:
            raise refuse(f"nested more than {NESTING} levels deep", token.column, "write it in two expressions")

    def finish(self) -> None:
        if self.now.kind != END:
            raise self.unexpected()

    def unexpected(self) -> CommandError:
        """The error for a token that cannot stand where it stands."""
        token = self.now
        if token.kind == END:
            return refuse("the expression ends too early", token.column, "a value is missing")
        hint = {"=": "did you mean ==?", "(": f"functions: {', '.join(FUNCTIONS)}"}.get(token.text, "")
        if token.kind == NAME and token.text in ("in", "is"):
            hint = "compare with ==, and join comparisons with or"
        what = f'"{token.text}"' if token.kind == TEXT else f"'{token.text}'"
        return refuse(f"{what} is not expected here", token.column, hint)

    # --- expressions ----------------------------------------------------------------------------------------------

    def expression(self, least: int) -> Tree:
        """An expression of operators that bind at least as tightly as `least`."""
        self.calls += 1
        if self.calls > _CALLS:
            raise refuse("nested too deeply", self.now.column, "write it in two expressions")
        left = self.prefix(least)
        while True:
            token = self.now
            binding = _BINDING.get(token.text, 0) if token.kind in (OP, NAME) else 0
            if binding < least or not binding:
                break
            if binding == COMPARE:
                left = self.comparison(left)
            elif binding <= AND:
                left = self.logic(left, token.text, binding)
            else:
                self.take()
                right = self.expression(POWER if binding == POWER else binding + 1)
                left = syntax.Binary(token.text, left, right, token.column)
        self.calls -= 1
        return left

    def comparison(self, left: Tree) -> Tree:
        """One comparison, or a chain: 1 < x < 3 is 1 < x and x < 3."""
        column, ops, items = self.now.column, [], [left]
        while self.now.kind == OP and _BINDING.get(self.now.text) == COMPARE:
            ops.append(self.take().text)
            items.append(self.expression(SUM))
        if len(ops) == 1:
            return syntax.Binary(ops[0], left, items[1], column)
        return syntax.Chain(tuple(ops), tuple(items), column)

    def logic(self, left: Tree, op: str, binding: int) -> Tree:
        column, items = self.now.column, [left]
        while self.now.kind == NAME and self.now.text == op:
            self.take()
            items.append(self.expression(binding + 1))
        return syntax.Logic(op, tuple(items), column)

    def prefix(self, least: int) -> Tree:
        token = self.now
        if token.kind == NAME and token.text == "not":
            if least > NOT:
                raise refuse("'not' cannot stand behind an operator", token.column, "put brackets around it")
            op, binding = "not", NOT
        elif token.kind == OP and token.text in ("-", "+"):
            op, binding = token.text, SIGN
        else:
            return self.postfix(self.primary())
        self.open(self.take())
        operand = self.expression(binding)
        self.depth -= 1
        return syntax.Unary(op, operand, token.column)

    def primary(self) -> Tree:
        token = self.now
        if token.kind == NUMBER:
            self.take()
            return syntax.Number(number(token), token.column)
        if token.kind == TEXT:
            self.take()
            return syntax.Text(token.text, token.column)
        if token.kind == NAME:
            return self.name()
        if self.takes(PARTIAL):
            if self.now.kind != NAME or keyword.iskeyword(self.now.text):
                raise refuse("∂ stands before the name of a tensor", token.column, "∂Y is the gradient of Y")
            return syntax.Name(self.take().text, True, token.column)
        if self.sees("("):
            return self.bracket()
        raise self.unexpected()

    def name(self) -> Tree:
        token = self.now
        if keyword.iskeyword(token.text):
            if token.text in _KNOWN_WORDS:
                if token.text not in ("True", "False"):
                    raise self.unexpected()
                self.take()
                return syntax.Number(token.text == "True", token.column)
            raise refuse(f"'{token.text}' is not part of expressions", token.column)
        self.take()
        if self.sees("("):
            return self.call(token)
        self.about_event |= token.text.partition(".")[0] in ("grad", "out")
        return syntax.Name(token.text, False, token.column)

    def bracket(self) -> Tree:
        opened = self.take()
        self.open(opened)
        items: list[Tree] = []
        comma = self.sees(")")
        while not self.sees(")"):
            items.append(self.expression(OR))
            if not self.takes(","):
                break
            comma = True
        self.close(opened, ")")
        return syntax.Tuple(tuple(items), opened.column) if comma else items[0]

    def call(self, name: Token) -> Tree:
        if name.text not in FUNCTIONS:
            head, _, last = name.text.rpartition(".")
            hint = f"write {last}({head})" if last in FUNCTIONS else did_you_mean(name.text, FUNCTIONS)
            raise refuse(f"no function '{name.text}'", name.column, hint or f"functions: {', '.join(FUNCTIONS)}")
        opened = self.take()
        self.open(opened)
        operand = self.expression(OR)
        given: dict[str, Tree] = {}
        while self.takes(","):
            if self.sees(")"):
                break
            token = self.now
            key = "axis"
            if token.kind == NAME and self.tokens[self.at + 1].text == "=":
                key = token.text
                self.at += 2
            if key not in ("axis", "keepdims") or key in given or name.text in _PLAIN:
                known = "one tensor" if name.text in _PLAIN else "a tensor, axis= and keepdims="
                raise refuse(f"{name.text} takes {known}", token.column)
            given[key] = self.expression(OR)
        self.close(opened, ")")
        return syntax.Call(name.text, operand, given.get("axis"), given.get("keepdims"), name.column)

    # --- what follows a value -------------------------------------------------------------------------------------

    def postfix(self, tree: Tree) -> Tree:
        while True:
            token = self.now
            if self.takes(TRANSPOSED):
                tree = syntax.Attribute(tree, "T", token.column)
            elif self.takes("."):
                tree = self.attributes(tree)
            elif self.sees("["):
                tree = self.index(tree)
            else:
                return tree

    def attributes(self, tree: Tree) -> Tree:
        token = self.take()
        if token.kind != NAME:
            self.at -= 1
            raise self.unexpected()
        column = token.column
        for name in token.text.split("."):
            if name not in ATTRIBUTES:
                hint = f"write {name}(...)" if name in FUNCTIONS else "there are .T, .shape and .dtype"
                raise refuse(f"no attribute '{name}'", column, hint)
            tree = syntax.Attribute(tree, name, column)
            column += len(name) + 1
        return tree

    def index(self, tree: Tree) -> Tree:
        opened = self.take()
        self.open(opened)
        if self.sees("]"):
            raise refuse("an index is missing", opened.column + 1, "X[0, 1] or X[0:2, :]")
        items = [self.item()]
        while self.takes(","):
            if self.sees("]"):
                break
            items.append(self.item())
        self.close(opened, "]")
        return syntax.Index(tree, tuple(items), opened.column)

    def item(self) -> Tree | syntax.Slice | syntax.Rest:
        """One place of an index: a number, a slice, or `...`."""
        column = self.now.column
        if self.takes("..."):
            return syntax.Rest(column)
        bounds: list[Tree | None] = []
        for place in range(3):
            if self.now.text in (":", ",", "]") and self.now.kind == OP:
                bounds.append(None)
            else:
                bounds.append(self.expression(OR))
            if place == 2 or not self.takes(":"):
                break
        if len(bounds) == 1:
            if bounds[0] is None:
                raise self.unexpected()
            return bounds[0]
        bounds += [None] * (3 - len(bounds))
        return syntax.Slice(bounds[0], bounds[1], bounds[2], column)


def number(token: Token) -> int | float:
    """A number token's value; floats that overflow and endless digits are refused."""
    text = token.text.replace("_", "")
    if len(text) > DIGITS:
        raise refuse(f"a number of {len(text):,} characters", token.column, f"at most {DIGITS} are read")
    hexadecimal = text[:2] in ("0x", "0X")
    try:
        if hexadecimal:
            return float.fromhex(text) if "." in text or "p" in text.lower() else int(text, 16)
        if text.isdigit():
            return int(text)
        found = float(text)
    except OverflowError:
        found = float("inf")
    if found == float("inf"):
        raise refuse(f"'{text}' is too large for a float", token.column, "the infinite number is written inf")
    return found
