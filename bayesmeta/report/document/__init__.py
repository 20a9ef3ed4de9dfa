"""A report as a plain document: the parts of its page in order, and writers of them."""
