"""What the restored instance must look like: settings, tags, and a fresh instance's login and encryption. Pure."""
