"""What is doubtful of an image, in a few words. Pure."""

from collections import defaultdict
from collections.abc import Sequence

from image_features.validate.suspects.suspects import Flawed, Suspect


def notes_of(found: Sequence[Suspect], flawed: Sequence[Flawed]) -> dict[str, str]:
    """Return what is doubtful of each image by its URI, doubtful labels first.

    >>> notes_of([Suspect("a", "Fig", "Date", 0.9)], [Flawed("a", "Fig", "odd_size"), Flawed("b", None, "dark")])
    {'a': 'perhaps Date, doubt 0.90; odd size', 'b': 'dark'}
    """
    notes: defaultdict[str, list[str]] = defaultdict(list)
    for suspect in found:
        notes[suspect.uri].append(f"perhaps {suspect.suggested}, doubt {suspect.doubt:.2f}")
    for one in flawed:
        notes[one.uri].append(words_of(one.flaw))
    return {uri: "; ".join(of_uri) for uri, of_uri in notes.items()}


def words_of(flaw: str) -> str:
    """Return the words for a flaw."""
    return flaw.replace("_", " ")
