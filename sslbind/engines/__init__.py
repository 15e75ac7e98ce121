"""Servers that stand in for HTTP.SYS: their configuration, made of the resolver's answers."""
