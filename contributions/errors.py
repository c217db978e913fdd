"""What the house may refuse, in sentences that a customer may read.

Each face (pages, REST) turns a `Refusal` into its own answer in one place; nothing below the faces knows HTTP.
"""

from __future__ import annotations


class Refusal(Exception):
    """The request was understood and is not carried out; nothing was changed.

    `sentence` is shown as it is; `field`, when given, names the input it is about.
    """

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field


class Invalid(Refusal):
    """The input cannot be used as it is."""


class NotAllowed(Refusal):
    """The person has no right to do it."""


class Stale(NotAllowed):
    """The right is there, but the log-in is too old for this: who acts must prove once more who they are."""


class Missing(Refusal):
    """There is no such thing, or this person may not know of it."""


class Clash(Refusal):
    """The thing has moved on: somebody was first, or its state does not allow this."""


class TooLarge(Refusal):
    """More bytes, files or commits than the portal takes."""


class TooMany(Refusal):
    """Done too often; `retry_after` is in seconds."""

    def __init__(self, sentence: str, *, retry_after: int, field: str = "") -> None:
        super().__init__(sentence, field=field)
        self.retry_after = retry_after


class Trouble(Exception):
    """Our side failed (no sandbox, no disk, no upstream); the work is tried again, the customer is not blamed."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class LeaseLost(Exception):
    """Another worker has the row now: its result counts, ours is dropped."""
