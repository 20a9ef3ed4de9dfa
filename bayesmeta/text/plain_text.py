"""Text of users as a reader may see it: what moves a cursor, hides or reverses text is shown by its code."""

from __future__ import annotations

import codecs
import sys

_KEPT = "\t\n"
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]
_DIRECTION = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]  # show text in another order
_INVISIBLE = [0x200B, 0x2060, 0xFEFF, *range(0xE0000, 0xE0080)]
_SURROGATES = range(0xD800, 0xE000)  # bytes of a file name that are not text, and no encoding has them
_CODES = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    for code in (*_CONTROLS, *_DIRECTION, *_INVISIBLE, *_SURROGATES)
    if chr(code) not in _KEPT
}
_SIGNS, _INSTEAD = "−–—×≥≤τμ²…’", ("-", "-", "-", "x", ">=", "<=", "tau", "mu", "^2", "...", "'")
_ASCII = {ord(sign): text for sign, text in zip(_SIGNS, _INSTEAD, strict=True)}
_HANDLER = "bayesmeta.nearest"


def visible(text: str) -> str:
    r"""Return text with control characters and changes of direction as codes; line breaks and tabs stay.

    Examples
    --------
    >>> visible("Smith\x1b[2J 2001\u202e")
    'Smith\\x1b[2J 2001\\u202e'
    """
    return text.translate(_CODES)


def width_of(text: str) -> int:
    """Characters of a line that a text takes: signs of East Asia take two.

    Examples
    --------
    >>> width_of("g[日本]")
    7
    """
    from rich.cells import cell_len

    return cell_len(text)


def accept_any_encoding() -> None:
    """Let a terminal without UTF-8 show the nearest sign, or the code, of what it does not have."""
    codecs.register_error(_HANDLER, _nearest)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_HANDLER)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_ASCII)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end
