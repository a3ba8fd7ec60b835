"""The stack's configuration: its keys, what they mean, and all that is wrong with them at once. Pure."""
