"""Says what the user should know of a restore into a Supabase project before it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.domain.backup import Contents
from app.domain.restore import Finding, RestoreOptions, Severity
from app.engine.restore.entry_graph import ROUTINES
from app.engine.restore.project_subjects import Subjects
from app.engine.restore.rows_alone import columns_of
from app.engine.restore.selection import Selection
from app.engine.restore.source_facts import SourceFacts
from app.engine.restore.wording import counted, listed, readable, some
from app.engine.restore_list import qualified_name
from app.postgres.archive_entry import Entry
from app.postgres.quoting import Name, quote_identifier

_CRON = "Schedule jobs again: SELECT cron.schedule('name', '0 3 * * *', 'SELECT …');"


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of holding a dump's entries against the rules.

    Attributes:
        there: why entries are skipped, by dump id.
        lost_rows: entries among them whose rows were the user's.
        restored: entries that are put onto objects of the platform.
        tables: of the platform, which get rows.
        options: what the user chose.
    """

    selection: Selection
    source: SourceFacts
    subjects: Subjects
    options: RestoreOptions
    there: dict[int, str]
    lost_rows: Sequence[Entry]
    restored: Sequence[Entry]
    tables: Sequence[Name]

    def findings(self) -> Iterator[Finding]:
        """All of them."""
        yield from self._of_platform()
        yield from self._of_rows()
        yield from self._of_triggers()
        yield from self._of_columns()

    def _of_platform(self) -> Iterator[Finding]:
        lost = [entry for entry in self.lost_rows if self.source.rows.get(entry.dump_id) != 0]
        for reason in dict.fromkeys(self.there[entry.dump_id] for entry in lost):
            entries = [entry for entry in lost if self.there[entry.dump_id] == reason]
            yield Finding(
                Severity.WARNS,
                f"Rows are left out: {reason}",
                some(map(qualified_name, entries)),
                _CRON if any(entry.schema == "cron" for entry in entries) else "",
            )
        told = {entry.dump_id for entry in lost}
        reasons = Counter(reason for number, reason in self.there.items() if number not in told)
        if reasons:
            yield Finding(
                Severity.INFORMS,
                f"The target is a Supabase project: {counted(reasons.total(), 'object')} of its platform stay"
                " as it has them",
                "\n".join(f"{number:,}: {reason}" for reason, number in reasons.most_common()),
            )
        secrets = sum(
            self.source.rows.get(entry.dump_id, 0)
            for entry in self.selection.entries
            if entry.kind == "TABLE DATA" and entry.schema == "vault" and entry.dump_id in self.there
        )
        if secrets:
            yield Finding(
                Severity.WARNS,
                f"{counted(secrets, 'secret')} of the Vault cannot be restored",
                "They are encrypted with a key of the source’s project",
                "Make them again: SELECT vault.create_secret('…', 'name');",
            )
        if (self.options.jobs or 1) > 1:
            yield Finding(
                Severity.INFORMS,
                "A Supabase project is restored in one transaction, by one session",
                "What is done about roles, rights and triggers is undone with the rest if anything fails",
            )

    def _of_rows(self) -> Iterator[Finding]:
        target = self.subjects.target
        if self.tables and not target.may_replicate:
            yield Finding(
                Severity.BLOCKS,
                f"{target.role} may not keep the platform’s triggers still",
                f"Rows of {some(readable(*name) for name in self.tables)} would fire them",
                f"GRANT SET ON PARAMETER session_replication_role TO {quote_identifier(target.role)};",
            )
        hidden = [readable(*name) for name in self.tables if name in target.hides_rows]
        if hidden:
            yield Finding(
                Severity.BLOCKS,
                f"Row security lets {target.role} copy nothing into {listed('table', hidden)}",
                hint="Restore as a role with BYPASSRLS, which postgres has.",
            )
        filled = [readable(*name) for name in self.tables if name in target.rows_in]
        if filled and self.options.clean:
            yield Finding(
                Severity.WARNS,
                f"The rows of {counted(len(filled), 'table')} of the platform are deleted first",
                some(filled),
            )
        elif filled:
            yield Finding(
                Severity.WARNS,
                f"Rows are added to those that {counted(len(filled), 'table')} of the platform have",
                some(filled),
                "Rows that are there already violate keys; --clean deletes them first.",
            )

    def _of_triggers(self) -> Iterator[Finding]:
        target, graph = self.subjects.target, self.subjects.graph
        loud = [
            f"{one.name} on {readable(*one.table)}"
            for one in target.triggers
            if one.table in self.tables and one.enabled in "AR" and one.on_insert
        ]
        if loud:
            title = "Triggers fire even so, as they are enabled always or for replicas"
            yield Finding(Severity.WARNS, title, some(loud))
        shown = [
            f"{qualified_name(entry)} runs {qualified_name(graph.entries[number])}"
            for entry in self.restored
            if entry.kind == "TRIGGER"
            for number in graph.needs[entry.dump_id]
            if number in self.selection.because and graph.entries[number].kind in ROUTINES
        ]
        if shown:
            yield Finding(
                Severity.WARNS,
                "Triggers come along whose functions may need what is not restored",
                some(shown),
                "Select that, too, or restore the rows alone.",
            )

    def _of_columns(self) -> Iterator[Finding]:
        if self.options.contents is Contents.DATA:
            return  # of which all columns are looked at
        lacking = []
        for entry in self.restored:
            one = self.subjects.occupants.get(("relation", entry.schema, entry.tag))
            if one is not None and entry.kind == "TABLE DATA":
                lacking += [
                    f"{readable(entry.schema, entry.tag)}.{name}"
                    for name in columns_of(entry)
                    if name not in one.columns
                ]
        if lacking:
            yield Finding(
                Severity.BLOCKS,
                f"The project has no {listed('column', lacking)}",
                "Its platform is older than the source’s",
                "Update the project in Supabase’s dashboard, or take a newer one.",
            )
