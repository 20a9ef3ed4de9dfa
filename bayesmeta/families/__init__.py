"""Families of models: what the package knows of each kind of data with the models for it, asked and changed in one way."""
