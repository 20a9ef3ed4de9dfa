"""Published priors: tables as data files, and what reads and searches them. `README.md` beside them says more."""
