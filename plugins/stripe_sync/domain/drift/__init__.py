"""Differences in sentences and money, from the rows that SQL found."""
