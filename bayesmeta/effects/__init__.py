"""Effect sizes: arm counts or arm means to `y` and `se`. Pure NumPy, one file for each type of outcome."""
