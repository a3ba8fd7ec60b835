"""The rights that the program has in the sandbox: those of docs/permissions.md, and no others."""
