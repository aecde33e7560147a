"""Keeps restored objects as closed as they are in the source, whatever the target's default privileges open.

A dump says of an object's rights only what differs from PostgreSQL's own defaults, which give other roles
nothing on a table (src/bin/pg_dump/dumputils.c, `buildACLCommands`). In a target with default privileges of
its own, as Supabase has them for `anon`, such an object would be open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.domain.restore import Finding, Severity
from app.engine.restore.entry_graph import ROUTINES, EntryGraph
from app.engine.restore.rights import default_rights, granted, is_closed, lacking, revoke
from app.engine.restore.wording import counted, listed, readable, some
from app.postgres.archive_entry import Entry
from app.postgres.script import Statement
from app.postgres.script_archive import ScriptItem
from app.postgres.statement_subject import subject_of
from app.postgres.target_facts import TargetFacts


@dataclass(frozen=True, slots=True)
class Closures:
    """What closes objects again.

    Attributes:
        revokes: a statement for each object that would be too open, by dump id; to be run at once when it
            is made, before the source's own grants.
        findings: who would have got what, or gets it.
    """

    revokes: Mapping[int, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def close_again(
    entries: Sequence[Entry], graph: EntryGraph, target: TargetFacts, *, privileges: bool, may_revoke: bool
) -> Closures:
    """Find what the target's default privileges would open beyond the source.

    Args:
        entries: those that are restored, ACLs included.
        privileges: whether the source's rights were asked for; otherwise the target's defaults hold.
        may_revoke: whether statements can be put between those of the source.
    """
    if not target.default_rights:
        return Closures()
    acls: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.kind == "ACL" and (whole := graph.part_of.get(entry.dump_id)):
            acls[whole].append(entry)
    opened: dict[int, Mapping[str, tuple[str, ...]]] = {}
    by_id = {entry.dump_id: entry for entry in entries}
    for number, entry in by_id.items():
        defaults = dict(default_rights(entry, target))
        defaults.pop(entry.owner, None)  # an owner has all rights, and must not lose them
        if entry.kind in ROUTINES and not is_closed(acls[number]):
            continue
        if extra := lacking(defaults, granted(acls[number])):
            opened[number] = extra
    if not opened:
        return Closures()
    shown = [readable(by_id[number].schema, by_id[number].tag) for number in opened]
    detail = f"{some(shown)}: {'; '.join(_rights_by_role(opened.values()))}"
    roles = sorted({role for extra in opened.values() for role in extra})
    objects = counted(len(opened), "object")
    if privileges and may_revoke:
        title = f"{objects} would be open to {listed('role', roles)} by the target's default privileges"
        hint = "They are closed again, as they are in the source; GRANT what these roles shall have."
        statements = {number: revoke(by_id[number], extra) for number, extra in opened.items()}
        return Closures(statements, (Finding(Severity.WARNS, title, detail, hint),))
    title = f"{objects} will be open to {listed('role', roles)} by the target's default privileges"
    hint = "REVOKE what they shall not have, or restore without --no-privileges."
    if privileges:
        hint = "Restore without --jobs, and they stay closed; or REVOKE afterwards what they shall not have."
    return Closures({}, (Finding(Severity.WARNS, title, detail, hint),))


def closed_again(entries: Iterable[Entry], revokes: Mapping[int, str]) -> tuple[Entry, ...]:
    """The entries of an archive with these statements behind their definitions."""
    return tuple(
        replace(entry, definition=f"{entry.definition}\n{revokes[entry.dump_id]}\n")
        if entry.dump_id in revokes
        else entry
        for entry in entries
    )


def with_revokes(items: Iterable[ScriptItem], revokes: Mapping[int, str], codec: str) -> Iterator[ScriptItem]:
    """A script's items with these statements at once behind those that create the objects.

    Args:
        codec: Python's, of the script.
    """
    pending = dict(revokes)
    for found in items:
        yield found
        item, revoked = found.item, pending.get(found.dump_id)
        if revoked and isinstance(item, Statement) and subject_of(item.text).creates:
            del pending[found.dump_id]
            yield ScriptItem(
                found.dump_id, Statement(revoked.encode(codec, "surrogateescape"), None, item.line)
            )


def _rights_by_role(opened: Iterable[Mapping[str, tuple[str, ...]]]) -> Iterator[str]:
    rights: dict[str, set[str]] = defaultdict(set)
    for extra in opened:
        for role, names in extra.items():
            rights[role].update(names)
    for role in sorted(rights):
        yield f"{role} {', '.join(sorted(rights[role]))}"
