"""What a sample of a large database costs against reading all of it, and what it finds."""
