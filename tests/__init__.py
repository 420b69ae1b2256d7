"""A package, so that another `tests` on the path (some wheels ship one) is not taken for it."""
