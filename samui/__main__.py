"""`python -m samui`."""

import sys

from samui.cli import main

sys.exit(main(sys.argv[1:]))
