"""`bayesmeta new --from`: a table of studies becomes a small analysis that a report takes as it is."""
