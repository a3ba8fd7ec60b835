"""Real PostgreSQL servers on loopback with TLS, base backups, a WAL archive and point-in-time recovery.

Knows nothing of AWS: sandbox/aws gives it names, addresses and moments.
"""
