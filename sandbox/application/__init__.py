"""The application of the sandbox: three Deployments of small writers, their database, and how it gets broken."""
