"""Texts from outside, as messages may show them: on one line, of bounded length, with nothing a terminal obeys."""

LONGEST_LINE = 300
_ESCAPED_BYTES = range(0xDC80, 0xDD00)  # how Python writes bytes of a name that are not UTF-8


def printable(text: str) -> str:
    """The text with control characters, and what is not UTF-8, as backslash escapes."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in text)


def one_line(text: str, longest: int = LONGEST_LINE) -> str:
    """The text as one printable line: spaces for white space, and its middle left out where it is too long.

    Both ends stay: which file it is about, and what is the matter, or what to do, stand there.
    """
    line = printable(" ".join(text.split()))
    if len(line) <= longest:
        return line
    kept = longest - 3
    return f"{line[: kept - kept // 2]}...{line[len(line) - kept // 2 :]}"


def _escape(character: str) -> str:
    code = ord(character)
    if code in _ESCAPED_BYTES:
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
