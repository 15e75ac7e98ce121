"""The documents that bindings are written in and read from, one module each."""
