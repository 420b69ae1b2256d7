"""What the figures are called in the report."""

from __future__ import annotations

INTRODUCTION = (
    "Every stem was generated given the other three. Brackets: 95 % bootstrap interval over songs. "
    "Ceiling: the true stem through the codec. Retrieval: the true stem of another song."
)

FIGURES = {
    "on_eighth": "onsets on the eighth grid",
    "on_sixteenth": "onsets on the sixteenth grid",
    "offset_ms": "median offset from the grid, ms",
    "rise_ms": "attacks rise in, ms",
    "onsets_per_s": "onsets per second",
    "onset_f1": "onset F1 against the true stem",
    "root": "strongest pitch class is the root",
    "in_chord": "strongest pitch class is in the chord",
    "chroma": "chroma energy in the chord",
    "root_shuffled": "root, another song's chords (chance)",
    "in_chord_shuffled": "in chord, another song's chords (chance)",
    "silent": "silent stems",
    "loudness_difference_lu": "loudness against the true stem, LU",
    "lsd_db": "log-spectral distance to the true stem, dB",
    "treble_db": "power above 10 kHz, dB of all",
}

PART_FIGURES = {
    "note_f1": "notes read in the true stem, F measure",
    "notes_in_chord": "made notes in the chord",
    "notes_in_chord_truth": "true notes in the chord",
    "notes_on_grid": "made onsets on the sixteenth grid, straight or swung as true",
    "notes_on_grid_truth": "true onsets on that grid",
    "notes_per_s": "made notes per second",
    "notes_per_s_truth": "true notes per second",
    "shared_with_truth": "made notes that are the true part's, F measure",
    "side_db": "played: side signal beside the middle, dB",
}

RATIOS = {
    "notes_per_s_of_truth": "notes per second, of the true part's",
    "played_offset_beyond_truth_ms": "played: median offset beyond the true stem's, ms",
    "played_rise_beyond_truth_ms": "played: attacks rise so much slower than the true stem's, ms",
    "on_grid_share_of_ceiling": "on-grid share, of the codec ceiling's",
    "onset_rate_of_truth": "onset rate, of the true stem's",
    "latent_deviation_ratio": "latent deviation, of the true latents'",
    "seconds_per_audio_second": "seconds per second of audio",
    "level_gain_db": "mean gain that brought takes to their role's loudness, dB",
}

DISTANCES = {
    "played": "played to the true stem",
    "generated": "generated to the true stem",
    "ceiling": "ceiling to the true stem",
    "retrieval": "another song's stem to the true stem",
    "nearest_wrong_stem": "to the nearest true stem of another instrument",
    "truth_halves": "true stem, even against odd songs",
}

LONG_INTRODUCTION = (
    "Whole songs, every stem given the other three, in chained windows. Rank: share of the take's "
    "other frame boundaries that differ less than where two windows meet; 0.5 where there is no "
    "seam. Music may itself change there: compare with the truth at the same places."
)

LONG_FIGURES = {
    "first_bars": "on the sixteenth grid, first two bars",
    "last_bars": "on the sixteenth grid, last two bars",
    "bars_change": "last two bars minus first two",
    "first_quarter": "on the sixteenth grid, first quarter",
    "last_quarter": "on the sixteenth grid, last quarter",
    "quarter_change": "last quarter minus first",
    "drift_ms": "drift of the offset from the grid over the song, ms",
    "seam_click_rank": "seams: rank of the click",
    "seam_click_ratio": "seams: click, of other boundaries'",
    "seam_jump_rank": "seams: rank of the spectral jump",
    "seam_jump_ratio": "seams: spectral jump, of other boundaries'",
    "seam_shift_rank": "seams: rank of the change over 1.5 s",
    "seam_shift_ratio": "seams: change over 1.5 s, of other boundaries'",
}
