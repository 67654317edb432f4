"""The JSON Schema of a scenario file, for editors: made of the tables that the reader reads by.

An editor says what is wrong where it stands, so nothing here is one of several forms (`anyOf` is wrong at every key of
every form): which form is meant is told by the type of what is there, or by a key that only that form has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from bpdebug.engine import OPTIMIZERS
from bpdebug.scenario import schema
from bpdebug.scenario.schema import File, LanguageFile

DRAFT = "https://json-schema.org/draft/2020-12/schema"
ID = "urn:bpdebug:scenario:1"
TORCH = "https://docs.pytorch.org/docs/stable/generated/torch.optim"
LIKE = {"sgd": "SGD", "momentum": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "Adagrad"}
"""What PyTorch, whose formulas these are, calls an optimizer."""
DEFAULT = "sgd"
OF_FILE = ("name", "prefix", "stored")
Node = dict[str, Any]

LANGUAGE = {
    "title": "The title in this language.",
    "about": "What the scenario is about, in this language.",
    "notes": "The notes in this language, by the same places.",
}
SAYS: dict[type[Struct], dict[str, str]] = {
    File: {
        "format": "The version of the format: 1.",
        "graph": "The program, and where the backward pass begins.",
        "title": "A line for the menu and the head of the screen.",
        "about": "What the scenario is about, in some sentences.",
        "dtype": "What its floats are.",
        "seed": "Where everything that is drawn begins; each tensor is drawn from the seed and its own name.",
        "conventions": "Whose choices hold where there is no derivative: bpdebug help conventions.",
        "inputs": "Tensors that are given: numbers, or a table that says how they are drawn or where they are read.",
        "parameters": "Tensors that are learnt; their gradients are what the backward pass is for.",
        "notes": "What is said at a stop: a place in time (Y, Y@bwd, :12) and the text.",
        "language": "The language of title, about and notes: en.",
        "lang": "Title, about and notes in other languages: [lang.zh].",
        "rules": "Backward rules of the reader's own in the place of an op's: node -> operand -> expression.",
        "derivation": "The reader's own backward pass, judged by the command derivation.",
        "train": "An optimizer, and how many steps.",
        "expect": "What bpdebug test holds the scenario to.",
    },
    schema.Tensor: {
        "value": "Its numbers: one, or an array of arrays.",
        "dtype": "Its type, where it is not the scenario's; int64 is for indices.",
        "shape": "The size of each axis; of a value or a file, what it must have.",
        "init": "How it is drawn, or filled; shape says how large it is.",
        "scale": "What the drawn numbers are multiplied with.",
        "file": "A .npy, .npz or .safetensors file, an index of shards, or a .zarr folder; beside it or below.",
        "name": "What the tensor is called in the file.",
        "prefix": "What stands before its name in the file.",
        "stored": "The type in the file, where the file has lost its name.",
    },
    schema.Drawn: {
        "init": "How it is drawn, or filled.",
        "scale": "What the drawn numbers are multiplied with.",
    },
    schema.GraphTable: {
        "program": "Python's syntax, never executed: assignments, def, for, with block(...), and calls of ops.",
        "loss": "The tensor of one number at which the backward pass begins.",
        "incoming": "Gradients that come in from the layer above, by output: numbers, \"ones\", or a table with init.",
    },
    schema.DerivationTable: {"program": "Gradients as one derives them, a line each: dX = dY @ W.T"},
    schema.LanguageTable: LANGUAGE,
    LanguageFile: {**LANGUAGE, "of": "A digest of what was translated; a test of ours says when that has changed."},
    schema.Train: {
        "lr": "The learning rate: a number, or one a step.",
        "steps": "How many iterations, each of them forward, backward and update.",
        "optimizer": "The rule by which parameters are updated.",
        "momentum": "How much of the velocity is kept.",
        "nesterov": "Look one step of the velocity ahead.",
        "dampening": "The share of each gradient but the first that is taken away.",
        "beta1": "How much of the mean of the gradients is kept.",
        "beta2": "How much of the mean of their squares is kept.",
        "eps": "What is added to the root that is divided by.",
        "alpha": "How much of the mean of the squared gradients is kept.",
        "centered": "Divide by the spread of the gradients, without their mean.",
        "lr_decay": "By how much the learning rate falls with every step.",
        "weight_decay": "The pull of every cell towards 0.",
        "clip_norm": "The most that the norm of all gradients together may be.",
        "clip_value": "The most that a cell of a gradient may count for.",
    },
    schema.FirstFault: {
        "at": "The place of the first fault: S@bwd.",
        "kind": "What it is.",
    },
    schema.FirstWrong: {"first_wrong": "The first that is wrong, by name, or \"none\"."},
    schema.Expect: {
        "gradcheck": "Every gradient agrees with finite differences.",
        "rtol": "The relative error that is let pass; without it, what the dtype can be held to.",
        "atol": "The absolute error that is let pass.",
        "loss": "What the loss is.",
        "values": "What tensors are, by name.",
        "grads": "What gradients are, by the tensor's name.",
        "formulas": "How gradients are written, by place: of each operand, or a line each.",
        "fault": "Where NaN or infinity first appears.",
        "error": "The code with which the file is refused.",
        "derivation": "The first line of the derivation that is wrong.",
        "check": "The first node whose rule is wrong.",
    },
}  # fmt: skip
"""A sentence on every key of every table."""


def json_schema(table: type[File] | type[LanguageFile] = File) -> Node:
    """The JSON Schema of a scenario file, or of the file beside it that translates one, for editors."""
    made = _by_type(msgspec.json.schema(table))
    tables = made["$defs"]
    for struct, keys in SAYS.items():
        for key, says in keys.items() if struct.__name__ in tables else ():
            tables[struct.__name__]["properties"][key]["description"] = says
    if table is LanguageFile:
        return {"$schema": DRAFT, "$id": f"{ID}:translation", "title": "A translation of a scenario of bpdebug", **made}
    tables["Tensor"] |= _of_a_tensor()
    tables["GraphTable"] |= {"if": {"required": ["loss"]}, "then": _without("loss", "incoming")}
    tables["Train"]["allOf"] = [*_of_optimizers()]
    optimizer = tables["Train"]["properties"]["optimizer"]
    rows = [OPTIMIZERS[name] for name in optimizer["enum"]]
    pages = [f"{TORCH}.{LIKE[row.name]}.html" for row in rows]
    optimizer["x-taplo"] = {"docs": {"enumValues": [row.says for row in rows]}, "links": {"enumValues": pages}}
    return {"$schema": DRAFT, "$id": ID, "title": "A scenario of bpdebug", **made}


def taplo_settings() -> str:
    """What binds scenarios to their schemas in taplo, and in the editors that use it: a `.taplo.toml`."""
    return """# Scenarios are checked by bpdebug's schemas, which lie beside this file:
#   bpdebug schema > bpdebug.schema.json
#   bpdebug schema --translation > bpdebug.translation.schema.json

[[rule]]
include = ["scenarios/**/*.toml"]       # where yours are
exclude = ["**/*.??.toml"]

[rule.schema]
path = "./bpdebug.schema.json"

[[rule]]
include = ["scenarios/**/*.??.toml"]    # NAME.zh.toml, beside NAME.toml

[rule.schema]
path = "./bpdebug.translation.schema.json"
"""


def _by_type(node: Any) -> Any:
    """A schema in which what is one of several types is said by its type, and an unknown key is wrong where it is."""
    if isinstance(node, list):
        return [_by_type(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _by_type(value) for key, value in node.items() if key != "anyOf"}
    if node.get("additionalProperties") is False:
        made["additionalProperties"] = _never("no key of this table")
    if "anyOf" not in node:
        return made
    forms: list[Node] = []
    for form in node["anyOf"]:
        forms += form.get("anyOf", [form])
        made |= {"description": form["description"]} if "anyOf" in form and "description" in form else {}
    types = {_type(form): _by_type(form) for form in forms}
    if "number" in types:
        types.pop("integer", None)  # an integer is a number
    exact = {name: form for name, form in types.items() if form != {"type": name}}
    conditions = [{"if": {"type": name}, "then": form} for name, form in exact.items()]
    return {**made, "type": [*types], **({"allOf": conditions} if conditions else {})}


def _type(form: Node) -> str:
    """The type of a form; a reference is to a table, and what is one of some words is a text."""
    found: str = form.get("type") or ("object" if "$ref" in form else "string")
    return found


def _never(why: str) -> Node:
    """What nothing fits; where a program shows what was not to fit, it says why."""
    return {"not": {"title": why}}


def _without(key: str, *others: str) -> Node:
    """Beside a key there are not these others."""
    return {"properties": {other: _never(f"{other} beside {key}") for other in others}}


def _of_a_tensor() -> Node:
    """Of value, file and init there is one, with the keys that belong to it."""
    drawn = {"if": {"required": ["init"]}, "then": {"required": ["shape"], **_without("init", *OF_FILE)}}
    kept = {"if": {"required": ["file"]}, "then": _without("file", "init", "scale")}
    given = {"if": {"required": ["value"]}, "then": _without("value", "init", "file", "scale", *OF_FILE)}
    return {**given, "else": {**kept, "else": {**drawn, "else": {"required": ["value"]}}}}


def _of_optimizers() -> Iterator[Node]:
    """The settings of each optimizer are those of its row."""
    every = sorted({name for row in OPTIMIZERS.values() for name in row.settings_of({})})
    for name, row in OPTIMIZERS.items():
        said = {} if name == DEFAULT else {"required": ["optimizer"]}
        others = [key for key in every if key not in row.settings_of({})]
        yield {"if": {"properties": {"optimizer": {"const": name}}, **said}, "then": _without(name, *others)}
