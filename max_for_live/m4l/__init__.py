"""Text sources in, Max for Live devices out: container, patcher, script bundle, picture."""
