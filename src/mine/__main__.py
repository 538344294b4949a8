"""``python -m mine``, and the ``mine`` command: what stands around ``mine.cli`` so that an interrupt is never lost."""

import sys

from mine.interrupts import CODE, heeded


def main() -> int:
    """Run the command line. Returns its exit code."""
    try:
        with heeded():
            from mine.cli import main as run

            return run()
    except KeyboardInterrupt:
        print("mine: interrupted", file=sys.stderr)
        return CODE


if __name__ == "__main__":
    raise SystemExit(main())
