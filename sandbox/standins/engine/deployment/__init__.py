"""What the program registers, turned into steps, and the steps run."""
