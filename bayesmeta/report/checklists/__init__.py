"""Reporting checklists, answered from the records of a report."""
