"""What a database held at one time, kept to compare a restored one with."""
