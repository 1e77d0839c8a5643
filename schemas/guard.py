"""The identifier guard: NHS numbers and postcodes in any text, number or name of an event.

Words are looked at whole, letters and digits being what a word is made of: ten digits within a UUID or a
count of microseconds are no NHS number, and `NHS9434765919` is one. What passes the check by chance, one in
eleven, is refused like a real one: nobody can tell them apart.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator
from string import ascii_letters, digits
from typing import Any

NHS_NUMBER, POSTCODE = "an NHS number", "a postcode"

LEAST_NUMBER, LIMIT = 10**9, 10**10
"""Whole numbers from the first to below the second have ten digits."""

Place = tuple[str | int, ...]
"""Where something stands in a document: field names, and positions in lists."""

_WORD = r"[^\W_]"
_BLANKS, _DASHES = r" \u00a0\u2009\u202f", r"\u2010-\u2015\u2212"
_BLANK = f"[{_BLANKS}]"
_BREAK = f"[{_BLANKS}{_DASHES}-]"
_STOP = f"[{_BLANKS}{_DASHES}._:/-]"
_LETTER = r"[^\W\d_]"
_TEN_DIGITS = re.compile(
    rf"""(?=\d) (?<!{_WORD}) (?=
        ( \d (?:{_BLANK}{{0,3}}\d){{9}} | \d{{3}}{_STOP}\d{{3}}{_STOP}\d{{4}} ) (?!{_WORD})
    )""",
    re.VERBOSE,
)
"""Ten digits with blanks anywhere between them, or in groups of 3, 3 and 4 as an NHS number is written.

Other groups with hyphens are none: an id of a number and a version (`10649-21299`) has ten digits too.
"""
_AMONG_LETTERS = re.compile(
    rf"(?<!{_WORD})(?!{_LETTER}*[0-9a-f]{{12}}){_LETTER}*(\d{{10}}){_LETTER}*(?!{_WORD})",
    re.IGNORECASE,
)
"""Ten digits in a row, the only ones of their word, in which there is no hash or end of a UUID."""
_POSTCODE = re.compile(
    rf"(?<!{_WORD}) [A-Z]{{1,2}}[0-9][A-Z0-9]?{_BREAK}{{0,3}}[0-9][A-Z]{{2}} (?!{_WORD})",
    re.VERBOSE | re.IGNORECASE,
)
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|[bfnrt])")

# A quick look at ASCII text: digits become 0, letters a, all else a full stop. What the patterns find has one
# of few shapes then; so may something else, and the patterns decide.
_SHAPES = bytes(
    ord("0" if one in digits else "a" if one in ascii_letters else ".") for one in map(chr, range(256))
)
_DIGITS, _IN_GROUPS = b"0000000000", b".000.000.0000."
_words_with_ten = re.compile(rb"\.a*0{10}a*(?=\.)").finditer
_postcode_like = re.compile(
    rb"0aa\.(?:%b)"
    % b"|".join(
        rb"(?<=\.%b\.)" % shape
        for shape in (b"a00aa", b"a000aa", b"aa00aa", b"aa000aa", b"a0a0aa", b"aa0a0aa", b"0aa")
    )
).search


def is_nhs_number(ten_digits: str) -> bool:
    """Whether ten digits pass the Modulus 11 check.

    Source: NHS Data Dictionary, NHS NUMBER. The first nine are weighted 10 to 2; what their sum lacks to a
    multiple of 11 is the tenth.
    """
    weights = range(10, 1, -1)
    total = sum(weight * int(digit) for weight, digit in zip(weights, ten_digits, strict=False))
    return -total % 11 == int(ten_digits[9])


def identifier_in(text: str) -> str | None:
    """Say what kind of identifier stands in a text, if any."""
    for found in _TEN_DIGITS.finditer(text):
        if is_nhs_number(re.sub(r"\D", "", found[1])):
            return NHS_NUMBER
    if any(is_nhs_number(found[1]) for found in _AMONG_LETTERS.finditer(text)):
        return NHS_NUMBER
    return POSTCODE if _POSTCODE.search(text) else None


def is_identifier(number: float) -> bool:
    """Whether a whole number is an NHS number, written as such or with nought behind the point."""
    return (
        LEAST_NUMBER <= abs(number) < LIMIT and number == int(number) and is_nhs_number(str(int(abs(number))))
    )


def identifiers(document: Any, amounts: Collection[str] = ()) -> Iterator[tuple[Place, str]]:
    """Give every place of a decoded JSON document at which an identifier stands, and its kind.

    Args:
        document: the document.
        amounts: fields whose decimal text (`"2801234567.00"`) is an amount, whatever its digits.
    """
    left: deque[tuple[Place, Any]] = deque([((), document)])  # a document may be nested deeper than calls
    while left:
        place, value = left.popleft()
        if isinstance(value, dict):
            for name, inner in value.items():
                if kind := identifier_in(name):
                    yield (*place, name), f"{kind} as its name"
                left.append(((*place, name), inner))
        elif isinstance(value, list):
            left.extend(((*place, number), inner) for number, inner in enumerate(value))
        elif isinstance(value, str):
            is_amount = bool(place) and place[-1] in amounts and _DECIMAL.fullmatch(value)
            if not is_amount and (kind := identifier_in(value)):
                yield place, kind
        elif isinstance(value, int | float) and is_identifier(value):
            yield place, NHS_NUMBER


def identifier_among(text: bytes) -> str | None:
    """Say what kind of identifier stands in bytes, if any; quick where there is none.

    Of JSON text at least what `identifiers` finds in a document of ASCII text is found.
    """
    if text.isascii() and b"\\" not in text and not (_looks_like_one(text) or _looks_spaced(text)):
        return None
    return identifier_in(_ESCAPE.sub(_unescaped, text.decode(errors="replace")))


def identifier_in_lines(text: str) -> str | None:
    """Say what kind of identifier stands in ASCII lines without blanks, if any; quicker still."""
    return identifier_in(text) if _looks_like_one(text.encode()) else None


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else " "


def _looks_like_one(text: bytes) -> bool:
    shapes = b".%b." % text.translate(_SHAPES)
    return (
        _IN_GROUPS in shapes
        or _postcode_like(shapes) is not None
        or any(_AMONG_LETTERS.search(_word(text, found)) for found in _words_with_ten(shapes))
    )


def _word(text: bytes, found: re.Match[bytes]) -> str:
    """Give the word at which a shape was found; shapes begin with a stop that the text has not."""
    return text[found.start() : found.end() - 1].decode("ascii")


def _looks_spaced(text: bytes) -> bool:
    return b" " in text and _DIGITS in text.translate(_SHAPES, b" ")
