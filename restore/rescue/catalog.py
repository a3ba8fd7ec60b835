"""Reads what a rescue has to know of tables from the catalog of the database that serves."""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import sql

from restore.postgres.connection import Connection
from restore.rescue.model import ForeignKey, OnDelete, TableFacts, Trigger
from validation.expectations.table_names import Table

FACTS: LiteralString = """
SELECT pg_get_userbyid(c.relowner), c.relkind = 'p', c.relhasrules,
       has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'INSERT'),
       has_table_privilege(c.oid, 'UPDATE'), pg_has_role(c.relowner, 'USAGE'),
       (SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
       (SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attgenerated = '' AND a.attidentity <> 'a'),
       (SELECT coalesce(json_agg(json_build_array(a.attname, format('OPERATOR(%%I.%%s)', n.nspname, o.oprname))), '[]')
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        JOIN pg_opclass k ON k.opcintype = coalesce(nullif(t.typbasetype, 0), t.oid) AND k.opcdefault
        JOIN pg_am m ON m.oid = k.opcmethod AND m.amname = 'btree'
        JOIN pg_amop p ON p.amopfamily = k.opcfamily AND p.amopstrategy = 3
          AND p.amoplefttype = k.opcintype AND p.amoprighttype = k.opcintype
        JOIN pg_operator o ON o.oid = p.amopopr JOIN pg_namespace n ON n.oid = o.oprnamespace
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname <> 'pg_catalog'),
       (SELECT coalesce(json_agg(json_build_array(n.nspname, r.relname, t.tgname, t.tgenabled) ORDER BY t.tgname), '[]')
        FROM pg_trigger t JOIN pg_class r ON r.oid = t.tgrelid JOIN pg_namespace n ON n.oid = r.relnamespace
        WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgparentid = 0
          AND (t.tgrelid = c.oid OR t.tgrelid IN (SELECT relid FROM pg_partition_tree(c.oid)))),
       (SELECT coalesce(json_agg(json_build_array(a.attname, format('%%I.%%I', z.nspname, s.relname))), '[]')
        FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
        JOIN pg_namespace z ON z.oid = s.relnamespace
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
          AND d.refobjid = c.oid AND d.deptype IN ('a', 'i')
          AND a.atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)),
       (SELECT coalesce(json_agg(DISTINCT format('%%I.%%I', z.nspname, s.relname)), '[]')
        FROM pg_class s JOIN pg_namespace z ON z.oid = s.relnamespace
        JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
          OR d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid
            AND d.objid IN (SELECT oid FROM pg_attrdef WHERE adrelid = c.oid)
        WHERE s.relkind = 'S'),
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND NOT i.indimmediate),
       (SELECT coalesce(json_agg((SELECT json_agg(a.attname ORDER BY k.place)
                                  FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
                                  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
                                  WHERE k.place <= i.indnkeyatts)), '[]')
        FROM pg_index i
        WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
          AND NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                          WHERE a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
                            AND t.typnamespace <> 'pg_catalog'::regnamespace))
FROM pg_class c JOIN pg_namespace m ON m.oid = c.relnamespace
WHERE m.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')
"""
FOREIGN_KEYS: LiteralString = """
SELECT k.conname, cn.nspname, c.relname, pn.nspname, p.relname, k.confdeltype,
       (SELECT json_agg(format('OPERATOR(%I.%s)', n.nspname, o.oprname) ORDER BY i.place)
        FROM unnest(k.conpfeqop) WITH ORDINALITY AS i (number, place)
        JOIN pg_operator o ON o.oid = i.number JOIN pg_namespace n ON n.oid = o.oprnamespace),
       (SELECT json_agg(a.attname ORDER BY i.place) FROM unnest(k.conkey) WITH ORDINALITY AS i (number, place)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = i.number),
       (SELECT json_agg(a.attname ORDER BY i.place) FROM unnest(k.confkey) WITH ORDINALITY AS i (number, place)
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = i.number)
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
ORDER BY cn.nspname, c.relname, k.conname
"""
SEARCH_PATH: LiteralString = """
SELECT replace(substr(setting, length('search_path=') + 1), '"$user"', quote_ident(%(role)s))
FROM pg_db_role_setting s, unnest(s.setconfig) AS setting
WHERE setting LIKE 'search\\_path=%%'
  AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = %(role)s))
ORDER BY s.setrole = 0, s.setdatabase = 0 LIMIT 1
"""
DEFAULT_PATH = sql.SQL("{}, public")


def read_facts(connection: Connection, table: Table) -> TableFacts | None:
    """Returns what the catalog has of a table; None where there is none of that name. Partitions count as theirs."""
    row = connection.execute(FACTS, [table.schema, table.name]).fetchone()
    if row is None:
        return None
    owner, partitioned, rules, may_read, may_insert, may_update, may_alter, *lists = row
    columns, changeable, operators, triggers, sequences, counters, defers, unique = lists
    return TableFacts(
        table,
        partitioned,
        tuple(columns),
        tuple(changeable),
        tuple((column, operator) for column, operator in operators),
        owner,
        tuple(Trigger(Table(schema, name), trigger, state) for schema, name, trigger, state in triggers),
        tuple((column, sequence) for column, sequence in sequences),
        tuple(counters),
        defers,
        tuple(tuple(index) for index in unique),
        rules,
        may_read,
        may_insert,
        may_update,
        may_alter,
    )


def read_foreign_keys(connection: Connection) -> tuple[ForeignKey, ...]:
    """Returns every foreign key of the database; of partitioned tables the one that was declared."""
    return tuple(_build_foreign_key(*row) for row in connection.execute(FOREIGN_KEYS).fetchall())


def _build_foreign_key(
    name: str, schema: str, child: str, parent_schema: str, parent: str, on_delete: str, *lists: Any
) -> ForeignKey:
    operators, columns, refers_to = (tuple(each) for each in lists)
    tables = Table(schema, child), Table(parent_schema, parent)
    return ForeignKey(name, tables[0], columns, tables[1], refers_to, OnDelete(on_delete), operators)


def read_search_path(connection: Connection, role: str) -> str:
    """Returns the search_path of a role's sessions in this database, as SET takes it: what triggers and constraints
    were written for. Of the settings the role's in this database comes first (documentation, ALTER ROLE)."""
    row = connection.execute(SEARCH_PATH, {"role": role}).fetchone()
    return str(row[0]) if row else DEFAULT_PATH.format(sql.Identifier(role)).as_string()
