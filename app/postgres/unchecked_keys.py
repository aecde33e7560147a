"""Checks keys that a server did not check because session_replication_role kept their triggers still."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.postgres.connection import Session
from app.postgres.quoting import Name, encode_sql, quote_identifier, quote_literal, quote_qualified

_KEYS = """
SELECT k.conname, n.nspname, c.relname, c.relkind = 'p', k.contype::text,
       m.nspname, f.relname, f.relkind = 'p', k.confmatchtype = 'f',
       pg_catalog.to_jsonb(k) ->> 'conperiod' = 'true' OR k.contype = 'x',
       pg_catalog.array_agg(pg_catalog.quote_ident(a.attname) ORDER BY p.place),
       pg_catalog.string_agg(CASE WHEN k.contype = 'f' THEN pg_catalog.format(
           'other.%I OPERATOR(%I.%s) own.%I%s', b.attname, s.nspname, o.oprname, a.attname,
           CASE WHEN a.attcollation <> b.attcollation
                THEN pg_catalog.format(' COLLATE %I.%I', z.nspname, y.collname) END) END, ' AND ')
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
LEFT JOIN pg_catalog.pg_namespace m ON m.oid = f.relnamespace
CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey),
                              pg_catalog.unnest(k.conpfeqop)) WITH ORDINALITY
           AS p (own, other, operator, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.own
LEFT JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = p.other
LEFT JOIN pg_catalog.pg_operator o ON o.oid = p.operator
LEFT JOIN pg_catalog.pg_namespace s ON s.oid = o.oprnamespace
LEFT JOIN pg_catalog.pg_collation y ON y.oid = b.attcollation
LEFT JOIN pg_catalog.pg_namespace z ON z.oid = y.collnamespace
WHERE (k.contype = 'f' OR (k.contype IN ('u', 'p', 'x') AND k.condeferrable))
  AND COALESCE(pg_catalog.to_jsonb(k) ->> 'conenforced', 'true') = 'true'
  AND (n.nspname, c.relname) IN (VALUES {tables})
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint u
                  WHERE u.oid = k.conparentid AND u.conrelid = k.conrelid)
GROUP BY k.oid, n.nspname, c.relname, c.relkind, m.nspname, f.relname, f.relkind ORDER BY 2, 3, 1
"""
"""A key to a partitioned table has others of its own for the partitions, which say nothing by themselves."""


@dataclass(frozen=True, slots=True)
class BrokenKey:
    """A key of a table that does not hold: how many rows it has against it; None where nobody can tell."""

    key: str
    table: Name
    rows: int | None
    referenced: Name | None = None

    @property
    def cause(self) -> str:
        """What is wrong, in a sentence."""
        key, table = quote_identifier(self.key), quote_qualified(*self.table)
        if self.rows is None:
            return f"The key {key} of {table} could not be checked"
        rows = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        if self.referenced is None:
            return f"{rows} of {table} have the key {key} more than once"
        refer = "refers to a row" if self.rows == 1 else "refer to rows"
        return (
            f"{rows} of {table} {refer} that {quote_qualified(*self.referenced)} does not have"
            f" (foreign key {key})"
        )


def broken_keys(session: Session, tables: Iterable[Name], new_rows: str = "true") -> Iterator[BrokenKey]:
    """The keys of these tables that do not hold.

    Args:
        new_rows: a condition on the rows of a foreign key's own table, which is called `own`.

    Raises:
        psycopg.Error: the server refused, as where the role may not read a table.
    """
    names = ", ".join(f"({quote_literal(schema)}, {quote_literal(name)})" for schema, name in tables)
    found = session.execute(encode_sql(_KEYS.format(tables=names))).fetchall() if names else []
    for (
        key,
        schema,
        table,
        is_root,
        kind,
        other_schema,
        other,
        to_root,
        is_full,
        is_odd,
        columns,
        equal,
    ) in found:
        own = f"{'' if is_root else 'ONLY '}{quote_qualified(schema, table)} own"
        given = (" OR " if is_full else " AND ").join(f"own.{column} IS NOT NULL" for column in columns)
        referenced = None
        if is_odd:
            yield BrokenKey(key, (schema, table), None)
            continue
        if kind == "f":
            referenced = other_schema, other
            query = (
                f"SELECT pg_catalog.count(*) FROM {own} WHERE ({new_rows}) AND ({given}) AND NOT EXISTS ("
                f"SELECT FROM {'' if to_root else 'ONLY '}{quote_qualified(*referenced)} other WHERE {equal})"
            )
        else:
            query = (
                f"SELECT COALESCE(pg_catalog.sum(times), 0) FROM (SELECT pg_catalog.count(*) AS times "
                f"FROM {own} WHERE {given} GROUP BY {', '.join(columns)} HAVING pg_catalog.count(*) > 1) t"
            )
        ((rows,),) = session.execute(encode_sql(query)).fetchall()
        if rows:
            yield BrokenKey(key, (schema, table), int(rows), referenced)
