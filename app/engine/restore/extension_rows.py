"""Tells the rows of extensions: what a dump holds of tables that only an extension makes, like `cron.job`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from app.engine.restore.entry_graph import NAME, EntryGraph, unquoted
from app.postgres.archive_entry import Entry
from app.postgres.target_facts import TargetFacts

_KINDS = ("TABLE DATA", "SEQUENCE SET")
_IN_SCHEMA = re.compile(rf"\bWITH SCHEMA ({NAME})")


def rows_of_missing_extensions(
    entries: Iterable[Entry], graph: EntryGraph, target: TargetFacts, lost: Mapping[int, str]
) -> dict[int, str]:
    """Why selected rows are left out because the target will not have their extension, by dump id.

    pg_dump has the rows that an extension asks it to dump, but nothing else of their tables
    (https://www.postgresql.org/docs/current/extend-extensions.html#EXTEND-EXTENSIONS-CONFIG-TABLES).

    Args:
        entries: the selected ones.
        lost: why others are left out, extensions among them.
    """
    selected = {entry.dump_id: entry for entry in entries}
    missing = {
        number: f"the extension {entry.tag} ({lost.get(number, 'the target does not have it')})"
        for number, entry in graph.entries.items()
        if entry.kind == "EXTENSION"
        and (number in lost or (number not in selected and entry.tag.strip('"') not in target.extensions))
    }
    there = {(one.schema, one.name) for one in target.objects if one.kind in ("TABLE", "SEQUENCE")}
    found = {}
    for number, entry in selected.items():
        is_made = number in graph.part_of or (entry.schema, entry.tag) in there
        if entry.kind in _KINDS and not is_made and (owners := _owners(entry, graph, target, missing)):
            found[number] = f"it belongs to {' or '.join(missing[owner] for owner in owners)}"
    return found


def _owners(
    entry: Entry, graph: EntryGraph, target: TargetFacts, missing: Mapping[int, str]
) -> tuple[int, ...]:
    """The extensions that can have made the table; no dump says which, so that the schema has to tell."""
    here = []
    for number in missing:
        extension = graph.entries[number]
        place = _IN_SCHEMA.search(extension.definition)
        if entry.schema in (extension.tag.strip('"'), unquoted(place[1]) if place else ""):
            here.append(number)
    schemas = {one.tag for one in graph.entries.values() if one.kind == "SCHEMA"}
    schemas |= {one.name for one in target.objects if one.kind == "SCHEMA"}
    return tuple(here or (() if entry.schema in schemas else missing))
