"""What a person or the Automation API sees of an operation."""
