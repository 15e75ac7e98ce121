"""Certificates and where they lie: PEM and PFX bytes, LocalMachine stores, the central store."""
