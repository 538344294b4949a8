"""``python -m mine``, for rules that run without an activated environment; the ``mine`` command is the same."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mine import cli
from mine.extras import what_to_install


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns what it says, and 2 after one line where a package is missing that an extra brings."""
    try:
        return cli.main(argv)
    except ModuleNotFoundError as error:
        said = what_to_install(error)
        if said is None:
            raise
        print(f"mine: error: {said}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
