"""What commands ask of a front end because it touches files."""

from __future__ import annotations

from bpdebug.frontends.scripts.requests import LEFT_OUT, MOST_NOTED, FileRequests


def test_a_transcript_leaves_out_what_is_too_long() -> None:
    requests = FileRequests()
    long = ["x" * (MOST_NOTED // 4)] * 8
    assert list(requests.heard(long)) == long
    requests.note("print/f X")
    assert requests.noted == ["print/f X", *[f"# {line}" for line in long[:4]], LEFT_OUT]
    assert list(requests.heard(["5"])) == ["5"]
    requests.note("print x", failed=True)
    assert requests.noted[-2:] == ["! print x", LEFT_OUT]
