"""Measurements through the same predictor, session and page that people use: `python -m samui bench ...`.

Each module has `add_arguments(parser)` and `run(args) -> dict`; `samui.bench.report` prints what `run` returns.
"""
