"""Prints holdfast.1 from the command line's own help, so that page and program never disagree.

usage: man.py [YYYY-MM-DD]

The sections and macros are those of man-pages(7) and groff_man(7).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app import __version__
from app.cli import holdfast

_HEAD = """\
.SH NAME
holdfast \\- back up PostgreSQL databases and prove that each backup restores
.SH SYNOPSIS
.B holdfast
.RI [ COMMAND
.RI [ OPTION ]…
.RI [ ARGUMENT ]…]
.br
.B holdfast window
.RB [ \\-\\-hidden ]
.RI [ FILE ]…
.SH DESCRIPTION
Holdfast backs up Supabase projects and any other PostgreSQL database into a folder that you choose, on demand
and on a schedule. It proves each backup: it restores it into a throwaway server and compares every table,
byte for byte, with what was dumped. It restores any dump of PostgreSQL, after a plan that changes nothing.
.PP
Without arguments it opens its window.
.B window
does so, too, and has Restore look into each
.IR FILE ;
with
.B \\-\\-hidden
the window stays in the tray. Where Holdfast runs already, that window takes the files.
.PP
Each command has
.BR \\-\\-help ,
and
.B holdfast \\-\\-version
tells the version. With
.B \\-\\-json
a command prints one JSON object on standard output and nothing else there.
"""

_TAIL = """\
.SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
Failed; the reason and what to do stand on standard error.
.TP
.B 2
Wrong usage.
.TP
.B 3
The proof failed, or fell short of what was asked for.
.TP
.B 130
Cancelled. Ctrl-C leaves nothing half-done behind.
.SH ENVIRONMENT
.TP
.BR PGHOST ", " PGPORT ", " PGUSER ", " PGPASSWORD ", " PGPASSFILE ", " PGSSLMODE ", …"
As for every program of PostgreSQL, for what a connection string leaves out.
.B PGOPTIONS
is not heeded, because poolers refuse it.
.TP
.B SUPABASE_ACCESS_TOKEN
A personal access token, in place of that of the keyring.
.TP
.B SUPABASE_SERVICE_ROLE_KEY
The service key of a project, in place of that of the keyring.
.TP
.B SUPABASE_API_URL
Another address of Supabase's Management API.
.TP
.BR XDG_CONFIG_HOME ", " XDG_DATA_HOME ", " XDG_STATE_HOME ", " XDG_CACHE_HOME
Where the files below are kept.
.SH FILES
.TP
.I ~/.config/holdfast/
Settings, projects and schedules. Passwords and tokens are in the keyring of the session.
.TP
.I ~/.local/share/holdfast/
The history. It can be made anew from the backups
.RB ( "holdfast history \\-\\-rescan" ).
.TP
.I ~/.local/state/holdfast/log/
Logs.
.TP
.I ~/.cache/holdfast/
Throwaway servers; for root
.IR /var/cache/holdfast/ .
.TP
.I ~/Documents/Holdfast/
Backups, unless another folder was chosen: in each a manifest, checksums and a
.I RESTORE.txt
that says how to restore without Holdfast.
.TP
.I ~/.config/autostart/holdfast.desktop
Starts Holdfast with the session; the window's settings make it.
.TP
.I ~/.config/systemd/user/holdfast\\-due.timer
Runs schedules without a window;
.B holdfast schedules install
makes it.
.SH EXAMPLES
.EX
holdfast demo
holdfast projects add Shop \\-\\-url postgresql://me@db.example.com/shop
holdfast backup \\-\\-project Shop \\-\\-to /backups
holdfast inspect dump.sql.gz
holdfast restore dump.sql.gz \\-\\-sandbox
holdfast schedules add \\-\\-project Shop \\-\\-every day \\-\\-at 02:30 \\-\\-keep\\-daily 7
holdfast schedules install
.EE
.SH SEE ALSO
.BR pg_dump (1),
.BR pg_restore (1),
.BR psql (1)
"""


def man_page(date: str) -> str:
    """The page, in groff's language.

    Args:
        date: of the release, YYYY-MM-DD; shown at the page's foot.
    """
    title = f'.TH HOLDFAST 1 "{date}" "Holdfast {__version__}" "User Commands"\n'
    context = click.Context(holdfast, info_name="holdfast")
    return title + _HEAD + ".SH COMMANDS\n" + "".join(_command(holdfast, context)) + _TAIL


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    """A section for each command below this one, and for this one if it does something itself."""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if (inner := command.get_command(context, name)) is not None and not inner.hidden:
                yield from _command(inner, click.Context(inner, info_name=name, parent=context))
        return
    usage = " ".join(_text(piece) for piece in command.collect_usage_pieces(context))
    yield f".SS \\fB{_text(context.command_path)}\\fR {usage}\n"
    yield _paragraphs(cleandoc(command.help or ""))
    for option in command.get_params(context):
        record = option.get_help_record(context)
        if isinstance(option, click.Option) and record is not None and "--help" not in option.opts:
            names, meaning = record
            yield f".TP\n\\fB{_text(names)}\\fR\n"
            yield f"{_text(meaning)}\n" if meaning else ""


def _paragraphs(text: str) -> str:
    return "\n.PP\n".join(_text(" ".join(part.split())) for part in text.split("\n\n")) + "\n"


def _text(words: str) -> str:
    """Words as groff prints them: its signs escaped, hyphens that can be copied."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr] # it is a TextIOWrapper
    sys.stdout.write(man_page(sys.argv[1] if len(sys.argv) > 1 else ""))
