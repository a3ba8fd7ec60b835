"""Asks on a quiet day for all that a restore will need: tools, logins, rights, stores, databases; changes nothing."""
