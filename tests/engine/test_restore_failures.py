"""What excuses an entry that failed in a plain script, and what does not."""

from __future__ import annotations

import time

from app.domain.proof import Outcome
from app.engine.restore_failures import explain_failures
from app.engine.restore_list import plan_restore
from app.engine.sandbox_database import SandboxDatabase
from app.engine.sandbox_restore import Restored
from app.postgres.archive_entry import Entry
from app.postgres.connection import Connection

NOWHERE = Connection("host=nowhere")
SANDBOX = SandboxDatabase(NOWHERE, NOWHERE, (), frozenset({"public"}), (), has_icu=False)
UNIQUE = 'could not create unique index "shop_name"'


def entry(number: int, kind: str, tag: str, definition: str = "", schema: str = "shop") -> Entry:
    return Entry(
        dump_id=number,
        catalog_oid=0,
        oid=0,
        tag=tag,
        kind=kind,
        section="pre-data",
        definition=definition,
        drop="",
        copy_statement="",
        schema=schema,
        tablespace="",
        access_method="",
        relkind="",
        owner="",
        dependencies=(),
        has_data=False,
    )


def explain(errors: dict[int, str], *entries: Entry) -> dict[int, tuple[Outcome, str]]:
    plan = plan_restore(entries, SANDBOX, locale="C")
    found = explain_failures(entries, plan, Restored(errors=errors))
    return {number: (item.outcome, item.reason) for number, item in found.items()}


def test_a_database_or_a_privilege_of_the_same_name_excuses_nothing() -> None:
    found = explain(
        {3: UNIQUE, 4: 'relation "shop.t" does not exist'},
        entry(1, "DATABASE", "shop", schema=""),
        entry(2, "ACL", "shop_name"),
        entry(3, "INDEX", "shop_name", "CREATE UNIQUE INDEX shop_name ON shop.t USING btree (name);"),
        entry(4, "INDEX", "other", "CREATE INDEX other ON shop.t USING btree (name);"),
    )
    assert found[3] == (Outcome.NOT_RESTORABLE, UNIQUE)
    assert found[4][0] is Outcome.NOT_RESTORABLE


def test_only_what_the_server_names_excuses_and_not_what_the_sql_mentions() -> None:
    wrapper = entry(1, "FOREIGN DATA WRAPPER", "t", schema="")
    index = entry(2, "INDEX", "shop_name", "CREATE UNIQUE INDEX shop_name ON shop.t USING btree (name);")
    server = entry(3, "SERVER", "far", "CREATE SERVER far FOREIGN DATA WRAPPER t;", schema="")
    found = explain({2: UNIQUE, 3: 'foreign-data wrapper "t" does not exist'}, wrapper, index, server)
    assert found[2] == (Outcome.NOT_RESTORABLE, UNIQUE)
    assert found[3] == (Outcome.NOT_CHECKED, "it needs FOREIGN DATA WRAPPER t, which was not checked")


def test_what_a_lost_object_takes_along_is_followed_by_its_qualified_name() -> None:
    found = explain(
        {2: 'relation "far" does not exist', 3: 'relation "shop.a b" does not exist', 4: 'relation "a b"'},
        entry(1, "FOREIGN DATA WRAPPER", "far", schema=""),
        entry(2, "TABLE", "a b"),
        entry(3, "TABLE DATA", "a b"),
        entry(4, "VIEW", "v", schema="elsewhere"),
    )
    assert found[3] == (Outcome.NOT_CHECKED, 'it needs TABLE shop."a b", which was not checked')
    assert found[4][0] is Outcome.NOT_RESTORABLE


def test_a_thousand_failures_are_explained_at_once() -> None:
    entries = [entry(n, "TABLE DATA", f"t{n}") for n in range(1, 1001)]
    entries += [entry(n, "INDEX ATTACH", f"i{n}") for n in range(1001, 2001)]
    entries += [entry(n, "INDEX", f"i{n}", f"CREATE INDEX i{n} ON shop.t{n} (a);") for n in range(2001, 3001)]
    errors = {n: f'relation "shop.t{n}" does not exist' for n in range(1, 1001)}
    begun = time.monotonic()
    found = explain(errors, *entries)
    assert time.monotonic() - begun < 1
    assert len(found) == 1000
