"""Who may do what in the sandbox's AWS: keys, policies, what each operation asks for, and the refusal."""
