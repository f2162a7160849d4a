"""The JSON edge between page and server; docs/protocol.md describes the messages."""

from samui.serve.wire.candidates import THUMB_SIDE
from samui.serve.wire.errors import error_reply, unexpected_reply
from samui.serve.wire.masks import encode_found, encode_hover, encode_mask
from samui.serve.wire.objects import encode_object, parse_objects
from samui.serve.wire.parse import MAX_POINTS, Request, parse, parse_box, parse_model, parse_points
from samui.serve.wire.reply import reply

__all__ = [
    "MAX_POINTS",
    "THUMB_SIDE",
    "Request",
    "encode_found",
    "encode_hover",
    "encode_mask",
    "encode_object",
    "error_reply",
    "parse",
    "parse_box",
    "parse_model",
    "parse_objects",
    "parse_points",
    "reply",
    "unexpected_reply",
]
