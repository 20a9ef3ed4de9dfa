"""What further trials would show, given a posterior: assurance and the value of information."""
