"""Errors that a user can mend: one line, no traceback, exit code 2."""


class UserError(Exception):
    """Bad input. The message is one line that names the value, the allowed range and the place."""
