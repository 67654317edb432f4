"""Both sides of ⟨g, A x⟩ = ⟨Aᵀ g, x⟩."""

from __future__ import annotations

from bpdebug.debugger import State
from bpdebug.explain.adjoint import Adjoint
from bpdebug.symbolic.notation import Notation, gradient_of, line, symbol, words
from bpdebug.translation import _
from bpdebug.views.blocks import Formula, Table, Text
from bpdebug.views.numbers import exact
from bpdebug.views.report import Report


def adjoint(state: State, found: Adjoint) -> Report:
    """The two inner products, and whether they are the same."""
    data = {
        "node": found.node, "operand": found.operand, "left": found.left, "right": found.right,
        "difference": found.difference, "holds": found.holds,
    }  # fmt: skip
    x, g = found.operand, gradient_of(found.node)
    form = line(symbol("A"), symbol(x), "=", words(_meant(found)))
    rule = line(Notation(lambda d: d.transpose(d.name("A"))), g, "=", found.formula)
    rows = (
        (f"⟨{g}, A {x}⟩", exact(found.left)),
        (f"⟨Aᵀ {g}, {x}⟩", exact(found.right)),
        (_("difference"), f"{found.difference:.3g}"),
    )
    said = {
        True: Text(_("the same: the rule is the transpose of the op"), "good"),
        False: Text(_("not the same: the rule is not the transpose of the op"), "bad"),
        None: Text(_("numbers that are not finite are among them: nothing can be said"), "note"),
    }[found.holds]
    blocks = (Formula(form), Formula(rule), Table(("", ""), rows), said)
    return Report("adjoint", _("adjoint of {node} in {operand}").format(node=found.node, operand=x), blocks, data)


def _meant(found: Adjoint) -> str:
    """What A is."""
    text = _("{op} as a function of {operand} alone")
    if found.affine:
        text = _("{op} as a function of {operand} alone, less its value at 0")
    return text.format(op=found.op, operand=found.operand)
