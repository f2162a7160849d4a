"""The ASGI messages of one request: read them, join their bodies, replay them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from starlette.types import Message, Receive


async def messages_of(receive: Receive) -> AsyncIterator[Message]:
    """The messages of one request, up to the end of its body or of the connection."""
    while True:
        message = await receive()
        yield message
        if not message.get("more_body", False):
            return


def body_of(messages: Iterable[Message]) -> bytes:
    """The joined body of a request's messages."""
    return b"".join(message.get("body", b"") for message in messages)


def replay(messages: list[Message], receive: Receive) -> Receive:
    """A `receive` that gives messages again before new ones."""
    waiting = iter(messages)

    async def again() -> Message:
        for message in waiting:
            return message
        return await receive()

    return again
