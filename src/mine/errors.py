"""Errors that a user can mend: one line, no traceback, exit code 2; and text of others, made fit to print."""


def escaped(text: str) -> str:
    """Text as it may be printed: what is no printable sign (a line's end, a terminal's control) as its escape.

    Names of columns and what stands in a file's metadata come from others, and a line must stay one.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


class UserError(Exception):
    """Bad input. The message is one line that names the value, the allowed range and the place."""
