"""Engines of document 004 with tiny random weights, saved as their downloads are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from stembridge.engines.offline import library, quietly

RATE, WORDS = 16_000, "solo bass drums guitar piano funk dark slap bpm minor major A C E"


@contextlib.contextmanager
def seeded(seed: int = 0) -> Iterator[Any]:
    """`transformers`, quiet, and weights that are the same each time."""
    found = library("transformers", "engines")
    with quietly(), torch.random.fork_rng():
        torch.manual_seed(seed)
        yield found


def loud(network: torch.nn.Module, std: float = 0.3) -> None:
    """Random weights large enough to be heard."""
    for tensor in network.parameters():
        if tensor.dim() > 1:
            torch.nn.init.normal_(tensor, std=std / max(1, tensor[0].numel()) ** 0.5)
    for name, codebook in network.named_buffers():
        if name.endswith(".embed"):  # EnCodec's begin as zeros: then all codes sound alike
            torch.nn.init.normal_(codebook)


def t5_config() -> Any:
    from transformers import T5Config

    return T5Config(vocab_size=32, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)


def t5_tokenizer() -> Any:
    from transformers import T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(f"▁{word}", -1.0 - i) for i, word in enumerate(WORDS.split())]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=16)


def roberta_tokenizer() -> Any:
    from transformers import RobertaTokenizer

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    letters = sorted(set(WORDS.replace(" ", "Ġ")))
    vocab = {piece: i for i, piece in enumerate([*special, *letters])}
    return RobertaTokenizer(vocab=vocab, merges=[], model_max_length=16)


def clap_config() -> Any:
    from transformers import ClapAudioConfig, ClapConfig, ClapTextConfig

    text = ClapTextConfig(
        vocab_size=64, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=64, projection_dim=16,
    )  # fmt: skip
    audio = ClapAudioConfig(
        spec_size=64, window_size=4, num_mel_bins=64, depths=[2, 2], num_attention_heads=[2, 2],
        hidden_size=32, patch_embeds_hidden_size=16, projection_dim=16,
    )  # fmt: skip
    return ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=16)


def encodec_config() -> Any:
    from transformers import EncodecConfig

    return EncodecConfig(
        sampling_rate=RATE, target_bandwidths=[1.2, 2.4], num_filters=4, hidden_size=16,
        upsampling_ratios=[8, 5, 4, 2], codebook_size=16, codebook_dim=16,
        num_residual_layers=1, num_lstm_layers=1,
    )  # fmt: skip


def save_musicgen(folder: Path, *, melody: bool) -> Path:
    """MusicGen of 50 frames a second; with `melody` the one that hears chroma."""
    with seeded() as library_:
        name = "MusicgenMelody" if melody else "Musicgen"
        codec = encodec_config()
        codec.target_bandwidths = [1.2]
        vocabulary = codec.codebook_size
        decoder = getattr(library_, f"{name}DecoderConfig")(
            vocab_size=vocabulary, hidden_size=16, ffn_dim=16, num_hidden_layers=1,
            num_attention_heads=2, num_codebooks=codec.num_quantizers,
            max_position_embeddings=512, pad_token_id=vocabulary, bos_token_id=vocabulary,
        )  # fmt: skip
        more = {"chroma_length": 8} if melody else {}
        config = getattr(library_, f"{name}Config")(
            text_encoder=t5_config(), audio_encoder=codec, decoder=decoder, **more
        )
        model = getattr(library_, f"{name}ForConditionalGeneration")(config)
        loud(model)
        model.generation_config.decoder_start_token_id = vocabulary
        model.generation_config.pad_token_id = vocabulary
        model.generation_config.bos_token_id = vocabulary
        model.save_pretrained(folder)
        t5_tokenizer().save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n", encoding="utf-8")
    return folder


def save_stable_audio(folder: Path) -> Path:
    """Stable Audio Open, stereo, of 4 s at most."""
    library("diffusers", "engines")
    import diffusers

    with seeded() as library_:
        transformer = diffusers.StableAudioDiTModel(
            sample_size=128, in_channels=4, out_channels=4, num_layers=1, attention_head_dim=4,
            num_key_value_attention_heads=2, num_attention_heads=4, cross_attention_dim=16,
            cross_attention_input_dim=16, time_proj_dim=8, global_states_input_dim=32,
        )  # fmt: skip
        vae = diffusers.AutoencoderOobleck(
            encoder_hidden_size=4, downsampling_ratios=[2, 4, 8, 8], decoder_channels=4,
            decoder_input_channels=4, audio_channels=2, channel_multiples=[1, 2, 4, 4],
            sampling_rate=RATE,
        )  # fmt: skip
        loud(vae, 3.0)
        projection = diffusers.StableAudioProjectionModel(16, 16, min_value=0, max_value=32)
        diffusers.StableAudioPipeline(
            vae=vae, text_encoder=library_.T5EncoderModel(t5_config()),
            projection_model=projection, tokenizer=t5_tokenizer(), transformer=transformer,
            scheduler=diffusers.CosineDPMSolverMultistepScheduler(),  # that of the weights
        ).save_pretrained(folder)  # fmt: skip
    return folder


def _unet(kind: type, **more: Any) -> Any:
    return kind(
        block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=8, sample_size=32,
        in_channels=4, out_channels=4, attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **more,
    )  # fmt: skip


def _mel_parts(library_: Any) -> dict[str, Any]:
    """What AudioLDM 2 and MusicLDM have in common."""
    import diffusers

    vae = diffusers.AutoencoderKL(
        block_out_channels=[8, 16], in_channels=1, out_channels=1, norm_num_groups=8,
        down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
        latent_channels=4,
    )  # fmt: skip
    vocoder = library_.SpeechT5HifiGan(
        library_.SpeechT5HifiGanConfig(
            model_in_dim=8,
            sampling_rate=RATE,
            upsample_initial_channel=32,
            upsample_rates=[5, 4, 2, 2, 2],
            upsample_kernel_sizes=[15, 8, 4, 4, 4],
            resblock_kernel_sizes=[3],
            resblock_dilation_sizes=[[1]],
            normalize_before=False,
        )
    )
    loud(vocoder, 1.4)
    scheduler = diffusers.DDIMScheduler(
        beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=False,
    )  # fmt: skip
    return {
        "vae": vae, "vocoder": vocoder, "scheduler": scheduler,
        "text_encoder": library_.ClapModel(clap_config()), "tokenizer": roberta_tokenizer(),
        "feature_extractor": library_.ClapFeatureExtractor(feature_size=64),
    }  # fmt: skip


def save_audioldm2(folder: Path) -> Path:
    """AudioLDM 2."""
    library("diffusers", "engines")
    import diffusers

    with seeded() as library_:
        language = library_.GPT2LMHeadModel(
            library_.GPT2Config(n_embd=16, n_head=2, n_layer=1, vocab_size=16, n_positions=64)
        )
        language.config.max_new_tokens = 8
        diffusers.AudioLDM2Pipeline(
            **_mel_parts(library_), text_encoder_2=library_.T5EncoderModel(t5_config()),
            projection_model=diffusers.AudioLDM2ProjectionModel(16, 16, 16),
            language_model=language, tokenizer_2=t5_tokenizer(),
            unet=_unet(diffusers.AudioLDM2UNet2DConditionModel, cross_attention_dim=(16, 16)),
        ).save_pretrained(folder)  # fmt: skip
    return folder


def save_musicldm(folder: Path) -> Path:
    """MusicLDM."""
    library("diffusers", "engines")
    import diffusers

    with seeded() as library_:
        unet = _unet(
            diffusers.UNet2DConditionModel, cross_attention_dim=(8, 16),
            class_embeddings_concat=True, class_embed_type="simple_projection",
            projection_class_embeddings_input_dim=16,
        )  # fmt: skip
        diffusers.MusicLDMPipeline(**_mel_parts(library_), unet=unet).save_pretrained(folder)
    return folder


def save_encodec(folder: Path) -> Path:
    """EnCodec with codebooks of 16 entries, 50 frames a second."""
    with seeded() as library_:
        model = library_.EncodecModel(encodec_config())
        loud(model, 1.0)
        model.save_pretrained(folder)
    return folder


def save_dac(folder: Path) -> Path:
    """DAC with 3 codebooks of 16 entries, 50 frames a second."""
    with seeded() as library_:
        config = library_.DacConfig(
            encoder_hidden_size=4, downsampling_ratios=[2, 4, 5, 8], decoder_hidden_size=32,
            n_codebooks=3, codebook_size=16, codebook_dim=4, sampling_rate=RATE,
        )  # fmt: skip
        library_.DacModel(config).save_pretrained(folder)
    return folder


def save_clap(folder: Path) -> Path:
    """CLAP, spelling words by their letters, and hearing a second at a time."""
    with seeded() as library_:
        model = library_.ClapModel(clap_config())
        loud(model, 1.0)
        model.save_pretrained(folder)
        roberta_tokenizer().save_pretrained(folder)
        library_.ClapFeatureExtractor(
            sampling_rate=RATE, max_length_s=1, frequency_max=8000, truncation="rand_trunc"
        ).save_pretrained(folder)
    return folder


def save_t5(folder: Path) -> Path:
    """T5's encoder, which knows a dozen words."""
    with seeded() as library_:
        model = library_.T5EncoderModel(t5_config())
        loud(model, 1.0)
        model.save_pretrained(folder)
        t5_tokenizer().save_pretrained(folder)
    return folder
