"""What a sandbox takes of this machine: its folders, its loopback addresses, its processes."""
