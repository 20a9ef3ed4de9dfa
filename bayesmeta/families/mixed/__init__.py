"""Studies that reported their effects in different ways, each by its own likelihood."""
