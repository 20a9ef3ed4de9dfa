"""Analysis files: from a TOML file and its tables to everything that a report prints."""
