"""`bpdebug test`: files and folders, one line a failure, a summary, and what a CI server reads."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from msgspec.structs import replace

from bpdebug.errors import EXIT_FAILED, EXIT_GOOD, InputError, UsageError, line, shown
from bpdebug.frontends.files import write
from bpdebug.frontends.scripts.checks import Failure, Result, check_file, collect
from bpdebug.frontends.scripts.replay import Settings
from bpdebug.scenario import meant
from bpdebug.translation import N_
from bpdebug.workers import Spread, processes, spread


def run_tests(
    paths: Sequence[str], settings: Settings, *, jobs: int | None = None, word: str = "", junit: str | None = None,
    annotations: str | None = None,
) -> int:  # fmt: skip
    """Every test in the paths; 1 where anything failed. Raises UsageError where there is nothing to test.

    `annotations` is "github" for lines that it shows beside the code; by itself where its actions run.
    """
    beside = (annotations or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "none")) == "github"
    if jobs is not None and jobs < 0:
        raise UsageError(f"--jobs {jobs}", hint="a number of processes, or 0 for one on each processor")
    found = collected(paths, settings, word)
    if not found:
        raise UsageError("nothing to test", hint="scripts end in .bpd, and scenarios have a table [expect]")
    results = []
    for result in _progress(_results(found, settings, processes() if jobs == 0 else jobs), len(found)):
        results.append(result)
        for failure in result.failures:
            print(f"FAIL {failure.line}")
            if beside:
                print(annotation(result, failure))
    failed = [r for r in results if r.failures]
    if junit is not None:
        write(Path(junit), junit_xml(results), over=True)
    print(summary(results))
    return EXIT_FAILED if failed else EXIT_GOOD


def collected(paths: Sequence[str], settings: Settings, word: str = "") -> list[Path]:
    """The files to test, each once; `word` keeps those with it in their path, whatever its case; E_FILE for none."""
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given) if os.path.exists(given) else meant(given)
        if path is None:
            hint = "name files, folders or shipped scenarios"
            raise InputError(f"nothing at '{shown(given)}'", code="E_FILE", hint=hint)
        found |= dict.fromkeys(collect(path, settings.limits["file"]))
    return [path for path in found if word.casefold() in path.as_posix().casefold()]


def summary(results: Sequence[Result]) -> str:
    """'31 passed, 1 failed, 2 skipped'."""
    failed, skipped = sum(bool(r.failures) for r in results), sum(bool(r.skipped) for r in results)
    counts = {"passed": len(results) - failed - skipped, "failed": failed, "skipped": skipped}
    return ", ".join(f"{n} {what}" for what, n in counts.items() if n or what == "passed")


def _results(found: Sequence[Path], settings: Settings, jobs: int | None) -> Iterator[Result]:
    """The results in the order of the files, from so many processes; see `spread`."""

    def died(path: Path) -> Result:
        said = f"{line(str(path))}: the process died: too little memory?"
        return Result(str(path), (Failure(said, said),), 0.0, crashed=True)

    settings, client = _scheduled(settings)
    how = Spread(
        lambda path: check_file(path, settings),
        lambda path: (check_file, path.absolute(), settings, str(path)),  # a cluster's workers are in other folders
        died,
        N_("files"),
    )
    return spread(found, how, jobs, client)


def _scheduled(settings: Settings) -> tuple[Settings, Any]:
    """The settings for one file, and the client of the scheduler that files go to; None where there is none.

    A file's own passes stay where it is tested.
    """
    name, device, scheduler = settings.limits.arrays
    if scheduler is None:
        return settings, None
    from bpdebug.backends import backend  # start-up: few tests go elsewhere

    dask = backend("dask", None, scheduler)
    limits = replace(settings.limits, arrays=(name, device, None))
    return replace(settings, limits=limits), None if dask is None else dask.cluster.client


def _progress(results: Iterable[Result], total: int) -> Iterator[Result]:
    """The results as they come, with a bar on a terminal; lines that are printed push it down."""
    from bpdebug.frontends.bar import bar, show  # start-up: NumPy is for tests that run

    terminal = sys.stderr.isatty()
    for done, result in enumerate(results, 1):
        if terminal:
            show("")
        yield result
        if terminal and done < total:
            sys.stdout.flush()
            show(bar(done, total))


def annotation(result: Result, failure: Failure) -> str:
    """A failure as GitHub reads it: `::error file=F,line=N,title=T::text`, with escapes: %0A."""
    place = {"file": result.path, **({"line": str(failure.number)} if failure.number else {}), "title": "bpdebug test"}
    said = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in place.items())
    return f"::error {said}::{_escaped(failure.text)}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(c):02X}" if c in f"%\r\n{more}" else c for c in text)


def junit_xml(results: Sequence[Result]) -> str:
    """The results as JUnit's XML: a test case for each file."""
    counts = {
        "tests": len(results), "failures": sum(bool(r.failures) and not r.crashed for r in results),
        "errors": sum(r.crashed for r in results), "skipped": sum(bool(r.skipped) for r in results),
        "time": f"{sum(r.seconds for r in results):.3f}",
    }  # fmt: skip
    top = Element("testsuites")
    suite = SubElement(top, "testsuite", {"name": "bpdebug", **{key: str(count) for key, count in counts.items()}})
    for result in results:
        path = Path(_xml(result.path))
        case = SubElement(
            suite, "testcase", classname=path.parent.as_posix(), name=path.name, file=path.as_posix(),
            time=f"{result.seconds:.3f}",
        )  # fmt: skip
        if number := next((failure.number for failure in result.failures), 0):
            case.set("line", str(number))
        if result.skipped:
            SubElement(case, "skipped", message=result.skipped)
        elif result.failures:
            tag = "error" if result.crashed else "failure"
            failure = SubElement(case, tag, message=_xml(result.failures[0].line))
            failure.text = _xml("\n".join(failure.text for failure in result.failures))
    indent(top)
    return f"{tostring(top, 'utf-8', xml_declaration=True).decode()}\n"


def _xml(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return re.sub(r"[^\n\t\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)
