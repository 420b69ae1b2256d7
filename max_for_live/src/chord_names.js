// Chord names from the notes of a MIDI clip, as the daemon's chord text: "Am@0 F@4".

const NOTES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const SHAPES = [
  ["", [0, 4, 7]],
  ["m", [0, 3, 7]],
  ["7", [0, 4, 7, 10]],
  ["maj7", [0, 4, 7, 11]],
  ["m7", [0, 3, 7, 10]],
  ["dim", [0, 3, 6]],
  ["m7b5", [0, 3, 6, 10]],
  ["dim7", [0, 3, 6, 9]],
  ["aug", [0, 4, 8]],
  ["sus4", [0, 5, 7]],
  ["sus2", [0, 2, 7]],
  ["6", [0, 4, 7, 9]],
  ["m6", [0, 3, 7, 9]],
];

// The name for a set of pitch classes over a lowest note; null for less than two notes.
export function chordName(classes, lowest) {
  if (classes.length < 2) {
    return null;
  }
  let best = null;
  let bestScore = -Infinity;
  for (let root = 0; root < 12; root++) {
    for (const [suffix, shape] of SHAPES) {
      const wanted = shape.map((step) => (root + step) % 12);
      const hit = wanted.filter((one) => classes.indexOf(one) >= 0).length;
      const extra = classes.length - hit;
      const missing = wanted.length - hit;
      const rootHeard = classes.indexOf(root) >= 0 ? 0.5 : 0;
      const score = hit - extra - 1.2 * missing + rootHeard + (root === lowest ? 0.4 : 0);
      if (score > bestScore) {
        best = NOTES[root] + suffix;
        bestScore = score;
      }
    }
  }
  return best;
}

function soundingIn(notes, from, to) {
  const held = {};
  let lowest = 128;
  for (const note of notes) {
    const time = Math.min(to, note.start + note.duration) - Math.max(from, note.start);
    if (time > 1e-6) {
      held[note.pitch % 12] = (held[note.pitch % 12] || 0) + time;
      if (time > (to - from) * 0.3) {
        lowest = Math.min(lowest, note.pitch);
      }
    }
  }
  const classes = Object.keys(held)
    .filter((one) => held[one] > (to - from) * 0.3)
    .map(Number);
  return { classes, lowest: lowest % 12 };
}

// Notes [{pitch, start, duration}] in beats from the request's start. Chords change where at least
// two notes begin together (to an eighth), or every `grid` beats.
export function chordText(notes, lengthBeats, grid) {
  const begins = {};
  for (const note of notes) {
    const at = Math.round(note.start * 2) / 2;
    begins[at] = (begins[at] || 0) + 1;
  }
  const edges = { 0: true };
  for (const at of Object.keys(begins)) {
    edges[at] = edges[at] || (begins[at] > 1 && at >= 0 && at < lengthBeats);
  }
  for (let at = grid; at < lengthBeats; at += grid) {
    edges[at] = true;
  }
  const times = Object.keys(edges)
    .filter((at) => edges[at])
    .map(Number)
    .sort((a, b) => a - b);
  return named(notes, times, lengthBeats);
}

function named(notes, times, lengthBeats) {
  const spans = [];
  times.forEach((at, index) => {
    const to = index + 1 < times.length ? times[index + 1] : lengthBeats;
    const { classes, lowest } = soundingIn(notes, at, to);
    const name = chordName(classes, lowest);
    const before = spans[spans.length - 1];
    if (name && !(before && before.name === name)) {
      spans.push({ at, name });
    }
  });
  if (spans.length) {
    spans[0].at = 0;
  }
  return spans.map((span) => span.name + "@" + span.at).join(" ");
}
