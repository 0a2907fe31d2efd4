"""Fixtures that more than one part of the tests needs."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpora_folder() -> Path:
    """Return the folder of open corpora; without one, tests that count or compare real corpora are skipped."""
    folder = os.environ.get("MEDSPAN_DATA")
    if not folder:
        pytest.skip("MEDSPAN_DATA is not set: it must name the folder that holds the open corpora")
    if not Path(folder).is_dir():
        pytest.fail("MEDSPAN_DATA is set, but names no folder")
    return Path(folder)
