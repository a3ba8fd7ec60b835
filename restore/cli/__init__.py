"""What an operator runs beside `pulumi`: `python -m restore options|status|report|rollback|close`."""
