"""The stack through Pulumi's Automation API: an adapter, with its errors translated once."""
