"""Start a SourceVAE from published descript-audio-codec weights that lie on the user's disk.

Encoder and decoder have the same names and shapes except at the latents: DAC's are 1024 channels
wide there, the SourceVAE's 2 C and C. Those two convolutions keep their random start.
"""

from __future__ import annotations

from pathlib import Path

import torch

from stembridge.nn.source_vae import SourceVAE


def load_dac_weights(vae: SourceVAE, path: Path) -> list[str]:
    """Copy every tensor of encoder and decoder that fits from a DAC `.pth` file.

    The file is read as plain tensors and numbers; code in it is refused.

    Returns:
        Names of the SourceVAE's tensors that kept their start.

    Raises:
        ValueError: if fewer than half of them fit: then it is another architecture.
    """
    file = torch.load(path, map_location="cpu", weights_only=True)
    theirs = file.get("state_dict", file)
    own = {n: t for n, t in vae.state_dict().items() if n.startswith(("encoder.", "decoder."))}
    fitting = {
        name: theirs[name]
        for name, tensor in own.items()
        if name in theirs and theirs[name].shape == tensor.shape
    }
    if 2 * len(fitting) < len(own):
        raise ValueError(
            f"{path.name}: only {len(fitting)} of {len(own)} tensors fit this SourceVAE"
        )
    kept = [name for name in own if name not in fitting]
    vae.load_state_dict(fitting, strict=False)
    return kept
