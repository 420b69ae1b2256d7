// Putting a finished file into the set: on its stem's own track, at the exact beat, as long as it
// is, not stretched; then reading everything back, because Live changes some settings later or not
// at all. One clip at a time; every change to the set happens in a Task or a message, never inside
// a notification.

import { secondsToBeats } from "./beats.js";
import { MidiPlacer } from "./midi_placing.js";
import { folderOf } from "./paths.js";
import { roleOf } from "./roles.js";
import { Settler, wantsWarp } from "./settling.js";
import { forget, freeSlot, inTheWay, isOurs, outlasts, remember } from "./takes.js";
import { capital } from "./words.js";

const OWN = " (stembridge)";

function clipName(order) {
  return capital(order.stem) + " seed " + order.seed + " take " + order.number;
}

function withNotes(result, notes) {
  return Object.assign({}, result, { notes: result.notes.concat(notes) });
}

export class Placer {
  // `host`: {state, sources(), later(ms, f), changed()}
  constructor(bridge, host) {
    this.bridge = bridge;
    this.host = host;
    this.settler = new Settler(bridge, host.later);
    this.midi = new MidiPlacer(bridge, host);
    this.queue = [];
    this.busy = false;
    this.log = [];
  }

  // `order`: {job, stem, variation, number, path, midi, frames, rate, start, beats, bpm, seed, place,
  // clips, follow, cancelled()}; `done(result)`: {ok, problem, notes, take, replaced}.
  place(order, done) {
    this.queue.push({ order, done });
    this.next();
  }

  next() {
    if (this.busy || !this.queue.length) {
      return;
    }
    this.busy = true;
    const { order, done } = this.queue.shift();
    this.host.later(1, () => {
      const finish = (result) => {
        this.busy = false;
        this.log = this.log.concat([{ order, result }]).slice(-20);
        done(result);
        this.next();
      };
      const wantsNotes = (order.clips || "audio") !== "audio";
      if (order.cancelled()) {
        finish({ ok: false, problem: "", notes: [], replaced: [] });
      } else if (wantsNotes && !order.midi) {
        const note = "The notes of the " + order.stem + " are not known: placed as audio.";
        this.asAudio(order, (result) => finish(withNotes(result, [note])));
      } else if (order.clips === "midi") {
        finish(this.asMidi(order));
      } else if (order.clips === "both") {
        this.asAudio(order, (result) => finish(result.ok ? this.asMidi(order, result) : result));
      } else {
        this.asAudio(order, finish);
      }
    });
  }

  asAudio(order, finish) {
    if (order.place === "session") {
      this.inSession(order, finish);
    } else {
      this.inArrangement(order, finish);
    }
  }

  // The notes, beside the audio that was placed, or alone.
  asMidi(order, audio) {
    const made = this.midi.place(order, clipName(order));
    if (made.problem) {
      const failed = { ok: false, problem: made.problem, notes: [], replaced: [] };
      return audio ? withNotes(audio, [made.problem]) : failed;
    }
    const replaced = new Set((audio ? audio.replaced : []).concat(made.replaced));
    for (const take of made.replaced) {
      this.host.state.takes = forget(this.host.state.takes, take.path);
    }
    const take = audio ? audio.take : this.takeOf(order, { name: made.clip.track }, order.place);
    take.midiClip = made.clip;
    this.host.changed();
    const notes = (audio ? audio.notes : []).concat(made.notes);
    return { ok: true, notes, take, replaced: [...replaced] };
  }

  // The stem's track: the user's choice, else our own, else a new one. {track} or {problem}.
  target(order, avoidChosen) {
    const tracks = this.bridge.tracks();
    const choice = this.host.sources()[order.stem];
    const chosen = choice && !avoidChosen ? tracks.find((one) => one.name === choice.name) : null;
    const track = chosen || this.own(order.stem, tracks) || this.created(order.stem);
    if (!track) {
      return { problem: "Live made no new audio track." };
    }
    const why = this.refusal(track);
    return why ? { problem: why } : { track };
  }

  refusal(track) {
    const name = '"' + track.name + '"';
    if (!track.audio || track.foldable) {
      return name + " is not an audio track: choose another.";
    }
    if (track.frozen) {
      return name + " is frozen: unfreeze it, then press Place.";
    }
    if (track.armed && this.bridge.songInfo().recording) {
      return name + " is recording: stop, then press Place.";
    }
    return "";
  }

  own(stem, tracks) {
    const known = this.host.state.tracks[stem];
    if (!known) {
      return null;
    }
    const found =
      tracks.find((track) => track.id === known.id) ||
      tracks.find((track) => track.name === known.name && track.audio);
    if (found) {
      known.id = found.id;
      known.name = found.name;
    }
    return found || null;
  }

  created(stem) {
    const id = this.bridge.createTrack();
    if (!id || !this.bridge.exists(id)) {
      return null;
    }
    const name = capital(stem) + OWN;
    this.bridge.set(id, "name", name);
    this.bridge.set(id, "color", roleOf(stem).colour);
    this.host.state.tracks[stem] = { id, name };
    return this.bridge.track(id);
  }

  inArrangement(order, finish) {
    const spot = this.spot(order, false);
    if (spot.problem) {
      finish({ ok: false, problem: spot.problem, notes: [], replaced: [] });
      return;
    }
    const id = this.bridge.createClip(spot.owner, order.path, order.start);
    if (!id) {
      const why = 'Live refused the clip on "' + spot.track.name + '": is the track recording?';
      finish({ ok: false, problem: why, notes: spot.notes, replaced: [] });
      return;
    }
    const replaced = this.sweep(order, spot, id);
    this.dress(order, id);
    const take = this.takeOf(order, spot.track, "arrangement");
    this.settler.verify(order, id, (notes) => {
      finish({ ok: true, clip: id, notes: spot.notes.concat(notes), take, replaced });
    });
  }

  // Where the clip can go: {track, owner (track or take lane), ours, notes} or {problem}.
  spot(order, avoidChosen) {
    const { track, problem } = this.target(order, avoidChosen);
    if (problem) {
      return { problem };
    }
    const song = this.bridge.songInfo();
    const end = order.start + secondsToBeats(order.frames / order.rate, song.tempo);
    if (order.variation > 0) {
      return this.lane(order, track, end);
    }
    const clips = this.bridge.arrangementClips(track.id);
    const way = inTheWay(clips, this.host.state.takes, order.start, end);
    if (!way.theirs.length) {
      return { track, owner: track.id, ours: way.ours, notes: [] };
    }
    const name = way.theirs[0].name || "a clip";
    if (this.host.sources()[order.stem] && !avoidChosen) {
      const spot = this.spot(order, true);
      if (!spot.problem) {
        spot.notes = ['"' + name + '" was in the way: placed on "' + spot.track.name + '".'];
      }
      return spot;
    }
    const where = '"' + name + '" is in the way on "' + track.name + '"';
    return { problem: where + ": move it, press Place." };
  }

  // Take 2, 3 … go to take lanes whose bars are free.
  lane(order, track, end) {
    const isFree = (lane) =>
      !inTheWay(this.bridge.arrangementClips(lane), [], order.start, end).theirs.length;
    const free = this.bridge.takeLanes(track.id).find(isFree);
    const owner = free || this.bridge.createTakeLane(track.id);
    return owner
      ? { track, owner, ours: [], notes: [] }
      : { problem: 'No take lane on "' + track.name + '": the file is in the folder.' };
  }

  // Our own earlier take makes room only now that the new clip stands. What is left of a longer
  // take at the same tempo goes on playing before and after the new bars.
  sweep(order, spot, id) {
    const replaced = [];
    for (const clip of spot.ours) {
      const take = this.host.state.takes.find((one) => one.path === clip.path);
      replaced.push(take);
      if (!outlasts(take, order)) {
        if (clip.id !== id && this.bridge.exists(clip.id)) {
          this.bridge.deleteClip(spot.track.id, clip.id);
        }
        this.host.state.takes = forget(this.host.state.takes, clip.path);
      }
    }
    return replaced;
  }

  dress(order, id) {
    this.bridge.set(id, "name", clipName(order));
    this.bridge.set(id, "color", roleOf(order.stem).colour);
    this.bridge.set(id, "warping", wantsWarp(order) ? 1 : 0);
  }

  takeOf(order, track, place) {
    const take = {
      job: order.job, stem: order.stem, variation: order.variation, path: order.path,
      start: order.start, beats: order.beats, bpm: order.bpm, seed: order.seed, place,
      track: track.name, frames: order.frames, rate: order.rate, follow: order.follow,
      more: order.more, clips: order.clips, midi: order.midi, sound: order.sound,
      number: order.number, folder: order.folder || folderOf(order.path),
    };
    this.host.state.takes = remember(this.host.state.takes, take);
    this.host.changed();
    return take;
  }

  inSession(order, finish) {
    const { track, problem } = this.target(order, false);
    if (problem) {
      finish({ ok: false, problem, notes: [], replaced: [] });
      return;
    }
    let slots = this.bridge.slots(track.id);
    let index = freeSlot(slots, this.host.state.takes);
    if (index < 0) {
      this.bridge.at(this.bridge.song).call("create_scene", -1);
      slots = this.bridge.slots(track.id);
      index = freeSlot(slots, this.host.state.takes);
    }
    const id = index < 0 ? 0 : this.bridge.createSlotClip(slots[index].id, order.path);
    if (!id) {
      const why = 'Live refused the clip in a slot of "' + track.name + '".';
      finish({ ok: false, problem: why, notes: [], replaced: [] });
      return;
    }
    this.dress(order, id);
    const take = this.takeOf(order, track, "session");
    this.settler.verify(order, id, (notes) => {
      finish({ ok: true, clip: id, notes, take, replaced: [] });
    });
  }

  // Take a clip of ours back; answers whether it was found. The user's clips are out of reach.
  remove(take) {
    if (!isOurs(this.host.state.takes, take.path)) {
      return false;
    }
    this.host.state.takes = forget(this.host.state.takes, take.path);
    let found = this.midi.remove(take);
    for (const track of this.bridge.tracks().filter((one) => one.audio && !one.foldable)) {
      const owners = [track.id].concat(this.bridge.takeLanes(track.id));
      for (const owner of owners) {
        for (const clip of this.bridge.arrangementClips(owner)) {
          if (clip.path === take.path) {
            this.bridge.deleteClip(track.id, clip.id);
            found = true;
          }
        }
      }
      for (const slot of this.bridge.slots(track.id)) {
        if (slot.path === take.path) {
          this.bridge.deleteSlotClip(slot.id);
          found = true;
        }
      }
    }
    return found;
  }
}
