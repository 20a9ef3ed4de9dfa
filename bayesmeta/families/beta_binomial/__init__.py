"""Events whose risks follow a beta distribution, in single arms and in two."""
