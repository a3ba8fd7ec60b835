"""The rules of preflight, by subject: each takes a case and yields what is wrong."""
