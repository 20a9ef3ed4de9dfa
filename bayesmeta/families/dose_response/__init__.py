"""Contrasts between arms of several doses with the shape of the effect over dose."""
