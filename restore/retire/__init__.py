"""`python -m restore retire`: deletes an instance that nobody needs any more, by its DbiResourceId."""
