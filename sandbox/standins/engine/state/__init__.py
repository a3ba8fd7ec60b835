"""What is on disk: project, stack settings, checkpoint, history; and the values in them."""
