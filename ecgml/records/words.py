"""Words as people write them, made comparable."""

from __future__ import annotations

import unicodedata


def plain_word(word: str) -> str:
    """Return a word's letters and digits, in lower case and without accents."""
    # A spreadsheet turns 164889003 into 164889003.0.
    letters = unicodedata.normalize("NFKD", word.strip().casefold().removesuffix(".0"))
    return "".join(letter for letter in letters if letter.isalnum())
