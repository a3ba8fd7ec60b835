"""What the fix texts of the program are (collect), and whether they run as printed (commands)."""
