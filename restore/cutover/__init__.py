"""Which database serves the applications, found and wanted, and the way back. Pure."""
