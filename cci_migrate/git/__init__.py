"""Git, with nothing of a repository's own configuration."""
