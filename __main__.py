"""Brings a PostgreSQL database on AWS RDS back, and the applications over to it.

`pulumi preview` shows what would happen, or every reason why not; `pulumi up` does it. README.md has the five
commands, docs/operate.md the page for 3 a.m., docs/architecture.md the graph.
"""

from restore.program.run import run

run()
