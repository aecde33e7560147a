"""Compares everything but table rows: sequences, large objects, definitions."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from app.domain.backup import LargeObjects
from app.domain.proof import ObjectOutcome, Outcome
from app.engine.restore_list import is_preamble, qualified_name
from app.postgres.archive_digest import LargeObject, summary
from app.postgres.archive_entry import Entry
from app.postgres.connection import Session
from app.postgres.quoting import encode_sql
from app.system.cancellation import CancelToken

_BATCH = 200
_LARGE = 64 << 20
_SETVAL = re.compile(r"SELECT pg_catalog\.setval\('((?:[^']|'')+)', (-?\d+), (true|false)\)")
_IDENTIFIER = re.compile(r'"(?:[^"]|"")+"|\w+')
_POLICY_ROLES = re.compile(rf" TO ((?:{_IDENTIFIER.pattern})(?:, (?:{_IDENTIFIER.pattern}))+)")
_DATA_KINDS = frozenset(
    (
        "TABLE DATA",
        "SEQUENCE SET",
        "BLOBS",
        "BLOB",
        "BLOB METADATA",
        "MATERIALIZED VIEW DATA",
        "STATISTICS DATA",
    )
)


def compare_sequences(session: Session, entries: Iterable[Entry]) -> dict[int, ObjectOutcome]:
    """The position of each sequence, by the dump id of its SEQUENCE SET entry."""
    wanted: dict[int, tuple[int, bool]] = {}
    names: dict[int, str] = {}
    outcomes: dict[int, ObjectOutcome] = {}
    for entry in entries:
        match = _SETVAL.search(entry.definition)
        reason = "" if match else "its entry does not say where it stands"
        outcomes[entry.dump_id] = ObjectOutcome(entry.kind, qualified_name(entry), Outcome.DIFFERS, reason)
        if match:
            names[entry.dump_id] = match[1].replace("''", "'")
            wanted[entry.dump_id] = (int(match[2]), match[3] == "true")
    found: dict[int, tuple[int, bool]] = {}
    ids = list(names)
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        query = " UNION ALL ".join(
            f"SELECT {dump_id}, last_value, is_called FROM {names[dump_id]}" for dump_id in batch
        )
        for dump_id, value, called in session.execute(encode_sql(query)).fetchall():
            found[dump_id] = (value, called)
    for dump_id, position in wanted.items():
        same = found.get(dump_id) == position
        reason = "" if same else f"stands at {found.get(dump_id)} and not at {position}"
        outcome = Outcome.IDENTICAL if same else Outcome.DIFFERS
        outcomes[dump_id] = replace(outcomes[dump_id], outcome=outcome, reason=reason)
    return outcomes


def find_large_objects(session: Session, cancel: CancelToken) -> dict[int, LargeObject]:
    """Each large object of the database by oid; huge ones are read piece by piece."""
    sizes = session.execute(
        """
        SELECT m.oid::int8, COALESCE(max(l.pageno)::int8 + 1, 0) * 2048
        FROM pg_catalog.pg_largeobject_metadata m LEFT JOIN pg_catalog.pg_largeobject l ON l.loid = m.oid
        GROUP BY 1
        """
    ).fetchall()
    found: list[LargeObject] = []
    small = [oid for oid, size in sizes if size <= _LARGE]
    for start in range(0, len(small), _BATCH):
        cancel.check()
        rows = session.execute(
            "SELECT o, pg_catalog.length(b), pg_catalog.encode(pg_catalog.sha256(b), 'hex')"
            " FROM pg_catalog.unnest(%s::int8[]) AS o, LATERAL (SELECT pg_catalog.lo_get(o::oid) AS b"
            " OFFSET 0) AS l",
            [small[start : start + _BATCH]],
        )
        found += [LargeObject(*row) for row in rows.fetchall()]
    for oid in (oid for oid, size in sizes if size > _LARGE):
        digest, offset = hashlib.sha256(), 0
        while True:
            cancel.check()
            ((piece,),) = session.execute(
                "SELECT pg_catalog.lo_get(%s::int8::oid, %s::int8, %s::int4)", [oid, offset, _LARGE]
            ).fetchall()
            if not piece:
                break
            digest.update(piece)
            offset += len(piece)
        found.append(LargeObject(oid, offset, digest.hexdigest()))
    return {item.oid: item for item in found}


def compare_large_objects(
    recorded: LargeObjects, found: Mapping[int, LargeObject], in_backup: Callable[[], Mapping[int, str]]
) -> list[ObjectOutcome]:
    """One outcome for each large object.

    Args:
        recorded: what the manifest says of all of them.
        found: what came back.
        in_backup: reads the hash of each from the backup, where it is needed to tell which differ.
    """
    if summary(found.values()) == recorded:
        return [ObjectOutcome("BLOB", str(oid), Outcome.IDENTICAL) for oid in sorted(found)]
    expected = in_backup()
    reasons: dict[int, str] = {}
    for oid in sorted(expected.keys() | found.keys()):
        reasons[oid] = ""
        if oid not in found:
            reasons[oid] = "it did not come back"
        elif oid not in expected:
            reasons[oid] = "it is not in the backup"
        elif found[oid].sha256 != expected[oid]:
            reasons[oid] = "its bytes are not the same"
    if not any(reasons.values()):
        return [
            ObjectOutcome("BLOB", "all", Outcome.DIFFERS, "they are not those that the manifest tells of")
        ]
    return [
        ObjectOutcome("BLOB", str(oid), Outcome.DIFFERS if reason else Outcome.IDENTICAL, reason)
        for oid, reason in reasons.items()
    ]


def compare_definitions(
    restored: Iterable[Entry], again: Iterable[Entry], *, same_version: bool
) -> dict[int, ObjectOutcome]:
    """Compare each entry with the one that a new schema dump of the sandbox has under the same name.

    Args:
        restored: the entries that were restored, as edited for the sandbox.
        again: the table of contents of the sandbox's own schema dump.
        same_version: False when another major wrote the new dump: differences are then notes.
    """
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for entry in again:
        found[entry.kind, entry.schema, entry.tag].append(_in_one_order(entry))
    outcomes: dict[int, ObjectOutcome] = {}
    for entry in restored:
        if entry.kind in _DATA_KINDS or is_preamble(entry):
            continue
        definitions = found.get((entry.kind, entry.schema, entry.tag), [])
        definition = _in_one_order(entry)
        if definition in definitions:
            definitions.remove(definition)
            outcome, reason = Outcome.IDENTICAL, ""
        elif not definitions:
            outcome, reason = Outcome.DIFFERS, "it did not come back"
        elif same_version:
            outcome, reason = Outcome.DIFFERS, "its definition came back changed"
        else:
            outcome, reason = Outcome.NOT_CHECKED, "another major version writes its definition differently"
        outcomes[entry.dump_id] = ObjectOutcome(entry.kind, qualified_name(entry), outcome, reason)
    return outcomes


def _in_one_order(entry: Entry) -> str:
    """The definition; a policy's roles are named in the order in which the server happens to find them."""
    definition = entry.definition.strip()
    if entry.kind != "POLICY":
        return definition
    return _POLICY_ROLES.sub(
        lambda match: f" TO {', '.join(sorted(_IDENTIFIER.findall(match[1])))}", definition, count=1
    )


_OBJECT_COMMENT = re.compile(r"LARGE OBJECT (\d+)")


def compare_large_object_comments(session: Session, entries: Iterable[Entry]) -> dict[int, ObjectOutcome]:
    """Comments on large objects, which a dump of definitions leaves out."""
    rows = session.execute(
        """
        SELECT 'LARGE OBJECT ' || objoid, description FROM pg_catalog.pg_description
        WHERE classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass
        """
    ).fetchall()
    found: dict[str, str] = dict(rows)
    outcomes: dict[int, ObjectOutcome] = {}
    for entry in entries:
        if entry.kind != "COMMENT" or not _OBJECT_COMMENT.fullmatch(entry.tag):
            continue
        text = found.get(entry.tag, "").replace("'", "''")
        same = entry.definition.strip() == f"COMMENT ON {entry.tag} IS '{text}';"
        outcome = Outcome.IDENTICAL if same else Outcome.DIFFERS
        reason = "" if same else "it did not come back as it was"
        outcomes[entry.dump_id] = ObjectOutcome(entry.kind, qualified_name(entry), outcome, reason)
    return outcomes


def generated_columns(session: Session) -> list[ObjectOutcome]:
    """Stored generated columns, which the sandbox computed anew."""
    rows = session.execute(
        """
        SELECT pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname)
        FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE a.attgenerated = 's' AND c.relkind IN ('r', 'p') AND NOT a.attisdropped
          AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        ORDER BY 1
        """
    ).fetchall()
    return [ObjectOutcome("GENERATED COLUMN", name, Outcome.RECOMPUTED) for (name,) in rows]


def configuration_conditions(session: Session) -> dict[tuple[str, str], str]:
    """The WHERE clauses of extensions' configuration tables, by schema and name."""
    rows = session.execute(
        """
        SELECT n.nspname, c.relname, k.condition
        FROM pg_catalog.pg_extension e,
             ROWS FROM (pg_catalog.unnest(e.extconfig), pg_catalog.unnest(e.extcondition))
                 AS k(relation, condition)
        JOIN pg_catalog.pg_class c ON c.oid = k.relation
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE k.condition <> ''
        """
    ).fetchall()
    return {(schema, name): condition for schema, name, condition in rows}
