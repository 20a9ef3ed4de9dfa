"""Validated, immutable study tables, at arm level and at estimate level, and the public data sets."""
