"""Starts Holdfast: `python -m app` and the `holdfast` command.

Without arguments, or with `window [--hidden] [FILE…]`, it is the window; everything else is the command line.
"""

from __future__ import annotations

import sys

from app.system.process_environment import settle


def main() -> None:
    """Run the window or the command line with this process's arguments."""
    settle()
    arguments = sys.argv[1:]
    if not arguments or arguments[0] == "window":
        from app.ui.application import run_window

        sys.exit(run_window(arguments[1:]))
    from app.cli import run_command_line

    sys.exit(run_command_line(arguments))


if __name__ == "__main__":
    main()
