import mido
import pytest

from stembridge.chords import chords_from_midi
from stembridge.errors import BadArgsError, NoSuchFileError


@pytest.fixture
def midi(tmp_path):
    """Write notes (start_beats, end_beats, pitch[, channel]) as a MIDI file."""

    def write(notes, ticks=480, off_as_zero_velocity=False):
        events = []
        for start, end, pitch, *channel in notes:
            common = {"note": pitch, "channel": channel[0] if channel else 0}
            off = (
                mido.Message("note_on", velocity=0, **common)
                if off_as_zero_velocity
                else mido.Message("note_off", **common)
            )
            events.append((round(start * ticks), 1, mido.Message("note_on", **common)))
            events.append((round(end * ticks), 0, off))
        track, now = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=400_000)]), 0
        for tick, _, message in sorted(events, key=lambda event: event[:2]):
            track.append(message.copy(time=tick - now))
            now = tick
        file = mido.MidiFile(ticks_per_beat=ticks)
        file.tracks.append(track)
        file.save(tmp_path / "chords.mid")
        return tmp_path / "chords.mid"

    return write


def chord(start, end, *pitches):
    return [(start, end, pitch) for pitch in pitches]


def read(path, length_beats=16.0):
    return [(span.start_beats, span.symbol) for span in chords_from_midi(path, length_beats)]


@pytest.mark.parametrize("zero", [False, True])
def test_block_chords(midi, zero):
    notes = chord(0, 4, 57, 60, 64) + chord(4, 8, 53, 57, 60) + chord(8, 16, 52, 55, 60)
    path = midi(notes, off_as_zero_velocity=zero)
    assert read(path) == [(0, "Am"), (4, "F"), (8, "C/E")]


def test_humanised_playing_short_notes_and_gaps(midi):
    late = chord(0.03, 3.9, 57, 60) + chord(0.06, 3.7, 64)
    assert read(midi(late + chord(4.02, 4.48, 53, 57, 60))) == [(0, "Am"), (4, "F")]


def test_drums_and_passing_notes_do_not_count(midi):
    notes = [*chord(0, 8, 57, 60, 64), (0, 8, 38, 9), (8, 10, 71)]
    assert read(midi(notes)) == [(0, "Am")]


def test_a_chord_may_start_late_and_long_files_are_cut(midi):
    notes = chord(2, 6, 57, 60, 64) + chord(6, 12, 53, 57, 60) + chord(12, 16, 55, 59, 62)
    assert read(midi(notes), 8.0) == [(2, "Am"), (6, "F")]


def test_a_note_left_hanging_sounds_to_the_end_of_its_track(tmp_path):
    on = [mido.Message("note_on", note=note) for note in (60, 64, 67)]
    file = mido.MidiFile()
    file.tracks.append(mido.MidiTrack([*on, mido.MetaMessage("end_of_track", time=1920)]))
    file.save(tmp_path / "hanging.mid")
    assert read(tmp_path / "hanging.mid") == [(0, "C")]


def test_no_file(tmp_path):
    with pytest.raises(NoSuchFileError, match="no MIDI file"):
        read(tmp_path / "none.mid")
    with pytest.raises(NoSuchFileError):
        read(tmp_path)


@pytest.mark.parametrize(
    "data", [b"", b"RIFF....WAVE", b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\xff\xff\x90", b"MThd" * 9]
)
def test_not_a_midi_file(tmp_path, data):
    path = tmp_path / "broken.mid"
    path.write_bytes(data)
    with pytest.raises(BadArgsError, match=r"broken\.mid"):
        read(path)


def test_film_frames_and_too_big_files(tmp_path):
    path = tmp_path / "film.mid"
    path.write_bytes(b"MThd\0\0\0\6\0\0\0\1\xe7\x28MTrk\0\0\0\4\0\xff\x2f\0")
    with pytest.raises(BadArgsError, match="film frames"):
        read(path)
    path.write_bytes(bytes(1_000_001))
    with pytest.raises(BadArgsError, match="too big"):
        read(path)


def test_a_file_without_chords(midi):
    with pytest.raises(BadArgsError, match="no chords"):
        read(midi([(0, 4, 60)]))
