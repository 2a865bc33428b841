"""Fixtures that several test folders share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real data (hc18/, challenge/): FETAL_DATA_ROOT, or shared/data beside the repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FETAL_DATA_ROOT", beside))
    if not (folder / "hc18" / "training_set").is_dir():
        pytest.skip(f"no real data in {folder}; set FETAL_DATA_ROOT")
    return folder
