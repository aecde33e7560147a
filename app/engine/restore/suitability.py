"""Holds source and target against each other: versions, encodings, locales, rights, locks, sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.domain.backup import Contents
from app.domain.restore import Finding, RestoreMode, RestoreOptions, Severity
from app.engine.restore.entry_graph import LARGE_OBJECTS
from app.engine.restore.in_the_way import numbers_of
from app.engine.restore.new_database import options_of
from app.engine.restore.source_facts import SourceFacts
from app.engine.restore.wording import counted
from app.postgres.archive_entry import Entry
from app.postgres.target_facts import TargetFacts, normal_locale

_LOCKS = {"TABLE": 3, "MATERIALIZED VIEW": 3, "INDEX": 1, "CONSTRAINT": 1, "SEQUENCE": 1, "VIEW": 1}
"""A table is locked with its TOAST table and that one's index."""
_BUILTIN_SINCE = {"C": 17, "C.UTF-8": 17, "PG_UNICODE_FAST": 18}
_EVERYWHERE = frozenset({"", "c", "posix"})


def suitability(
    source: SourceFacts,
    target: TargetFacts,
    options: RestoreOptions,
    mode: RestoreMode,
    entries: Sequence[Entry],
) -> Iterator[Finding]:
    """What speaks against this source in this target, or should be known of it."""
    if mode is RestoreMode.NEW_DATABASE:
        yield from _new_database(source, target)
    else:
        yield from _existing_database(source, target, options)
        if mode is RestoreMode.ONE_TRANSACTION:
            yield from _locks(target, entries)
    if target.in_recovery:
        yield Finding(Severity.BLOCKS, "The server is a standby, which cannot be written to")
    if source.server and source.server.major > target.version.major:
        yield Finding(
            Severity.WARNS,
            f"The source is from PostgreSQL {source.server.major}, the target is {target.version.major}",
            "What the older server does not know will fail",
        )
    if target.is_superuser and options.contents is not Contents.DATA:
        yield _as_superuser(source, target)
    if options.only and any(entry.kind in LARGE_OBJECTS for entry in source.entries):
        yield Finding(
            Severity.INFORMS, "Large objects do not come along with a selection", "They belong to no table"
        )


def _as_superuser(source: SourceFacts, target: TargetFacts) -> Finding:
    title = f"{target.role} is a superuser"
    detail = "What the source holds may do anything to the server while it is restored"
    if source.is_backup:
        return Finding(Severity.INFORMS, title, detail, "Restore what you do not trust as another role.")
    right = "with CREATEDB" if target.is_new else f"that owns {target.database}"
    return Finding(
        Severity.WARNS,
        f"{title}, and the source is not a Holdfast backup",
        detail,
        f"Unless you trust whoever made it, restore as a role {right} and is not a superuser, "
        "or into a sandbox first.",
    )


def _new_database(source: SourceFacts, target: TargetFacts) -> Iterator[Finding]:
    if target.exists:
        yield Finding(
            Severity.BLOCKS,
            f"There is a database {target.database} already",
            hint="Choose another name, or restore into it with --into.",
        )
    if not target.may_create_databases:
        yield Finding(
            Severity.BLOCKS,
            f"{target.role} may not create databases",
            hint="Ask for CREATEDB, or restore into an empty database with --into.",
        )
    definition = next((entry.definition for entry in source.entries if entry.kind == "DATABASE"), "")
    options = options_of(definition, source.encoding)
    locale = dict(options.locale or {})
    provider = locale.get("LOCALE_PROVIDER", "libc").lower()
    name = locale.get("LC_COLLATE") or locale.get("LOCALE") or ""
    if options.is_builtin:
        name = locale.get("BUILTIN_LOCALE") or locale.get("LOCALE") or ""
        since = _BUILTIN_SINCE.get(name.upper(), min(_BUILTIN_SINCE.values()))
        if target.version.major < since:
            yield Finding(
                Severity.WARNS,
                f"PostgreSQL {target.version.major} does not have the source’s locale {name}",
                "The new database sorts text in the same order, with the locale C; upper and lower case of"
                " letters beyond A to Z may differ",
            )
        return
    lacks = {
        "icu": not target.has_icu,
        "libc": name.lower() not in _EVERYWHERE and normal_locale(name) not in target.locales,
    }
    if lacks.get(provider, True):
        yield Finding(
            Severity.WARNS,
            f"The target may lack the source’s locale {name or provider}",
            "Without it the new database gets the server’s own, and text may sort in another order",
        )


def _existing_database(
    source: SourceFacts, target: TargetFacts, options: RestoreOptions
) -> Iterator[Finding]:
    if target.is_read_only:
        yield Finding(
            Severity.BLOCKS,
            f"The database {target.database} is read-only",
            hint="Its default_transaction_read_only is on; a provider sets that when the disk is full.",
        )
    if target.encoding not in (source.encoding, "UTF8"):  # which has every character
        yield Finding(
            Severity.WARNS,
            f"The source’s text is {source.encoding}, the target’s is {target.encoding}",
            "A character that the target’s encoding does not have makes the restore fail",
        )
    if target.other_sessions:
        waits = "They wait for the restore where it holds locks, or it waits for them"
        severity, hint = Severity.INFORMS, ""
        if options.clean:
            severity = Severity.WARNS
            hint = "What they write after the safety backup was taken is lost: stop them first."
        title = f"{counted(target.other_sessions, 'other session')} in the target"
        yield Finding(severity, title, waits, hint)


def _locks(target: TargetFacts, entries: Sequence[Entry]) -> Iterator[Finding]:
    """One transaction holds a lock on everything that it creates, large objects included."""
    needed = sum(_LOCKS.get(entry.kind, 0) for entry in entries)
    needed += sum(1 for entry in entries for _ in numbers_of(entry))
    if needed > target.lock_slots:
        yield Finding(
            Severity.WARNS,
            f"One transaction needs about {needed:,} locks; the server has room for {target.lock_slots:,}",
            hint="Restore into a new database, use --jobs 2, or raise max_locks_per_transaction.",
        )
