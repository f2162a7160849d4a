"""Training of the small bundled SAM checkpoint: photos with masks in, a checkpoint that loads as `SamModel` out.

A package of its own: the application never imports it, and it does not import the application.
"""
