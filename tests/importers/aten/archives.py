"""Archives as torch.export.save writes them, in small, and what strangers make of them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

CONFIG = {"config": {"w": {"path_name": "weight_0", "is_param": True, "use_pickle": False, "tensor_meta": {}}}}
NODE = {"target": "torch.ops.aten.relu.default", "inputs": [], "outputs": [], "metadata": {}}
WEIGHTS, MODEL = "m/data/weights/model_weights_config.json", "m/models/model.json"
DEEP = 100_000


def program(*nodes: Mapping[str, Any], **more: Any) -> str:
    return json.dumps({"graph_module": {"graph": {"nodes": [dict(NODE, **n) for n in nodes or ({},)], **more}}})


GOOD: dict[str, str | bytes] = {
    MODEL: program(),
    WEIGHTS: json.dumps(CONFIG),
    "m/data/weights/weight_0": bytes(32),
    "m/data/constants/model_constants_config.json": '{"config": {}}',
    "m/data/sample_inputs/model.pt": b"",
    "m/archive_format": "pt2",
}


def archive(entries: Mapping[str, str | bytes], *more: tuple[str, str | bytes]) -> bytes:
    """A zip of entries, some perhaps twice."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in (*entries.items(), *more):
            file.writestr(name, content)
    return made.getvalue()


def payload(**how: Any) -> str:
    return json.dumps({"config": {"w": {**CONFIG["config"]["w"], **how}}})


def large() -> bytes:
    """An entry of 100 MB that is a hundredth of that."""
    return archive(GOOD, ("m/data/weights/weight_1", bytes(100_000_000)))


BAD: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "empty": ("E_FILE", "no archive", lambda: b""),
    "a pickle": ("E_FILE", "no archive", lambda: b"\x80\x04cposix\nsystem\n."),
    "cut": ("E_FILE", "no archive", lambda: archive(GOOD)[:-40]),
    "a weight is damaged": ("E_FILE", "no archive", lambda: archive(GOOD).replace(b"weight_0", b"weight_1", 1)),
    "no model": ("E_FILE", "0 models", lambda: archive({k: v for k, v in GOOD.items() if k != MODEL})),
    "two models": ("E_FILE", "2 models", lambda: archive(GOOD, ("m/models/other.json", program()))),
    "two of one name": ("E_FILE", "of one name", lambda: archive(GOOD, ("M/Models/Model.json", program()))),
    "a pickled weight": ("E_FILE", "needs pickle", lambda: archive({**GOOD, WEIGHTS: payload(use_pickle=True)})),
    "a weight elsewhere": ("E_FILE", "needs pickle", lambda: archive({**GOOD, WEIGHTS: payload(path_name="../x")})),
    "an object": ("E_FILE", "needs pickle", lambda: archive({**GOOD, WEIGHTS: payload(path_name="custom_obj_0")})),
    "weights of old": ("E_FILE", "needs pickle", lambda: archive(GOOD, ("m/data/weights/model.pt", b"\x80\x04."))),
    "weights that say nothing": ("E_FILE", "cannot be read", lambda: archive({**GOOD, WEIGHTS: "[]"})),
    "no JSON": ("E_FILE", "no JSON", lambda: archive({**GOOD, MODEL: "{"})),
    "JSON that is deep": ("E_FILE", "no JSON", lambda: archive({**GOOD, MODEL: "[" * DEEP + "]" * DEEP})),
    "a size that is Python": (
        "E_FILE", "left open", lambda: archive({**GOOD, MODEL: program(a={"as_expr": {"expr_str": "exit()"}})}),
    ),
    "an op that is none": (
        "E_FILE", "no op of tensors", lambda: archive({**GOOD, MODEL: program({"target": "torch.os.system"})}),
    ),
    "an op that opens files": (
        "E_FILE", "from_file",
        lambda: archive({**GOOD, MODEL: program({"target": "torch.ops.aten.from_file.default"})}),
    ),
    "an op that is a number": ("E_FILE", "'7'", lambda: archive({**GOOD, MODEL: program({"target": 7})})),
    "a bomb": ("E_LIMIT", "what the archive holds", large),
}  # fmt: skip
