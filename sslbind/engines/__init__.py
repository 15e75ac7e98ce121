"""Servers that stand in for HTTP.SYS: their configuration, made from the resolver's answers."""
