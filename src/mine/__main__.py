"""``python -m mine``, and the ``mine`` command: what stands around ``mine.cli``.

An interrupt is never lost, and a package that only an extra brings is named where it is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mine.interrupts import CODE, heeded


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns its exit code; 2 after one line where a package of an extra is missing."""
    try:
        with heeded():
            from mine.cli import main as run
            from mine.extras import what_to_install

            try:
                return run(argv)
            except ModuleNotFoundError as error:
                said = what_to_install(error)
                if said is None:
                    raise
                print(f"mine: error: {said}", file=sys.stderr)
                return 2
    except KeyboardInterrupt:
        print("mine: interrupted", file=sys.stderr)
        return CODE


if __name__ == "__main__":
    raise SystemExit(main())
