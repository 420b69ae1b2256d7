"""Arrays in, arrays out: everything a model is asked for, below files and requests.

    audio ─ codec.hear ─► known latents ┐
    conditions, settings, noise ────────┴► infer ─► latents ─ codec.sound ─► audio

Serving, the evaluation and the fine-tune's report all go through here, so that what is measured is
what is served.
"""

from stembridge.inference.infer import infer, shares, windows_of
from stembridge.inference.settings import Settings, settings_of

__all__ = ["Settings", "infer", "settings_of", "shares", "windows_of"]
