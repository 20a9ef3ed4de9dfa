"""Checks of tables before anything is computed from them: what is impossible, and what is odd beside the rest."""
