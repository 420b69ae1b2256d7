"""Training loops and their losses, data order and checkpoints (torch; offline side)."""
