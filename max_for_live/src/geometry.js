// From a clip on Live's timeline to the pieces of its file that sound under the requested bars.
//
// A plain clip here: {path, start, end, clipStart, looping, loopStart, loopEnd, warping,
// markers: [{beat, second}], gain, muted}. `start`/`end` are beats on the timeline. The clip's own
// positions are beats if it is warped, seconds if not (an unwarped clip cannot loop).

import { beatsToSeconds } from "./beats.js";

const SAME_TEMPO = 1e-5;
const MANY_REPEATS = 16;

// Seconds in the file at a clip beat, along the warp markers; outside them the edge segments go on.
export function secondsAt(markers, beat) {
  const index = segmentIndex(markers, beat);
  const a = markers[index];
  const b = markers[index + 1];
  return a.second + ((beat - a.beat) * (b.second - a.second)) / (b.beat - a.beat);
}

// Tempo of the file's own audio at a clip beat, in bpm.
export function tempoAt(markers, beat) {
  const index = segmentIndex(markers, beat);
  const a = markers[index];
  const b = markers[index + 1];
  return (60 * (b.beat - a.beat)) / (b.second - a.second);
}

function segmentIndex(markers, beat) {
  let index = 0;
  while (index < markers.length - 2 && beat >= markers[index + 1].beat - 1e-9) {
    index++;
  }
  return index;
}

// Live's "warp_markers" as a list in order, without repeats; null if there is nothing to go by.
export function readMarkers(raw) {
  let value = raw;
  try {
    value = typeof raw === "string" ? JSON.parse(raw) : raw;
  } catch (error) {
    return null;
  }
  const list = value && value.warp_markers ? value.warp_markers : value;
  if (!Array.isArray(list)) {
    return null;
  }
  const markers = list
    .map((entry) => ({ beat: Number(entry.beat_time), second: Number(entry.sample_time) }))
    .filter((entry) => isFinite(entry.beat) && isFinite(entry.second))
    .sort((a, b) => a.beat - b.beat);
  const rising = markers.filter(
    (entry, index) => index === 0 || entry.second > markers[index - 1].second,
  );
  return rising.length > 1 ? rising : null;
}

// "-3.5 dB" as a linear factor; Live's own gain runs from 0 to 1 on a curve it does not publish.
export function gainFromDb(text) {
  // In some languages Live writes a comma, and U+2212 for the minus.
  const plain = String(text).replace(/\u2212/g, "-").replace(",", ".");
  const match = /(-?\d+(?:\.\d+)?)\s*dB/i.exec(plain);
  if (/-\s*(inf|\u221e)/i.test(plain)) {
    return 0;
  }
  return match ? Math.pow(10, Number(match[1]) / 20) : 1;
}

// Runs of the clip that play without a jump: [{at, from, to}], `at` on the timeline, the others in
// clip beats.
function loopedRuns(clip, first, last) {
  const runs = [];
  let at = clip.start;
  let from = clip.clipStart;
  while (at < last - 1e-9) {
    const length = Math.min(clip.loopEnd - from, last - at);
    if (length <= 1e-9) {
      break;
    }
    if (at + length > first + 1e-9) {
      const skip = Math.max(0, first - at);
      runs.push({ at: at + skip, from: from + skip, to: from + length });
    }
    at += length;
    from = clip.loopStart;
  }
  return runs;
}

function runs(clip, first, last) {
  if (clip.looping && clip.loopEnd > clip.loopStart && clip.clipStart < clip.loopEnd) {
    return loopedRuns(clip, first, last);
  }
  const from = clip.clipStart + (first - clip.start);
  return [{ at: first, from, to: from + (last - first) }];
}

// A run cut where the warp markers change the tempo.
function segments(run, markers) {
  const cuts = markers
    .slice(1, -1)
    .map((marker) => marker.beat)
    .filter((beat) => beat > run.from + 1e-9 && beat < run.to - 1e-9);
  const edges = [run.from].concat(cuts, [run.to]);
  const parts = [];
  for (let index = 0; index + 1 < edges.length; index++) {
    const tempo = tempoAt(markers, edges[index]);
    const before = parts[parts.length - 1];
    if (before && Math.abs(before.tempo / tempo - 1) < SAME_TEMPO) {
      before.to = edges[index + 1];
    } else {
      parts.push({ from: edges[index], to: edges[index + 1], tempo });
    }
  }
  return parts;
}

function piece(clip, span, bpm, part, at) {
  const value = {
    path: clip.path,
    timeline_start_beats: at - span.start,
    file_start_s: secondsAt(clip.markers, part.from),
    length_beats: part.to - part.from,
    gain: clip.gain,
  };
  if (value.file_start_s < 0) {
    const silent = (-value.file_start_s * part.tempo) / 60;
    value.timeline_start_beats += silent;
    value.length_beats -= silent;
    value.file_start_s = 0;
  }
  if (Math.abs(part.tempo / bpm - 1) > SAME_TEMPO) {
    value.source_bpm = part.tempo;
  }
  return value.length_beats > 1e-6 ? value : null;
}

// Many repeats of a steady loop travel as one piece that the daemon repeats.
function repeatedPiece(clip, span, bpm, run, last) {
  const part = { from: run.from, to: clip.loopEnd, tempo: tempoAt(clip.markers, run.from) };
  const value = piece(clip, span, bpm, part, run.at);
  if (value) {
    value.length_beats = last - run.at;
    value.loop = 1;
    value.loop_start_s = secondsAt(clip.markers, clip.loopStart);
    value.loop_end_s = secondsAt(clip.markers, clip.loopEnd);
  }
  return value;
}

function steady(clip) {
  return segments({ from: clip.loopStart, to: clip.loopEnd }, clip.markers).length === 1;
}

// Where an unwarped clip begins in its file, in seconds. A warped one whose markers cannot be read
// is taken to run at the set's tempo.
function unwarpedStart(clip, bpm) {
  return clip.warping ? beatsToSeconds(clip.clipStart, bpm) : clip.clipStart;
}

// The pieces of one clip under a span {start, beats} at the set's tempo.
export function pieces(clip, span, bpm) {
  const first = Math.max(clip.start, span.start);
  const last = Math.min(clip.end, span.start + span.beats);
  if (clip.muted || last - first <= 1e-6) {
    return [];
  }
  if (!clip.warping || !clip.markers) {
    const skipped = beatsToSeconds(first - clip.start, bpm);
    return [
      {
        path: clip.path,
        timeline_start_beats: first - span.start,
        file_start_s: Math.max(0, unwarpedStart(clip, bpm) + skipped),
        length_beats: last - first,
        gain: clip.gain,
      },
    ];
  }
  const all = runs(clip, first, last);
  if (all.length > MANY_REPEATS && steady(clip)) {
    const value = repeatedPiece(clip, span, bpm, all[0], last);
    return value ? [value] : [];
  }
  const found = [];
  for (const run of all) {
    for (const part of segments(run, clip.markers)) {
      found.push(piece(clip, span, bpm, part, run.at + (part.from - run.from)));
    }
  }
  return found.filter((value) => value !== null);
}
