"""Models of publication bias by product rules: selection by P values, and effects that grow with their standard errors."""
