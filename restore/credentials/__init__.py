"""New passwords after a breach: for the operator and the applications, on the candidate and on the source."""
