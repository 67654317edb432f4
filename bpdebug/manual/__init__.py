"""The manual: a page a topic, beside this file as Markdown, of which the README is the first page.

`TOPIC.md` is the English one, and `TOPIC.zh.md` says the same in Chinese; its first line holds the digest of the
English text that it was made of, so that a test sees where one has changed and the other has not.
"""

from __future__ import annotations

import os
from functools import lru_cache

from bpdebug.translation import ENGLISH, language

TOPICS = (
    "first-steps", "lessons", "keys", "all-commands", "expressions", "explanations", "stops", "scenarios", "ops",
    "conventions", "training", "check-and-tests", "models", "watching", "recordings", "python", "command-line",
    "editor", "browser", "export", "languages", "limits", "large-models", "costs",
)  # fmt: skip
"""The pages, in the order in which they are listed."""
FOLDER = os.path.dirname(os.path.abspath(__file__))


def text(topic: str, spoken: str | None = None) -> str:
    """A topic's page as Markdown, in the language that is spoken, or in another; in English where there is no other."""
    spoken = language() if spoken is None else spoken
    file = _file(topic, spoken)
    found = _read(file if os.path.exists(file) else _file(topic, ENGLISH))
    return found.partition("\n")[2] if found.startswith("<!--") else found


def title(topic: str, spoken: str | None = None) -> str:
    """The first heading of a topic's page."""
    return text(topic, spoken).partition("\n")[0].removeprefix("# ")


@lru_cache(maxsize=128)
def _read(file: str) -> str:
    with open(file, encoding="utf-8") as page:
        return page.read()


def _file(topic: str, spoken: str) -> str:
    return os.path.join(FOLDER, f"{topic}.md" if spoken == ENGLISH else f"{topic}.{spoken}.md")
