"""How good a model is, in figures anyone can reproduce with `stembridge evaluate`."""
