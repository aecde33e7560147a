"""Names the tables of a target that a source changes though they are not its own."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace

from app.domain.restore import Finding, Severity
from app.engine.restore.entry_graph import NAME, RELATIONS, unquoted
from app.engine.restore.source import NEXT_SCRIPT, RestoreSource
from app.engine.restore.wording import NAMES_SHOWN
from app.postgres.archive_entry import python_codec
from app.postgres.dump_files import DumpFile
from app.postgres.quoting import quote_qualified
from app.postgres.script_outline import outline_script
from app.postgres.script_touches import ALL_TABLES, Touch
from app.postgres.target_facts import TargetFacts

_ABOUT_TABLES = frozenset({"ACL", "POLICY", "TRIGGER", "RULE"})
_ON = re.compile(rf"\bON (?:[A-Z]+ )*({NAME})(?:\.({NAME}))?")


def find_other_tables(source: RestoreSource, run: Container[int], target: TargetFacts) -> Iterator[Finding]:
    """What the entries with the dump ids `run` do to tables of the target that the source does not create."""
    own = {(entry.schema, entry.tag) for entry in source.entries if entry.kind in RELATIONS}
    others = {(one.schema, one.name) for one in target.objects if one.kind in RELATIONS} - own
    for dump, touches in _touches(source):
        lines: dict[str, int] = {}
        for touch in touches:
            if touch.dump_id in run:
                for table in _meant(touch, own, others):
                    lines.setdefault(f"{touch.what} {quote_qualified(*table)}", touch.line)
        if lines:
            yield _finding(dump.name, lines)


def _touches(source: RestoreSource) -> Iterator[tuple[DumpFile, Iterator[Touch]]]:
    for number, (dump, outline) in enumerate(zip(source.dumps, source.outlines, strict=False)):
        first = number * NEXT_SCRIPT
        yield dump, (replace(touch, dump_id=touch.dump_id + first) for touch in outline.touches)
    if source.archive is not None:
        yield source.dumps[0], _of_definitions(source)


def _of_definitions(source: RestoreSource) -> Iterator[Touch]:
    """What an archive's privileges, policies and triggers are about, if it is not what their entries say."""
    codec = python_codec(source.encoding)
    for entry in source.entries:
        if entry.kind in _ABOUT_TABLES:
            for name, other in _ON.findall(entry.definition):
                if not _is_of(entry.tag, other or name) or (other and unquoted(name) != entry.schema):
                    script = f"{entry.definition}\n".encode(codec, "surrogateescape")
                    yield from (
                        replace(touch, dump_id=entry.dump_id, line=0)
                        for touch in outline_script([script]).touches
                    )
                    break


def _is_of(tag: str, name: str) -> bool:
    """Whether a tag like `TABLE orders` or `orders only_own` is of a table whose name is written so."""
    return any(tag.startswith(f"{one} ") or tag.endswith(f" {one}") for one in (name, unquoted(name)))


def _finding(name: str, lines: Mapping[str, int]) -> Finding:
    shown = [f"line {line}: {text}" if line else text for text, line in lines.items()]
    more = [f"and {len(shown) - NAMES_SHOWN:,} more"] if len(shown) > NAMES_SHOWN else []
    return Finding(
        Severity.WARNS,
        f"{name} changes tables of the target that are not its own",
        "\n".join([*shown[:NAMES_SHOWN], *more]),
        "If you did not expect that, restore it into a new database.",
    )


def _meant(
    touch: Touch, own: set[tuple[str, str]], others: set[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """The target's tables that are meant; a name without a schema may mean any, if the source has none."""
    if touch.name == ALL_TABLES:
        yield from sorted(table for table in others if table[0] == touch.schema)
    elif touch.schema:
        yield from {(touch.schema, touch.name)} & others
    elif all(name != touch.name for _, name in own):
        yield from sorted(table for table in others if table[1] == touch.name)
