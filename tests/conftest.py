"""Settings for the whole suite."""

from __future__ import annotations

import os

# Before NumPy is imported: one BLAS thread, since two on two cores make small products slow and bimodal.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["BPDEBUG_JOBS"] = "1"  # no test starts processes because the machine is slow just now
os.environ["BPDEBUG_LANG"] = "en"  # whatever the machine speaks

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, so that a red run can be repeated; `--hypothesis-profile=fuzz` looks further.
settings.register_profile(
    "default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.register_profile("fuzz", parent=settings.get_profile("default"), derandomize=False, max_examples=2000)
settings.load_profile("default")


@pytest.fixture(autouse=True, scope="session")
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Sessions are kept, and keys read, in folders of the tests' own, never in the user's."""
    os.environ["BPDEBUG_STATE_DIR"] = str(tmp_path_factory.mktemp("state"))
    os.environ["BPDEBUG_CONFIG_DIR"] = str(tmp_path_factory.mktemp("config"))
