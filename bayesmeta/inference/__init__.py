"""Engines: from data and a specification to posterior draws. Nothing here loads until a fit asks for it."""
