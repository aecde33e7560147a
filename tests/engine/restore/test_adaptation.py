from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from app.domain.restore import RestoreOptions, Severity
from app.engine.restore.adaptation import Adaptation, adapt
from app.engine.restore.entry_graph import entry_graph
from app.engine.restore.selection import select
from app.engine.restore.source_facts import SourceFacts
from app.postgres.archive_entry import Entry
from app.postgres.target_facts import AvailableExtension, TargetFacts, TargetObject
from app.postgres.toolchain import Version

if TYPE_CHECKING:
    from tests.engine.restore.conftest import MakeEntry

PUBLIC = TargetObject("SCHEMA", "", "public")
TARGET = TargetFacts(
    database="shop",
    version=Version(17, 0),
    role="me",
    roles=frozenset({"me", "team", "other"}),
    given_to=frozenset({"me", "team"}),
    creators=frozenset({("team", "public")}),
    may_create_here=True,
    objects=(PUBLIC,),
    extensions={"plpgsql": "pg_catalog"},
    collations=frozenset({"C", "default"}),
    tablespaces=frozenset({"pg_default"}),
    access_methods=frozenset({"heap"}),
    languages=frozenset({"sql", "plpgsql"}),
)


def adapted(entries: tuple[Entry, ...], target: TargetFacts = TARGET, **options: Any) -> Adaptation:
    source = SourceFacts("test", entries, can_edit=options.pop("can_edit", True))
    return adapt(select(entries), entry_graph(entries), source, target, RestoreOptions(**options), present={})


def titles(result: Adaptation, severity: Severity = Severity.BLOCKS) -> str:
    return "; ".join(f"{one.title} {one.detail}" for one in result.findings if one.severity is severity)


def tags(result: Adaptation) -> list[str]:
    return [f"{one.kind} {one.tag}" for one in result.entries]


def test_what_fits_is_taken_as_it_is(entry: MakeEntry) -> None:
    entries = (
        entry(1, "TABLE", "public", "t", "CREATE TABLE public.t ();", owner="me"),
        entry(2, "TABLE DATA", "public", "t", "", 1, owner="me"),
    )
    result = adapted(entries)
    assert result.entries == entries
    assert not result.is_edited
    assert not result.findings
    assert not result.options


class TestOwners:
    @pytest.fixture
    def owned(self, entry: MakeEntry) -> tuple[Entry, ...]:
        return (
            entry(1, "TABLE", "public", "a", owner="gone"),
            entry(2, "TABLE", "public", "b", owner="team"),
        )

    def test_those_that_can_be_had_stay_and_the_others_become_the_restorers(
        self, owned: tuple[Entry, ...]
    ) -> None:
        result = adapted(owned)
        assert [one.owner for one in result.entries] == ["", "team"]
        assert result.is_edited
        assert not result.drops_owners
        assert "no role gone" in titles(result, Severity.WARNS)

    def test_where_nothing_can_be_edited_none_is_given(self, owned: tuple[Entry, ...]) -> None:
        result = adapted(owned, can_edit=False)
        assert result.options == ("--no-owner",)
        assert result.entries == owned
        assert not result.is_edited

    def test_no_archive_is_written_anew_for_owners_of_which_none_can_be_had(
        self, owned: tuple[Entry, ...]
    ) -> None:
        result = adapted(owned[:1])
        assert result.options == ("--no-owner",)
        assert not result.is_edited

    def test_a_role_that_may_not_create_there_is_given_nothing(self, owned: tuple[Entry, ...]) -> None:
        result = adapted(owned[1:], replace(TARGET, creators=frozenset()))
        assert result.drops_owners
        assert "may not give everything back to role team" in titles(result, Severity.WARNS)

    def test_without_owners_wanted_nothing_is_said(self, owned: tuple[Entry, ...]) -> None:
        result = adapted(owned, owner=False)
        assert result.options == ("--no-owner",)
        assert not result.findings


class TestExtensions:
    @pytest.fixture
    def entries(self, entry: MakeEntry) -> tuple[Entry, ...]:
        return (
            entry(1, "EXTENSION", "", "citext", "CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;"),
            entry(2, "COMMENT", "", "EXTENSION citext", "", 1),
            entry(3, "TABLE", "public", "t", "CREATE TABLE public.t (a public.citext);", 1),
            entry(4, "TABLE DATA", "public", "t", "", 3),
        )

    def test_one_that_is_there_is_left_alone_with_its_comment(self, entries: tuple[Entry, ...]) -> None:
        result = adapted(entries, replace(TARGET, extensions={"citext": "public"}))
        assert tags(result) == ["TABLE t", "TABLE DATA t"]
        assert result.there == {1, 2}
        assert not result.findings

    def test_one_in_another_schema_blocks_what_needs_it(self, entries: tuple[Entry, ...]) -> None:
        result = adapted(entries, replace(TARGET, extensions={"citext": "extensions"}))
        assert "citext is in the schema extensions" in titles(result)

    def test_one_that_can_be_installed_is(self, entries: tuple[Entry, ...]) -> None:
        result = adapted(entries, replace(TARGET, available={"citext": AvailableExtension("citext")}))
        assert result.entries == entries

    def test_one_that_the_server_lacks_blocks_with_its_name_and_what_needs_it(
        self, entries: tuple[Entry, ...]
    ) -> None:
        result = adapted(entries)
        assert "citext cannot be had" in titles(result)
        assert "Needed by public.t" in titles(result)

    def test_one_that_only_a_superuser_can_install_blocks_but_not_where_providers_have_their_own_way(
        self, entries: tuple[Entry, ...]
    ) -> None:
        target = replace(TARGET, available={"citext": AvailableExtension("citext", needs_superuser=True)})
        assert "only a superuser" in titles(adapted(entries, target))
        assert not adapted(entries, replace(target, is_hosted=True)).findings
        assert not adapted(entries, replace(target, is_superuser=True)).skipped

    def test_one_that_nothing_needs_is_left_out_with_a_warning(self, entries: tuple[Entry, ...]) -> None:
        result = adapted(entries[:2])
        assert not result.entries
        assert not titles(result)
        assert "Nothing else" in titles(result, Severity.WARNS)


def test_what_needs_a_superuser_is_left_out_with_what_depends_on_it(entry: MakeEntry) -> None:
    entries = (
        entry(1, "FOREIGN DATA WRAPPER", "", "files"),
        entry(2, "SERVER", "", "here", "CREATE SERVER here FOREIGN DATA WRAPPER files;", 1),
        entry(3, "FOREIGN TABLE", "public", "far", "", 2),
        entry(4, "EVENT TRIGGER", "", "watch"),
        entry(5, "FUNCTION", "public", "f()", "CREATE FUNCTION public.f() LANGUAGE c AS 'x', 'y';"),
        entry(
            6, "FUNCTION", "public", "g()", "CREATE FUNCTION public.g() LANGUAGE plpgsql AS $$ LANGUAGE c $$;"
        ),
        entry(7, "PUBLICATION", "", "everything", "CREATE PUBLICATION everything FOR ALL TABLES;"),
        entry(8, "PUBLICATION", "", "some", "CREATE PUBLICATION some;"),
    )
    result = adapted(entries)
    assert tags(result) == ["FUNCTION g()", "PUBLICATION some"]
    assert result.skipped[3] == "it needs SERVER here, which is left out"
    assert not titles(result)
    assert tags(adapted(entries, replace(TARGET, is_superuser=True))) == [
        f"{e.kind} {e.tag}" for e in entries
    ]


def test_a_table_that_is_lost_blocks(entry: MakeEntry) -> None:
    entries = (
        entry(
            1,
            "TYPE",
            "public",
            "raw",
            "CREATE TYPE public.raw (\n    INTERNALLENGTH = 8,\n    INPUT = public.i\n);",
        ),
        entry(2, "TABLE", "public", "t", "", 1),
    )
    assert "public.t: it needs TYPE public.raw" in titles(adapted(entries))


def test_what_is_there_or_belongs_to_the_server_is_passed_over_in_silence(entry: MakeEntry) -> None:
    entries = (
        entry(1, "DATABASE", "", "shop"),
        entry(2, "DATABASE PROPERTIES", "", "shop", "", 1),
        entry(3, "SCHEMA", "", "public", "CREATE SCHEMA public;"),
        entry(4, "ACL", "", "DATABASE shop", "", 1),
        entry(5, "SCHEMA", "", "new"),
        entry(6, "PROCEDURAL LANGUAGE", "", "plpgsql"),
    )
    result = adapted(entries)
    assert tags(result) == ["SCHEMA new"]
    assert not result.findings


def test_a_schema_of_another_role_keeps_its_comment_and_privileges(entry: MakeEntry) -> None:
    entries = (
        entry(1, "ACL", "", "SCHEMA public", "GRANT USAGE ON SCHEMA public TO team;"),
        entry(2, "COMMENT", "", "SCHEMA public"),
    )
    assert len(adapted(entries).entries) == 2
    assert not adapted(entries, replace(TARGET, objects=(replace(PUBLIC, is_mine=False),))).entries


def test_missing_roles_are_taken_out_of_grants_and_policies_go_whose_roles_are_all_gone(
    entry: MakeEntry,
) -> None:
    entries = (
        entry(1, "TABLE", "public", "t"),
        entry(
            2, "ACL", "public", "TABLE t", "GRANT ALL ON TABLE t TO gone;\nGRANT ALL ON TABLE t TO team;\n", 1
        ),
        entry(3, "POLICY", "public", "t p", "CREATE POLICY p ON public.t TO gone USING (true);\n", 1),
        entry(4, "COMMENT", "public", "POLICY p ON t", "", 3),
    )
    result = adapted(entries)
    assert [one.definition for one in result.entries][1] == "GRANT ALL ON TABLE t TO team;\n"
    assert result.is_edited
    assert set(result.skipped) == {3, 4}
    assert "no role gone" in titles(result, Severity.WARNS)
    assert "1 policy of which no role is there" in titles(result, Severity.WARNS)
    uneditable = adapted(entries, can_edit=False)
    assert tags(uneditable) == ["TABLE t"]
    assert not uneditable.is_edited


def test_without_privileges_wanted_they_go_in_silence(entry: MakeEntry) -> None:
    entries = (entry(1, "ACL", "public", "TABLE t", "GRANT ALL ON TABLE t TO gone;"),)
    result = adapted(entries, privileges=False)
    assert not result.entries
    assert result.options == ("--no-privileges",)
    assert not result.findings


def test_debians_option_is_taken_out(entry: MakeEntry) -> None:
    definition = (
        "CREATE TABLE public.t (\n    a integer\n);\n"
        "ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=1);\n"
    )
    result = adapted((entry(1, "TABLE", "public", "t", definition),))
    assert "pg_attver" not in result.entries[0].definition
    assert result.changed == {1: "without the option pg_attver"}


def test_collations_that_the_target_lacks_block(entry: MakeEntry) -> None:
    text = 'CREATE TABLE public.t (a text COLLATE pg_catalog."de-x-icu");'
    assert "de-x-icu" in titles(adapted((entry(1, "TABLE", "public", "t", text),)))
    own = (
        entry(
            1,
            "COLLATION",
            "public",
            "german",
            "CREATE COLLATION public.german (provider = icu, locale = 'de');",
        ),
        entry(2, "TABLE", "public", "t", "", 1),
    )
    assert "public.t: it needs COLLATION public.german" in titles(adapted(own))
    assert not adapted(own, replace(TARGET, has_icu=True)).findings


def test_places_and_access_methods_that_are_not_there_are_passed_over(entry: MakeEntry) -> None:
    table = replace(entry(1, "TABLE", "public", "t"), tablespace="fast", access_method="columnar")
    result = adapted((table,))
    assert result.options == ("--no-tablespaces", "--no-table-access-method")
    assert result.entries == (table,)


def test_subscriptions_are_restored_only_if_they_do_not_begin_at_once(entry: MakeEntry) -> None:
    quiet = entry(1, "SUBSCRIPTION", "", "a", "CREATE SUBSCRIPTION a WITH (connect = false);")
    eager = entry(2, "SUBSCRIPTION", "", "b", "CREATE SUBSCRIPTION b CONNECTION 'x' PUBLICATION p;")
    result = adapted((quiet, eager), replace(TARGET, may_subscribe=True))
    assert tags(result) == ["SUBSCRIPTION a"]
    assert "switched off" in titles(result, Severity.INFORMS)
    assert not adapted((quiet, eager)).entries


def test_statistics_need_a_server_that_takes_them(entry: MakeEntry) -> None:
    entries = (entry(1, "STATISTICS DATA", "public", "t"),)
    assert not adapted(entries).entries
    assert adapted(entries, replace(TARGET, version=Version(18, 0))).entries
