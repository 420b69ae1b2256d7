// Musical time. A beat is a quarter note, as Live counts; times on the timeline are in beats.

// Decimal text without exponent or trailing zeros: exact on the wire where a float32 is not.
export function decimal(value) {
  const text = Number(value).toFixed(9);
  return text.indexOf(".") < 0 ? text : text.replace(/0+$/, "").replace(/\.$/, "");
}

// Live keeps the tempo as a 32-bit float: 87.3 reads back as 87.30000305. Six significant digits
// give the number that the musician typed.
export function tempoText(bpm) {
  return decimal(Number(Number(bpm).toPrecision(6)));
}

export function barBeats(numerator, denominator) {
  return (numerator * 4) / denominator;
}

export function floorToBar(beats, beatsPerBar) {
  return Math.max(0, Math.floor(beats / beatsPerBar + 1e-6) * beatsPerBar);
}

export function barNumber(beats, beatsPerBar) {
  return Math.floor(beats / beatsPerBar + 1e-6) + 1;
}

export function beatsToSeconds(beats, bpm) {
  return (beats * 60) / bpm;
}

export function secondsToBeats(seconds, bpm) {
  return (seconds * bpm) / 60;
}

// The daemon's promise: every file is exactly this long.
export function expectedFrames(beats, bpm, rate) {
  return Math.floor((beats * 60 * rate) / bpm + 0.5);
}

// Two spans [start, end) share more than a sample's worth of time.
export function overlaps(startA, endA, startB, endB) {
  return startA < endB - 1e-4 && startB < endA - 1e-4;
}

// The bars to fill. Lengths in bars start at the playhead's bar; brace and clip bring their own.
// `song`: {time, beatsPerBar, loopStart, loopLength}; `clip`: {start, end} or null.
export function requestedSpan(length, song, clip) {
  if (length === "loop") {
    return { start: song.loopStart, beats: song.loopLength };
  }
  if (length === "clip") {
    const isLong = clip !== null && clip.end > clip.start;
    return isLong ? { start: clip.start, beats: clip.end - clip.start } : null;
  }
  return {
    start: floorToBar(song.time, song.beatsPerBar),
    beats: length * song.beatsPerBar,
  };
}

// "bars 5-12", for the status line.
export function spanText(span, beatsPerBar) {
  const first = barNumber(span.start, beatsPerBar);
  const last = Math.max(first, barNumber(span.start + span.beats - 1e-3, beatsPerBar));
  return first === last ? "bar " + first : "bars " + first + "-" + last;
}
