"""Completion: what may follow the words of a line, and the scripts of the shells."""
