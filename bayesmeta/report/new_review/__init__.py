"""`bayesmeta new --review`: from what an abstract prints to the folder of an analysis."""
