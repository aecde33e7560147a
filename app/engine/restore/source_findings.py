"""What is wrong with a source, or dangerous in it, whatever the target."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from app.domain.restore import Finding, RestoreOptions, Severity
from app.engine.restore.source import RestoreSource
from app.engine.restore_list import qualified_name
from app.postgres.archive_data import has_rows
from app.postgres.archive_entry import Entry, python_codec
from app.postgres.script import parse_copy_statement
from app.postgres.script_dangers import Danger
from app.postgres.script_dangers import Severity as Kind
from app.postgres.script_outline import outline_script

_MOST_LINES = 10
_MAY_MATTER = re.compile(
    r"PROGRAM|pg_(?:read|ls|stat_file|file|execute|logdir|reload|rotate|terminate)|lo_(?:im|ex)port|dblink"
    r"|\bSYSTEM\b|\bLOAD\b|\b(?:FROM|TO)\s+E?'|\bCOPY\b|SUPERUSER|SESSION\s+AUTHORIZATION|\bROLE\b|U&"
    r"|LANGUAGE\s+(?!(?:sql|plpgsql|internal|c)\b)|filename|\bSERVER\b|SUBSCRIPTION|DROP\s+(?:DATABASE|OWNED)",
    re.IGNORECASE,
)
_ALLOW = "Restore it only when you trust where it comes from; --allow-server-access lets it pass."


def find_in_source(
    source: RestoreSource, options: RestoreOptions, *, in_transaction: bool
) -> tuple[Finding, ...]:
    """Dangers, and what keeps a source from being restored as a whole.

    Args:
        in_transaction: whether it is to run in one transaction, into a database that exists.
    """
    if source.archive is not None:
        return tuple(_of_archive(source, options))
    return tuple(_of_scripts(source, options, in_transaction=in_transaction))


def _of_scripts(source: RestoreSource, options: RestoreOptions, *, in_transaction: bool) -> Iterator[Finding]:
    for dump, outline in zip(source.dumps, source.outlines, strict=True):
        if not outline.is_complete:
            yield Finding(
                Severity.BLOCKS,
                f"{dump.name} is cut short",
                "pg_dump's last line is missing.",
                "Get another copy of it.",
            )
        yield from _of_dangers(outline.dangers, options, dump.name)
        if in_transaction and outline.not_in_transaction:
            first = outline.not_in_transaction[0]
            yield Finding(
                Severity.BLOCKS,
                f"{dump.name} cannot be restored in one transaction",
                f"Line {first.line}: {first.statement}",
                "Restore it into a new database, or with --jobs 2, which goes on after errors.",
            )


def _of_archive(source: RestoreSource, options: RestoreOptions) -> Iterator[Finding]:
    codec = python_codec(source.encoding)
    forged: list[str] = []
    dangers: list[Danger] = []
    for entry in source.entries:
        if has_rows(entry) and entry.copy_statement and not _is_copy(entry):
            forged.append(qualified_name(entry))
        for text in filter(_MAY_MATTER.search, (entry.definition, entry.drop)):
            found = outline_script([f"{text}\n".encode(codec, "surrogateescape")]).dangers
            dangers += (danger for danger in found if danger.severity is not Kind.META_COMMAND)
    if forged:
        yield Finding(
            Severity.BLOCKS,
            "The archive has statements that pg_dump does not write",
            f"For the rows of {', '.join(forged[:_MOST_LINES])}",
            "It was changed: do not use it.",
        )
    yield from _of_dangers(dangers, options, source.dumps[0].name)


def _is_copy(entry: Entry) -> bool:
    try:
        parse_copy_statement(entry.copy_statement)
    except ValueError:
        return False
    return True


def _of_dangers(dangers: Iterable[Danger], options: RestoreOptions, name: str) -> Iterator[Finding]:
    refused, guarded, told = [], [], []
    for danger in dangers:
        if danger.is_always_refused:
            refused.append(danger)
        elif danger.is_refused_unless_allowed:
            guarded.append(danger)
        else:
            told.append(danger)
    if refused:
        title = f"{name} has commands that are never run"
        yield Finding(
            Severity.BLOCKS, title, _listed(refused), "Take them out, if you know what they are for."
        )
    if guarded:
        severity = Severity.WARNS if options.server_access else Severity.BLOCKS
        title = f"{name} reaches for the server's programs, files or settings"
        yield Finding(severity, title, _listed(guarded), "" if options.server_access else _ALLOW)
    if told:
        yield Finding(Severity.WARNS, f"{name} does more than make objects", _listed(told))


def _listed(dangers: list[Danger]) -> str:
    shown = [f"line {one.line}: {one.what}: {one.statement}" for one in dangers[:_MOST_LINES]]
    if len(dangers) > _MOST_LINES:
        shown.append(f"and {len(dangers) - _MOST_LINES:,} more")
    return "\n".join(shown)
