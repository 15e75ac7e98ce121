"""Certificates and where they are: PEM and PFX bytes, LocalMachine stores, the central store."""
