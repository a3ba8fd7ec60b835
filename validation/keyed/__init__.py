"""Documents of keys that people write: read by classes of annotated fields, with every mistake told at once."""
