"""How servers are reached: one module a transport, with the interface of ``transport.py``."""
