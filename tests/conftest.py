"""What all tests share: a data folder of their own, so that none of them writes into the person's library."""

import os
import sys
import tempfile
import traceback

import pytest

# Gradio looks for IPython whenever a page is made. A search for a module that is not there takes Python's import lock,
# which breaks up to 3.11 where an object that is collected just then imports something (python/cpython#106176), as
# sockets do that tests leave behind. A name that is known to lead nowhere is not searched for.
sys.modules.setdefault("IPython.core.getipython", None)  # type: ignore[arg-type]

# Python 3.11 parses a line of source to underline its part in a traceback, and two threads that parse at the same time
# may disturb one another: "AST constructor recursion depth mismatch" (python/cpython#106905, mended in 3.12).
if sys.version_info[:2] == (3, 11):
    traceback._extract_caret_anchors_from_line_segment = lambda segment: None  # type: ignore[attr-defined]


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
