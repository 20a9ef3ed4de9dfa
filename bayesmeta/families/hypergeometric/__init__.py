"""Events in two arms given their total, by their conditional likelihood."""
