"""The Pulumi resources of one restore. Nothing here decides: restore/plan.py has decided before the first resource."""
