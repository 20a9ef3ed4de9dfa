"""What a model of a published review is told by name: nothing of its own."""

from __future__ import annotations

from bayesmeta.families.keys import Keys

KEYS = Keys(kind="normal", about="a published review, whose studies may be latent", table="studies")
