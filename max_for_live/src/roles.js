// Which track plays which part: a guess from the names that producers give their tracks.

export const STEMS = ["bass", "drums", "guitar", "piano"];
export const ROLE_MAKE = 0;
export const ROLE_LOCK = 1;
export const ROLE_OFF = 2;

// Whole words score 3, beginnings of words 2. "Bass Drum" is a drum: the stronger word is listed.
const WORDS = {
  bass: ["bass", "sub", "808", "low end", "bs"],
  drums: [
    "drums", "drum", "kit", "beat", "perc", "percussion", "kick", "snare", "hats", "hihat",
    "break", "bass drum", "kick drum", "bd", "drm",
  ],
  guitar: ["guitar", "gtr", "guit", "strat", "tele", "acoustic gtr", "egtr", "strum"],
  piano: ["piano", "keys", "rhodes", "wurli", "pno", "ep", "e-piano", "keyboard", "organ"],
};

function escaped(word) {
  return word.replace(/[-/\\^$*+?.()|[\]{}]/g, "\\$&");
}

// How well a track's name fits a stem; 0: not at all.
export function nameScore(stem, name) {
  const text = " " + name.toLowerCase().replace(/[_\d]+(?!08)/g, " ") + " ";
  let best = 0;
  for (const word of WORDS[stem]) {
    const found = new RegExp("(^|[^a-z0-9])" + escaped(word) + "($|[^a-z0-9])").test(text)
      ? 3
      : new RegExp("(^|[^a-z0-9])" + escaped(word)).test(text) && word.length > 3
        ? 2
        : 0;
    best = Math.max(best, found ? found + word.length / 100 : 0);
  }
  return best;
}

// The stem a track's name speaks of most clearly, or null.
export function guessStem(name) {
  let best = null;
  let score = 0;
  for (const stem of STEMS) {
    const value = nameScore(stem, name);
    if (value > score) {
      best = stem;
      score = value;
    }
  }
  return best;
}

// Tracks that may hold a stem, best first; folders and return tracks never do.
export function candidates(stem, tracks) {
  return tracks
    .filter((track) => !track.foldable && guessStem(track.name) === stem)
    .map((track, index) => ({ track, index, score: nameScore(stem, track.name) }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .map((entry) => entry.track);
}
