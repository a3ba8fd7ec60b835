"""`make bench-dumps`: the loader beside the runbook's commands, a stream, and pg_restore, in one run."""
