"""Starts Holdfast: `python -m app` and the `holdfast` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line with this process's arguments."""
    from app.cli import run_command_line

    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
