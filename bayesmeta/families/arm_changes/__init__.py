"""Arms measured twice, whose correlation is a parameter."""
