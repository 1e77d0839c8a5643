"""Organisation names in readable case: the official files shout or capitalise every word."""

from __future__ import annotations

import re
from typing import Final

_ACRONYMS: Final = frozenset(
    {"CIC", "DHU", "GP", "ICB", "LLR", "EA", "MIU", "NEMS", "NHS", "OOH", "PHL", "UCC", "UTC", "WIC"}
)
_SMALL: Final = frozenset({"and", "for", "of", "on", "the", "to", "upon", "with"})
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")  # noqa: RUF001 - some names have a curly apostrophe


def tidy(name: str) -> str:
    """A name in title case, with acronyms in capitals and small words small inside it.

    >>> tidy("GUY'S AND ST THOMAS' NHS FOUNDATION TRUST")
    "Guy's and St Thomas' NHS Foundation Trust"
    """
    name = " ".join(name.split())

    def word(match: re.Match[str]) -> str:
        text = match.group()
        if text.upper() in _ACRONYMS:
            return text.upper()
        before = name[: match.start()]
        opens = not before or before.endswith((" - ", "("))
        return text.lower() if text.lower() in _SMALL and not opens else text.capitalize()

    return _WORD.sub(word, name)
