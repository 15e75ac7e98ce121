"""The registry file: TOML and bindings, read strictly, edited in place and saved whole."""
