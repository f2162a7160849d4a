"""The errors that samui raises for bad input: one family, one child a boundary.

The text of each says where, which rule and which value: ``prompt.points[0]: must lie inside 640x480, got (700, 20)``.
"""


class SamuiError(Exception):
    """Bad input or a resource that cannot be had; the message is fit for a person to read."""


class ImageError(SamuiError):
    """A file that is no image samui opens, or an image over a limit."""


class PromptError(SamuiError):
    """A prompt that breaks a rule of `samui.types.Prompt`, or lies outside its image."""


class MaskError(SamuiError):
    """A mask or a run-length string that breaks a rule of `samui.pixels.rle.Rle`."""


class ModelError(SamuiError):
    """A checkpoint that cannot be found, read or run."""


class ParameterError(SamuiError):
    """A parameter of everything mode that is out of its range."""


class RequestError(SamuiError):
    """A request of the page or the API that is malformed."""


class SessionError(SamuiError):
    """A session that is unknown or expired, or an action that its present state does not allow."""


class ExportError(SamuiError):
    """A result that cannot be written."""


class FormatError(SamuiError):
    """A file of masks that is none of its format, or holds more than samui takes."""


class UnknownSessionError(SessionError):
    """A token that was never issued, has expired, or has been handed on to another tab."""


class StaleError(SessionError):
    """A request about an image that the session has left."""


class FullError(SessionError):
    """No room for one more session or upload; what others are at work on is not thrown out for it."""


class StoreError(SamuiError):
    """A workspace or a library that cannot be opened, or that cannot keep something now."""


class WorkspaceError(SamuiError):
    """An image, a label or a moment that a workspace does not have, or a rule of it that is broken."""
