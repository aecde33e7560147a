"""What is wrong with a source, or dangerous in it, whatever the target."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from app.domain.restore import Finding, RestoreOptions, Severity
from app.engine.restore.source import NEXT_SCRIPT, RestoreSource
from app.engine.restore.stored_sizes import stored_sizes
from app.engine.restore_list import qualified_name
from app.postgres.archive import ArchiveFormat
from app.postgres.archive_data import has_rows, open_stream
from app.postgres.archive_entry import Entry, python_codec
from app.postgres.danger_words import DEFINES
from app.postgres.quoting import quote_identifier
from app.postgres.script import Statement, parse_copy_statement, read_script
from app.postgres.script_calls import Calls
from app.postgres.script_dangers import MOST_NOTES, Danger
from app.postgres.script_dangers import Severity as Kind
from app.postgres.script_outline import outline_script
from app.postgres.shown_text import shortened
from app.postgres.statement_subject import OTHER, TRANSACTION, Subject, subject_of

_MOST_LINES = 10
_MAY_MATTER = re.compile(
    r"PROGRAM|pg_(?:read|ls|stat_file|file|execute|logdir|reload|rotate|terminate)|lo_(?:im|ex)port|dblink"
    r"|\bSYSTEM\b|\bLOAD\b|\b(?:FROM|TO)\s+E?'|\bCOPY\b|SUPERUSER|SESSION\s+AUTHORIZATION|\bROLE\b|U&"
    r"|LANGUAGE\s+(?!(?:sql|plpgsql)\b)|filename|\bSERVER\b|SUBSCRIPTION|TABLESPACE|EXTENSION|PASSWORD"
    r"|\bDROP\s|\b(?:UPDATE|DELETE|INSERT|MERGE|TRUNCATE|DO|CALL|set_config)\b|\b(?:BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE)\b",
    re.IGNORECASE,
)
_CHANGES_ROWS = frozenset({"UPDATE", "DELETE", "MERGE", "TRUNCATE", "DO", "CALL", "WITH", "EXECUTE"})
_UNDOES = re.compile(r"rollback|abort", re.IGNORECASE)
_ALLOW = "Restore it only when you trust where it comes from; --allow-server-access lets it pass."


def find_in_source(
    source: RestoreSource,
    options: RestoreOptions,
    *,
    is_new: bool,
    run: Mapping[int, Entry] | None = None,
    role: str = "",
) -> tuple[Finding, ...]:
    """Dangers, and what keeps a source from being restored as a whole.

    Args:
        is_new: whether it is to go into a new database, rather than into one that exists.
        run: the entries that are restored, by dump id; None for all. What is not run is no danger.
        role: who restores, which is no danger to act as.
    """
    if source.archive is not None:
        return tuple(_of_archive(source, options, run))
    return tuple(_of_scripts(source, options, is_new=is_new, run=run, role=role))


def _of_scripts(
    source: RestoreSource,
    options: RestoreOptions,
    *,
    is_new: bool,
    run: Container[int] | None,
    role: str,
) -> Iterator[Finding]:
    in_transaction = not is_new and (options.jobs or 1) == 1
    for number, (dump, outline) in enumerate(zip(source.dumps, source.outlines, strict=True)):
        first_id = number * NEXT_SCRIPT
        if not outline.is_complete:
            yield Finding(
                Severity.BLOCKS,
                f"{dump.name} is cut short",
                "pg_dump's last line is missing.",
                "Get another copy of it.",
            )
        stays = f"SET SESSION AUTHORIZATION {_written(role)};"
        dangers = [one for one in outline.dangers if one.statement.rstrip() != stays]
        yield from _of_dangers(_that_run(dangers, run, first_id), options, dump.name)
        alone = [
            note
            for note in outline.not_in_transaction
            if run is None or not note.dump_id or note.dump_id + first_id in run
        ]
        undoing = [note for note in alone if _UNDOES.match(note.statement)]
        if undoing and not is_new:
            yield Finding(
                Severity.BLOCKS,
                f"{dump.name} undoes some of what it does",
                f"Line {undoing[0].line}: {undoing[0].statement}",
                "Restore it into a new database.",
            )
        elif in_transaction and alone:
            first = alone[0]
            yield Finding(
                Severity.BLOCKS,
                f"{dump.name} cannot be restored in one transaction",
                f"Line {first.line}: {first.statement}",
                "Restore it into a new database, or with --jobs 2, which goes on after errors.",
            )


def _written(role: str) -> str:
    """A role as pg_dump writes it."""
    return role if re.fullmatch(r"[a-z_][a-z0-9_$]*", role) else quote_identifier(role)


def _that_run(dangers: Sequence[Danger], run: Container[int] | None, first_id: int = 0) -> list[Danger]:
    """Those of statements that are run; all of a kind that is so frequent that not all were noted."""
    counts = Counter(danger.severity for danger in dangers)
    return [
        danger
        for danger in dangers
        if run is None
        or not danger.dump_id
        or danger.is_always_refused
        or danger.dump_id + first_id in run
        or counts[danger.severity] >= MOST_NOTES
    ]


def _of_archive(
    source: RestoreSource, options: RestoreOptions, run: Mapping[int, Entry] | None
) -> Iterator[Finding]:
    """pg_restore runs whatever an archive holds as one definition, and rows that are INSERTs as they are."""
    codec = python_codec(source.encoding)
    forged: list[str] = []
    dangers: list[Danger] = []
    for entry in source.entries:
        if run is not None and entry.kind == "ACL":
            entry = run.get(entry.dump_id, entry)  # perhaps edited
        found = list(_definition_dangers(entry, codec))
        dangers += (replace(danger, dump_id=entry.dump_id) for danger in found if danger is not None)
        if None in found or (has_rows(entry) and entry.copy_statement and not _is_copy(entry)):
            forged.append(qualified_name(entry))
    dangers += _calls(source, dangers, codec)
    if linked := _linked_file(source):
        yield Finding(
            Severity.BLOCKS,
            "The archive holds a link to another file",
            linked,
            "pg_dump makes no links: it was changed, do not use it.",
        )
        return
    if source.archive is not None and (
        damage := stored_sizes(source.archive, is_packed=source.is_packed).damage
    ):
        yield Finding(
            Severity.BLOCKS,
            "The archive is not whole",
            damage,
            "Get another copy of it, with all of its files.",
        )
        return
    forged += _rows_that_are_more(source)
    if forged:
        yield Finding(
            Severity.BLOCKS,
            "The archive has statements that pg_dump does not write",
            f"In {', '.join(forged[:_MOST_LINES])}",
            "It was changed: do not use it.",
        )
    yield from _of_dangers(_that_run(dangers, run), options, source.dumps[0].name)


def _calls(source: RestoreSource, dangers: Sequence[Danger], codec: str) -> list[Danger]:
    """Where an archive runs the dangerous functions that it defines: in checks, indexes, defaults."""
    calls = Calls()
    found: list[Danger] = []
    guilty = {danger.dump_id: danger for danger in dangers if danger.when_run}
    for entry in source.entries if guilty else ():
        one = guilty.get(entry.dump_id)
        if one is not None and one.when_run:
            calls.known[entry.tag.partition("(")[0]] = one.when_run, one.what.removeprefix(DEFINES)
        elif has_rows(entry):
            ran = calls.of_statement(b"", Subject("TABLE DATA"), codec, standard_strings=True)
            found += (Danger(1, what, qualified_name(entry), kind, entry.dump_id) for kind, what in ran)
        elif any(name in entry.definition for name in calls.known):
            text = entry.definition.encode(codec, "surrogateescape")
            ran = calls.of_statement(text, subject_of(text, codec), codec, standard_strings=True)
            found += (Danger(1, what, shortened(text), kind, entry.dump_id) for kind, what in ran)
    return found


def _definition_dangers(entry: Entry, codec: str) -> Iterator[Danger | None]:
    """What is dangerous in a definition; None for what ends a transaction or drops something else."""
    for text in filter(_MAY_MATTER.search, (entry.definition, entry.drop)):
        script = f"{text}\n".encode(codec, "surrogateescape")
        for item in read_script([script]):
            if isinstance(item, Statement):
                subject = subject_of(item.text)
                kind = subject.kind
                if kind == TRANSACTION or (text is entry.definition and _makes_nothing(subject)):
                    yield None
        found = outline_script([script]).dangers
        yield from (danger for danger in found if danger.severity is not Kind.META_COMMAND)


def _makes_nothing(subject: Subject) -> bool:
    """Whether pg_dump writes such a statement into no definition: DROP, INSERT, UPDATE, DO …"""
    is_other = subject.kind == OTHER and subject.tag.partition(" ")[0] in _CHANGES_ROWS
    return is_other or subject.kind == "TABLE DATA" or subject.kind.startswith("DROP ")


def _linked_file(source: RestoreSource) -> str:
    archive = source.archive
    if archive is None or archive.format is not ArchiveFormat.DIRECTORY:
        return ""
    return next((str(path) for path in archive.path.iterdir() if path.is_symlink()), "")


def _rows_that_are_more(source: RestoreSource) -> Iterator[str]:
    """Entries whose rows, written as INSERTs, do something else as well."""
    archive = source.archive
    for entry in source.entries:
        if archive is None or entry.kind != "TABLE DATA" or not entry.has_data or entry.copy_statement:
            continue
        if source.is_packed:
            yield f"{qualified_name(entry)}: INSERTs in a packed archive cannot be looked at; unpack it"
            continue
        outline = outline_script(open_stream(archive, entry))
        filled = {(one.kind, one.schema, one.tag) for one in outline.entries}
        if outline.dangers or filled - {("TABLE DATA", entry.schema, entry.tag)}:
            yield qualified_name(entry)


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
        elif danger.severity is not Kind.DESTROYS:  # the plan tells what the target has of it
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
