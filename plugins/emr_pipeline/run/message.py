"""A message to the people who watch over a deployment: one fact, in words, with a key that no other fact has."""

from dataclasses import dataclass

LONGEST_SUBJECT = 99
"""SNS takes 99 ASCII characters in one line."""
LONGEST_TEXT, KEPT_OF_ITS_HEAD = 8000, 1000
"""SNS takes 256 KB. Of a text that is longer than a person reads, the first line and the last words count."""


@dataclass(frozen=True)
class Message:
    """One fact: its kind (`failed`, `published`, ...), what tells it apart from others of its kind, and its words."""

    kind: str
    about: str
    title: str
    text: str

    @property
    def fact(self) -> str:
        return f"{self.kind}-{self.about}"

    @property
    def subject(self) -> str:
        """The title as every channel takes it.

        >>> Message("failed", "", "fruit_features: caf\\u00e9\\n failed", "").subject
        'fruit_features: caf? failed'
        """
        return " ".join(self.title.encode("ascii", "replace").decode().split())[:LONGEST_SUBJECT]

    @property
    def body(self) -> str:
        if len(self.text) <= LONGEST_TEXT:
            return self.text
        return f"{self.text[:KEPT_OF_ITS_HEAD]}\n[...]\n{self.text[KEPT_OF_ITS_HEAD - LONGEST_TEXT :]}"
