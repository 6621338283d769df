"""Reads every table of a database by the catalog, without what a database numbers by itself."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

# A column that a sequence fills, those that refer to one, and numbers of transactions: they count what else the server did.
NUMBERED = """
with filled as (
  select c.oid as table_id, a.attnum
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relkind in ('r', 'p') and (a.attidentity <> '' or pg_get_expr(d.adbin, d.adrelid) like 'nextval(%')
),
referring as (
  select k.conrelid as table_id, r.attnum
  from pg_constraint k
  cross join lateral unnest(k.conkey, k.confkey) as r (attnum, target)
  join filled f on f.table_id = k.confrelid and f.attnum = r.target
  where k.contype = 'f'
)
select n.nspname as schema, c.relname as table, a.attname as column
from (
  select * from filled
  union select * from referring
  union select attrelid, attnum from pg_attribute where atttypid in ('xid8'::regtype, 'xid'::regtype, 'pg_snapshot'::regtype)
) s
join pg_class c on c.oid = s.table_id
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum = s.attnum
"""
TABLES = """
select table_schema as schema, table_name as table from information_schema.tables
where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
order by 1, 2
"""


def tables_of(connection: psycopg.Connection[Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table by its name without the schema; numbered columns are left out."""
    cursor = connection.cursor(row_factory=dict_row)
    numbered = {(r["schema"], r["table"], r["column"]) for r in cursor.execute(NUMBERED.encode()).fetchall()}
    found: dict[str, list[dict[str, Any]]] = {}
    for row in cursor.execute(TABLES.encode()).fetchall():
        schema, table = row["schema"], row["table"]
        query = sql.SQL("select * from {}").format(sql.Identifier(schema, table))
        rows = cursor.execute(query).fetchall()
        found[table] = [{k: v for k, v in each.items() if (schema, table, k) not in numbered} for each in rows]
    return found
