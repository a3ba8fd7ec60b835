"""What validation costs: the runbook's checks by serial psql against ours, and the loss report against COPY."""
