"""The extension of VS Code, of this version: what its package says, beside the script that starts the adapter."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bpdebug import __version__
from bpdebug.errors import EXIT_GOOD, InputError, shown
from bpdebug.frontends.files import put
from bpdebug.scenario.json_schema import json_schema

SUFFIXES = (".toml", ".bptrace", ".bpd", ".onnx", ".pt2")
"""Of files that can be debugged; the first three are texts that breakpoints stand in."""
LANGUAGES = {"toml": ("TOML", ".toml"), "bptrace": ("bpdebug recording", ".bptrace"), "bpd": ("bpdebug script", ".bpd")}
"""Languages that VS Code does not have by itself: without one, no breakpoint can be set."""
_TEXT = {"type": "string"}
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "program": _TEXT | {"description": "A scenario, a recording, a script, a model, or the name of a shipped lesson"},
    "stopOnEntry": {"type": "boolean", "default": True, "description": "Stop at the first event"},
    "set": {"type": "object", "additionalProperties": _TEXT, "description": 'Tensors from files: {"W": "w.npy"}'},
    "memory": _TEXT | {"description": "What is kept of values and gradients, the rest is computed again: 4G"},
    "spill": _TEXT | {"description": "A folder where the rest is put instead, and read back: /var/tmp"},
    "backend": _TEXT | {"description": "Whose arrays are computed on: numpy, torch, jax, dask"},
    "device": _TEXT | {"description": "Where torch's or jax's arrays are: cuda:0"},
    "scheduler": _TEXT | {"description": "Where dask's tasks go: tcp://host:8786"},
    "commands": {"type": "array", "items": _TEXT, "description": "Lines of the debugger, before the first stop"},
    "noDebug": {"type": "boolean", "default": False, "description": "Run both passes without a stop"},
}
"""What a launch.json may say; the adapter's own arguments."""
_COMMAND = {
    "type": "array", "items": _TEXT, "default": ["bpdebug"],
    "description": 'The program and its first words: ["python3", "-m", "bpdebug.cli"]',
}  # fmt: skip
README = """# bpdebug

Steps through backpropagation node by node, forwards and backwards in time. F5 in a scenario, a recording or a script
starts it; Step Back and Reverse go back; the debug console takes the debugger's own lines: `lens`, `seek Y@bwd`.

A launch may say how much is kept and where the passes run: `memory`, `spill`, `backend`, `device`, `scheduler`, as
`bpdebug help large-models` has them.

It starts `bpdebug dap`: `pip install bpdebug`. Another place is said in `bpdebug.command`.

Even Better TOML checks scenarios and completes their keys once a `.taplo.toml` binds them to the schema, as
`bpdebug help editor` says: it passes over a schema that another extension names by a place in its own folder.
"""


def package() -> dict[str, Any]:
    """package.json."""
    return {
        "name": "bpdebug", "displayName": "bpdebug", "publisher": "bpdebug", "version": __version__, "license": "MIT",
        "description": "Step through backpropagation, forwards and backwards in time",
        "engines": {"vscode": "^1.85.0"}, "categories": ["Debuggers", "Education"], "main": "./extension.js",
        "files": ["extension.js", "schema.json", "README.md", "LICENSE"],
        "activationEvents": ["onDebugResolve:bpdebug", "onDebugDynamicConfigurations:bpdebug"],
        "contributes": {
            "languages": [
                {"id": name, "aliases": [title], "extensions": [suffix]} for name, (title, suffix) in LANGUAGES.items()
            ],
            "breakpoints": [{"language": name} for name in (*LANGUAGES, "python")],  # a recording stops in its script
            "debuggers": [_debugger()], **_buttons(),
            "tomlValidation": [{"regexMatch": r"/scenarios/[^./]+\.toml$", "url": "./schema.json"}],
            "configuration": {"title": "bpdebug", "properties": {"bpdebug.command": _COMMAND}},
            # the minus of notes and reports: VS Code would draw a box around each
            "configurationDefaults": {"editor.unicodeHighlight.allowedCharacters": {"−": True}},
        },
    }  # fmt: skip


def _buttons() -> dict[str, Any]:
    """What is clicked, and when it is there."""
    pattern = "|".join(suffix[1:] for suffix in SUFFIXES)
    debug, step = "bpdebug.debugFile", "bpdebug.stepIntoRule"
    running, said = "debugType == bpdebug", {"category": "bpdebug"}
    on_file = {"command": debug, "when": f"resourceExtname =~ /^\\.({pattern})$/", "group": "1_run"}
    return {
        "commands": [
            {"command": debug, "title": "Debug this graph", "icon": "$(debug-alt)", **said},
            {"command": step, "title": "Step into the rule", "icon": "$(debug-line-by-line)", **said,
             "enablement": running},
        ],
        "menus": {"editor/title/run": [on_file], "debug/toolBar": [{"command": step, "when": running}]},
    }  # fmt: skip


def _debugger() -> dict[str, Any]:
    start = {"type": "bpdebug", "request": "launch", "name": "bpdebug", "program": "${file}"}
    described = {"required": ["program"], "properties": ATTRIBUTES}
    return {
        "type": "bpdebug", "label": "bpdebug", "languages": list(LANGUAGES),
        "configurationAttributes": {"launch": described, "attach": described}, "initialConfigurations": [start],
    }  # fmt: skip


def write_extension(folder: str) -> int:
    """The folder with all that `vsce package` wants; E_FILE where something else lies there."""
    path, here = Path(folder), Path(__file__).parent
    if path.exists() and not _is_ours(path):
        raise InputError(
            f"'{shown(folder)}' is there already", code="E_FILE", hint="name a folder that is empty or new"
        )
    files = {
        "package.json": _written(package()), "schema.json": _written(json_schema()), "README.md": README,
        "extension.js": (here / "extension.js").read_text(encoding="utf-8"), "LICENSE": _licence(),
    }  # fmt: skip
    path.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        put(path / name, text.encode())
    made = f"`vsce package --allow-missing-repository` there makes bpdebug-{__version__}.vsix"
    print(f"{len(files)} files written to {shown(folder)}; {made}, which `code --install-extension` takes")
    return EXIT_GOOD


def _written(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _is_ours(folder: Path) -> bool:
    """Whether a folder is empty, or holds an extension of ours."""
    if not folder.is_dir():
        return False
    if not os.listdir(folder):
        return True
    try:
        return bool(json.loads((folder / "package.json").read_bytes())["name"] == "bpdebug")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _licence() -> str:
    from importlib.metadata import files  # only here: it reads the installed package's records

    found = next((f for f in files("bpdebug") or () if f.name == "LICENSE"), None)
    return found.read_text(encoding="utf-8") if found is not None else "MIT\n"
