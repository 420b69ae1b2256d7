"""Watch-folder mode: stems are dropped into a folder, the missing ones come out beside them.

For any DAW, and for people who like folders better than plug-ins:

    songs/
      Night Drive 93bpm/      a song: its stems lie in a folder of their own (or in the watched one)
        Drums.wav
        gtr.wav
        made/                 what comes out
          Night Drive 93bpm_bass.wav

What a file is, its name says ("Drums", "gtr", "keys" …); the tempo stands in the name of the file
or folder ("93bpm") or is given once for all. The daemon makes the stems; this only looks, asks and
copies. `songs` finds them, `memory` knows what was made, `watcher` brings it about.

A song pack may come from anywhere: nothing in it is followed or trusted, and a song that cannot be
made is said in words and holds up no other.
"""

from stembridge.watch.memory import MADE
from stembridge.watch.songs import WatchedSong, find_songs, tempo_of
from stembridge.watch.watcher import Watcher, WatchSettings

__all__ = [
    "MADE",
    "WatchSettings",
    "WatchedSong",
    "Watcher",
    "find_songs",
    "tempo_of",
]
