"""Registration files (``.reg``) of the keys of HTTP.SYS."""
