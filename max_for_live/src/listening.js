// Finding what the new part listens to: for each locked stem its track, the clips under the
// requested bars, and the pieces of their files. What cannot be heard is said, never left out
// silently.

import { beatsToSeconds, overlaps } from "./beats.js";
import { pieces } from "./geometry.js";
import { MAX_CLIPS } from "./protocol.js";
import { candidates, guessStem, ROLE_LOCK, STEMS } from "./roles.js";

export class Listener {
  constructor(bridge) {
    this.bridge = bridge;
  }

  // The track a source choice {id, name, nth} means now; null if it is gone.
  chosen(choice, tracks) {
    const byId = tracks.find((track) => track.id === choice.id && track.name === choice.name);
    const named = tracks.filter((track) => track.name === choice.name);
    return byId || named[choice.nth] || named[0] || null;
  }

  hasTrack(stem, names) {
    return names.some((name) => guessStem(name) === stem);
  }

  // {clips, heard, notes, blocked, toPrint}; `settings`: {roles, sources, place, ownTakes}.
  gather(making, span, song, settings) {
    const found = { clips: [], heard: [], notes: [], blocked: "", toPrint: null };
    const tracks = this.bridge.tracks();
    for (const stem of STEMS) {
      if (making.indexOf(stem) < 0 && settings.roles[stem] === ROLE_LOCK && !found.blocked) {
        this.listenTo(stem, tracks, span, song, settings, found);
      }
    }
    if (found.clips.length > MAX_CLIPS) {
      found.blocked = "More than 64 pieces of audio under these bars: consolidate the clips.";
    }
    return found;
  }

  listenTo(stem, tracks, span, song, settings, found) {
    const choice = settings.sources[stem];
    const chosen = choice ? this.chosen(choice, tracks) : null;
    if (choice && !chosen) {
      found.blocked = 'The track "' + choice.name + '" is gone: choose another for ' + stem + ".";
      return;
    }
    const options = chosen ? [chosen] : candidates(stem, tracks);
    for (const track of options) {
      const parts = track.audio ? this.heardOn(track, span, song, settings) : [];
      if (parts.length) {
        this.take(stem, track, parts, found);
        return;
      }
    }
    const own = this.ownPieces(stem, span, song, settings);
    if (own.length) {
      this.take(stem, { devices: 0 }, own, found);
      return;
    }
    this.unheard(stem, options, found);
  }

  // A take of ours that lies there as notes: its sound is in its file.
  ownPieces(stem, span, song, settings) {
    const isIt = (take) => take.stem === stem && take.midiClip;
    const own = (settings.ownTakes || []).filter(isIt).pop();
    return own ? pieces(laidTake(own), span, song.tempo) : [];
  }

  take(stem, track, parts, found) {
    for (const part of parts) {
      found.clips.push(Object.assign({ stem }, part));
    }
    found.heard.push(stem);
    if (track.devices > 0) {
      found.notes.push('The effects on "' + track.name + '" are not heard; Print includes them.');
      found.toPrint = found.toPrint || { stem, track };
    }
  }

  unheard(stem, options, found) {
    const midi = options.find((track) => track.midi && !track.audio);
    if (midi) {
      found.toPrint = { stem, track: midi };
      const way = "press Print, or set " + stem + " to Off.";
      found.blocked = '"' + midi.name + '" is a MIDI track: ' + way;
    } else if (options.length) {
      found.notes.push('"' + options[0].name + '" has no audio under these bars.');
    }
  }

  heardOn(track, span, song, settings) {
    const playing = () => this.playingPieces(track, span, song);
    const arranged = () => this.arrangedPieces(track, span, song);
    const order = settings.place === "session" ? [playing, arranged] : [arranged, playing];
    const first = order[0]();
    return first.length ? first : order[1]();
  }

  arrangedPieces(track, span, song) {
    const end = span.start + span.beats;
    let found = [];
    for (const clip of this.bridge.arrangementClips(track.id)) {
      if (clip.audio && clip.path && overlaps(clip.start, clip.end, span.start, end)) {
        found = found.concat(pieces(clip, span, song.tempo));
      }
    }
    return found;
  }

  // A session clip is taken to start with the requested bars.
  playingPieces(track, span, song) {
    const clip = this.bridge.playingClip(track.id);
    if (!clip || !clip.audio || !clip.path) {
      return [];
    }
    const length = clip.looping ? span.beats : this.clipBeats(clip, song);
    const laid = Object.assign({}, clip, {
      start: span.start,
      end: span.start + Math.min(span.beats, length),
    });
    return pieces(laid, span, song.tempo);
  }

  clipBeats(clip, song) {
    const length = clip.loopEnd - clip.loopStart;
    return clip.warping ? length : (length * song.tempo) / 60;
  }
}

// A take's file as a clip that lies straight at its own tempo.
function laidTake(take) {
  const end = { beat: take.beats, second: beatsToSeconds(take.beats, take.bpm) };
  return {
    path: take.path, start: take.start, end: take.start + take.beats, clipStart: 0, looping: false,
    loopStart: 0, loopEnd: take.beats, warping: true, markers: [{ beat: 0, second: 0 }, end],
    gain: 1, muted: false,
  };
}
