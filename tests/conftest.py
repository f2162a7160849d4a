"""What all tests share: a data folder of their own, so that none of them writes into the person's library."""

import os
import tempfile

import pytest


@pytest.fixture(autouse=True, scope="session")
def data_folder():
    with tempfile.TemporaryDirectory(prefix="samui-tests-") as folder:
        before = os.environ.get("XDG_DATA_HOME")
        os.environ["XDG_DATA_HOME"] = folder
        yield folder
        if before is None:
            os.environ.pop("XDG_DATA_HOME", None)
        else:
            os.environ["XDG_DATA_HOME"] = before
