"""For all tests."""

import sys

# Gradio looks for IPython whenever a page is made. A search for a module that is not there takes Python's import lock,
# which breaks up to 3.11 where an object that is collected just then imports something (python/cpython#106176), as
# sockets do that tests leave behind. A name that is known to lead nowhere is not searched for.
sys.modules.setdefault("IPython.core.getipython", None)  # type: ignore[arg-type]
