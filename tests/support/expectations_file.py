"""An expectations file with every section and every key."""

from __future__ import annotations

FILE = """
required = ["rows", "freshness"]

[server]
version = "17"
database = "ghost_protocol"

[tables.users]
min = 1_000
at_least_of_source = 0.9

[tables.'audit."odd.name"']
max = 5

[tables.grown]
at_least_of_baseline = 0.95
at_most_of_baseline = 2

[[must_exist]]
table = "users"
key = { id = "known-user-id", number = 7, active = true }

[[must_not_exist]]
table = "users"
key = { id = "intruder" }

[[freshness]]
table = "transactions"
column = "created_at"
tolerance_seconds = 300

[migrations]
last = "b"
applied = ["a", "b"]

[[not_null]]
table = "users"
columns = ["email", "created_at"]

[settings]
max_connections = 200
"rds.force_ssl" = true
work_mem = "64MB"

[extensions]
pgcrypto = "1.3"
pg_stat_statements = "any"

[roles.ghost_app]
login = true
superuser = false
member_of = ["readers"]
may = ["select, INSERT on users", "USAGE ON SEQUENCE s", "USAGE ON SCHEMA public", "CONNECT ON DATABASE"]
may_not = ["DELETE ON  all tables  in schema \\"odd.name\\""]

[limits]
workers = 2
"""
