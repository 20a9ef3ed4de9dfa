"""Options of a model of a published review: none of its own."""

from __future__ import annotations

from bayesmeta.families.keys import Keys

KEYS = Keys(kind="normal", about="a published review, whose studies may be latent", table="studies")
