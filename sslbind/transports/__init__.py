"""How servers are reached: one module a transport, behind the seam of ``transport.py``."""
