"""Every rule that must hold before a resource is declared, and the impact that the preview shows. Pure."""
