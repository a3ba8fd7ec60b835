"""A local AWS: RDS over real PostgreSQL servers, every other service by moto, behind one HTTP endpoint."""

ACCOUNT = "123456789012"
PORT = 4566
