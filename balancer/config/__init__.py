"""config.toml: read, checked whole, turned into a house."""
