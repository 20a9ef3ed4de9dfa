"""How well reviews with hidden trials are answered: what `make calibrate` runs and stores in benchmarks/calibration."""
