"""The demos: the operator's own commands on a sandbox, and a table of what was proved."""
