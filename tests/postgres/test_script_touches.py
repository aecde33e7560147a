from __future__ import annotations

import pytest

from app.postgres.script_outline import outline_script


def touched(script: str) -> list[str]:
    return [
        f"{touch.what} {touch.schema}.{touch.name}" for touch in outline_script([script.encode()]).touches
    ]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE s.t SET a = 1", ["UPDATE s.t"]),
        ('update only "T x" set a = 1', ["UPDATE .T x"]),
        ("MERGE INTO s.t USING u ON true WHEN MATCHED THEN UPDATE SET a = 1", ["MERGE s.t"]),
        (
            "WITH a AS (DELETE FROM s.t RETURNING *) INSERT INTO s.u SELECT * FROM a",
            ["DELETE s.t", "INSERT s.u"],
        ),
        ("DO $$ BEGIN UPDATE s.t SET a = 1; DELETE FROM u; END $$", ["UPDATE s.t", "DELETE .u"]),
        ("DO $$ BEGIN EXECUTE 'TRUNCATE s.t, s.u'; END $$", ["TRUNCATE s.t", "TRUNCATE s.u"]),
        (
            "DO $$ BEGIN IF true THEN ALTER TABLE s.t DISABLE ROW LEVEL SECURITY; END IF; END $$",
            ["ALTER TABLE s.t"],
        ),
        ("DO $$ BEGIN DROP TABLE IF EXISTS s.t, u; END $$", ["DROP TABLE s.t", "DROP TABLE .u"]),
        ("DO $$ BEGIN GRANT ALL ON s.t TO joe; END $$", ["GRANT s.t"]),
        ("GRANT SELECT, UPDATE (a) ON TABLE s.t, u TO joe", ["GRANT s.t", "GRANT .u"]),
        ("GRANT ALL ON ALL TABLES IN SCHEMA s, public TO joe", ["GRANT s.*", "GRANT public.*"]),
        ("REVOKE ALL ON s.t FROM PUBLIC", ["REVOKE s.t"]),
        ("CREATE POLICY p ON s.t FOR UPDATE TO joe USING (true)", ["CREATE POLICY s.t"]),
        ("ALTER POLICY p ON s.t USING (true)", ["ALTER POLICY s.t"]),
        ("DROP POLICY IF EXISTS p ON s.t", ["DROP POLICY s.t"]),
        ("CREATE TRIGGER x BEFORE UPDATE ON s.t EXECUTE FUNCTION f()", ["CREATE TRIGGER s.t"]),
        ("CREATE RULE r AS ON UPDATE TO s.t DO INSTEAD NOTHING", ["CREATE RULE s.t"]),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON ONLY s.t (a)", ["CREATE INDEX s.t"]),
        ("ALTER TABLE IF EXISTS ONLY s.t DISABLE TRIGGER ALL", ["ALTER TABLE s.t"]),
    ],
)
def test_what_changes_tables_is_found(statement: str, found: list[str]) -> None:
    assert touched(f"{statement};\n") == found


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE s.t (a int REFERENCES u ON DELETE CASCADE ON UPDATE CASCADE)",
        "CREATE TABLE s.t (a int); UPDATE s.t SET a = 1; GRANT ALL ON s.t TO joe",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ UPDATE s.t SET a = 1 $$",
        "CREATE VIEW v AS SELECT * FROM t FOR UPDATE",
        "SELECT * FROM s.t FOR NO KEY UPDATE",
        "INSERT INTO s.t VALUES (1) ON CONFLICT DO UPDATE SET a = 1",
        "COMMENT ON TABLE s.t IS 'UPDATE s.t SET a = 1'",
        "GRANT EXECUTE ON FUNCTION s.f(int) TO joe; GRANT USAGE ON SCHEMA s TO joe; GRANT jane TO joe",
        "SELECT pg_catalog.setval('s.t', 1)",
    ],
)
def test_what_changes_none_or_its_own_is_not(statement: str) -> None:
    assert touched(f"{statement};\n") == []
