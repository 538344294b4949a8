"""``python -m mine``: the same as the ``mine`` command, for rules that run without an activated environment."""

from mine.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
