"""Brings a PostgreSQL database on AWS RDS back, and applications over to it: see docs/architecture.md."""
