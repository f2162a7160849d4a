"""Start the page: what `python app.py` and a Hugging Face Space run. Takes the flags of `python -m samui serve`."""

import sys

from samui.cli import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
