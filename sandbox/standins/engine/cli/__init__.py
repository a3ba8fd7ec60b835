"""The `pulumi` commands: arguments, prompts, and what each command does."""
