"""What PyTorch would have to trust in a .pt2 is not let through; PyTorch is not needed to see that."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from bpdebug import BpdebugError
from bpdebug.importers import open_any
from bpdebug.importers.aten import package
from bpdebug.importers.aten.archive import checked
from bpdebug.limits import Limits
from tests.importers.aten.archives import BAD, GOOD, archive

LIMITS = Limits({"memory": 2**26})


def test_an_archive_is_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "m.pt2"
    path.write_bytes(archive(GOOD, ("m/data/aotinductor/code.so", b"code"), ("m/extra/note", b"")))
    with zipfile.ZipFile(checked(path, LIMITS)) as found:
        names = {name: found.read(name) for name in found.namelist()}
    assert names == {name: said.encode() if isinstance(said, str) else said for name, said in GOOD.items()}


@pytest.mark.parametrize("name", BAD)
def test_an_archive_is_refused(name: str, tmp_path: Path) -> None:
    code, says, make = BAD[name]
    path = tmp_path / "m.pt2"
    path.write_bytes(make())
    with pytest.raises(BpdebugError, match=says) as caught:
        checked(path, LIMITS)
    assert caught.value.code == code
    assert caught.value.hint


def test_without_pytorch_a_file_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pt2"
    path.write_bytes(archive(GOOD))
    monkeypatch.setattr(package, "find_spec", lambda name: None)
    with pytest.raises(BpdebugError, match="not installed") as caught:
        open_any(path)
    assert caught.value.code == "E_FILE"
    assert 'pip install "bpdebug[torch]"' in caught.value.hint
