"""What a page asks about the folder or the library, checked. Requests are untrusted, as those of `act`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from samui.errors import RequestError
from samui.serve.wire.values import Read, short
from samui.workspace.rows import STATES, Counts, Filter, Image, Label

MAX_ROWS = 200  # in one answer
MAX_NAME = 300  # characters that a name is looked for by
MAX_LABEL = 200
MAX_LABELS = 1000  # in one request
MAX_NOTE = 10_000
_ID = 100  # characters of a uid or an id


class Question(Read):
    """A request of the server function `workspace`: `ask` says what is wanted."""

    def __init__(self, data: Any) -> None:
        super().__init__(data, "request")

    @property
    def ask(self) -> str:
        """What is wanted, by name."""
        return self.text("ask", _ID)

    @property
    def token(self) -> str:
        """Of the seat."""
        return self.text("token", _ID)

    def image(self, name: str = "image") -> str:
        """The name of an image."""
        return self.text(name, _ID)

    def maybe_image(self, name: str = "image") -> str | None:
        """The name of an image, or None."""
        return None if self.get(name) is None else self.image(name)

    def operation(self) -> str:
        """The id of a change, so that it is made once."""
        return self.text("id", _ID)

    def filter(self) -> Filter:
        """Which images are meant; all without one."""
        given = self.get("filter")
        if given is None:
            return Filter()
        fields = Read(given, "request.filter")
        state = None if fields.get("state") is None else fields.text("state", _ID)
        if state is not None and state not in STATES:
            raise RequestError(f"request.filter.state: must be one of {', '.join(STATES)}, got {short(state)}")
        label = None if fields.get("label") is None else fields.text("label", MAX_LABEL)
        return Filter(state, label, "" if fields.get("name") is None else fields.text("name", MAX_NAME))

    def names(self, name: str) -> list[str]:
        """Names of labels."""
        value = self.get(name)
        if not isinstance(value, list) or len(value) > MAX_LABELS:
            raise RequestError(f"request.{name}: must be a list of at most {MAX_LABELS} names, got {short(value)}")
        items: Mapping[str, Any] = {str(i): one for i, one in enumerate(value)}
        return [Read(items, f"request.{name}").text(i, MAX_LABEL) for i in items]

    def note(self) -> str:
        """What a person has to say about an image; it may have several lines."""
        value = self.get("note")
        if not isinstance(value, str) or len(value) > MAX_NOTE or any(0xD800 <= ord(c) < 0xE000 for c in value):
            raise RequestError(f"request.note: must be text of at most {MAX_NOTE} characters, got {short(value)}")
        return value


def encode_row(image: Image, name: str) -> dict[str, Any]:
    """An image of the list. name: what its store calls it."""
    path = image.path.encode("utf-8", "replace").decode()  # a name that is no Unicode cannot be sent as it is
    return {"image": name, "path": path, "state": image.state, "objects": image.objects, "note": image.note}


def encode_counts(counts: Counts) -> dict[str, int]:
    """How many images there are, and in each state."""
    return {
        "images": counts.images,
        "objects": counts.objects,
        **{state: getattr(counts, state) for state in STATES},
    }


def encode_label(label: Label) -> dict[str, Any]:
    """A label of the workspace; they are told in their order."""
    return {"name": label.name, "colour": label.colour, "key": label.key, "objects": label.objects}
