"""What netsh prints and reads: ``show`` text, JSON, and scripts of its lines."""
