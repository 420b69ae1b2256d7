// The only module that talks to Live (its object model, by LiveAPI); all else sees plain objects.
// What Live is known to do: get() answers arrays; ids are text; a call that fails answers id 0;
// setting "warping" takes effect later; routings travel as JSON text.

import { gainFromDb, readMarkers } from "./geometry.js";
import { pathForms, plainPath } from "./paths.js";

export class LiveBridge {
  constructor() {
    this.api = null;
  }

  // Not before live.thisdevice has spoken: a LiveAPI made earlier stays dead without a word.
  open() {
    this.api = new LiveAPI("live_set");
    this.song = Number(this.api.id);
    return this.song !== 0;
  }

  at(id) {
    this.api.id = Number(id);
    return this.api;
  }

  exists(id) {
    return Number(id) !== 0 && Number(this.at(id).id) === Number(id);
  }

  value(id, name) {
    const got = this.at(id).get(name);
    return Array.isArray(got) ? got[0] : got;
  }

  number(id, name) {
    const value = Number(this.value(id, name));
    return isFinite(value) ? value : 0;
  }

  text(id, name) {
    const value = this.value(id, name);
    return value === undefined || value === null ? "" : String(value);
  }

  children(id, name) {
    const got = this.at(id).get(name);
    const ids = [];
    for (let index = 0; Array.isArray(got) && index + 1 < got.length; index += 2) {
      if (got[index] === "id" && Number(got[index + 1]) !== 0) {
        ids.push(Number(got[index + 1]));
      }
    }
    return ids;
  }

  set(id, name, value) {
    this.at(id).set(name, value);
  }

  // The id a creating function answered with; 0 if it failed.
  created(answer) {
    const list = Array.isArray(answer) ? answer : [answer];
    const at = list.indexOf("id");
    const id = Number(at >= 0 ? list[at + 1] : list[0]);
    return isFinite(id) ? id : 0;
  }

  songInfo() {
    const id = this.song;
    const numerator = this.number(id, "signature_numerator") || 4;
    const denominator = this.number(id, "signature_denominator") || 4;
    return {
      tempo: this.number(id, "tempo"),
      numerator,
      denominator,
      beatsPerBar: (numerator * 4) / denominator,
      time: this.number(id, "current_song_time"),
      loopStart: this.number(id, "loop_start"),
      loopLength: this.number(id, "loop_length"),
      playing: this.number(id, "is_playing") === 1,
      recording: this.number(id, "record_mode") === 1,
      file: this.text(id, "file_path"),
      name: this.text(id, "name"),
    };
  }

  tracks() {
    return this.children(this.song, "tracks").map((id) => this.track(id));
  }

  track(id) {
    return {
      id,
      name: this.text(id, "name"),
      audio: this.number(id, "has_audio_input") === 1,
      midi: this.number(id, "has_midi_input") === 1,
      foldable: this.number(id, "is_foldable") === 1,
      frozen: this.number(id, "is_frozen") === 1,
      armed: this.number(id, "is_foldable") !== 1 && this.number(id, "arm") === 1,
      devices: this.children(id, "devices").length,
    };
  }

  arrangementClips(trackId) {
    return this.children(trackId, "arrangement_clips").map((id) => this.clip(id));
  }

  clip(id) {
    const isAudio = this.number(id, "is_audio_clip") === 1;
    const common = {
      id,
      audio: isAudio,
      name: this.text(id, "name"),
      start: this.number(id, "start_time"),
      end: this.number(id, "end_time"),
      loopStart: this.number(id, "loop_start"),
      loopEnd: this.number(id, "loop_end"),
      looping: this.number(id, "looping") === 1,
      path: "",
    };
    return isAudio ? Object.assign(common, this.audioClip(id, common.looping)) : common;
  }

  // What only audio clips can be asked for (Live prints an error for others).
  audioClip(id, looping) {
    const warping = this.number(id, "warping") === 1;
    return {
      path: plainPath(this.text(id, "file_path")),
      clipStart: this.number(id, looping ? "start_marker" : "loop_start"),
      warping,
      markers: warping ? readMarkers(this.value(id, "warp_markers")) : null,
      gain: gainFromDb(this.text(id, "gain_display_string")),
      muted: this.number(id, "muted") === 1,
      frames: this.number(id, "sample_length"),
      rate: this.number(id, "sample_rate"),
    };
  }

  slots(trackId) {
    return this.children(trackId, "clip_slots").map((id) => {
      const hasClip = this.number(id, "has_clip") === 1;
      const clip = hasClip ? this.child(id, "clip") : 0;
      const isAudio = clip !== 0 && this.number(clip, "is_audio_clip") === 1;
      return { id, hasClip, clip, path: isAudio ? plainPath(this.text(clip, "file_path")) : "" };
    });
  }

  child(id, name) {
    return this.children(id, name)[0] || 0;
  }

  playingClip(trackId) {
    const index = this.number(trackId, "playing_slot_index");
    const slot = index >= 0 ? this.children(trackId, "clip_slots")[index] : 0;
    const clip = slot ? this.child(slot, "clip") : 0;
    return clip ? this.clip(clip) : null;
  }

  detailClip() {
    const view = new LiveAPI("live_set view");
    const got = view.get("detail_clip");
    const id = this.created(got);
    return id && this.exists(id) ? this.clip(id) : null;
  }

  midiNotes(clipId, from, length) {
    const answer = this.at(clipId).call("get_notes_extended", 0, 128, from, length);
    try {
      const text = Array.isArray(answer) ? answer[0] : answer;
      const notes = (typeof text === "string" ? JSON.parse(text) : text).notes || [];
      return notes.map(({ pitch, start_time, duration, velocity }) => ({
        pitch, start: start_time - from, duration, velocity,
      }));
    } catch (error) {
      return [];
    }
  }

  createTrack(kind = "audio") {
    return this.created(this.at(this.song).call("create_" + kind + "_track", -1));
  }

  createMidiClip(trackId, start, beats) {
    return this.created(this.at(trackId).call("create_midi_clip", start, beats));
  }

  createMidiSlotClip(slotId, beats) {
    this.at(slotId).call("create_clip", beats);
    return this.child(slotId, "clip");
  }

  // `notes`: [{pitch, start, duration, velocity}], in beats from the clip's own beat 0.
  addNotes(clipId, notes) {
    const told = ({ pitch, start, duration, velocity }) => ({
      pitch, start_time: start, duration, velocity,
    });
    this.at(clipId).call("add_new_notes", { notes: notes.map(told) });
  }

  // `owner`: a track or a take lane. Live's manual asks for /Volumes/... on a Mac; others report that
  // the plain path works: try both.
  createClip(owner, path, beats) {
    for (const form of pathForms(path)) {
      const id = this.created(this.at(owner).call("create_audio_clip", form, beats));
      if (id) {
        return id;
      }
    }
    return 0;
  }

  createSlotClip(slotId, path) {
    for (const form of pathForms(path)) {
      const id = this.created(this.at(slotId).call("create_audio_clip", form));
      if (id || this.number(slotId, "has_clip") === 1) {
        return id || this.child(slotId, "clip");
      }
    }
    return 0;
  }

  takeLanes(trackId) {
    return this.children(trackId, "take_lanes");
  }

  createTakeLane(trackId) {
    return this.created(this.at(trackId).call("create_take_lane"));
  }

  deleteClip(trackId, clipId) {
    this.at(trackId).call("delete_clip", "id " + clipId);
  }

  deleteSlotClip(slotId) {
    this.at(slotId).call("delete_clip");
  }

  warpMarkers(clipId) {
    return readMarkers(this.value(clipId, "warp_markers")) || [];
  }

  addWarpMarker(clipId, beat, second) {
    this.at(clipId).call("add_warp_marker", { beat_time: beat, sample_time: second });
  }

  moveWarpMarker(clipId, beat, distance) {
    this.at(clipId).call("move_warp_marker", beat, distance);
  }

  // A routing by its shown name: answers whether Live took it.
  route(trackId, kind, shownName) {
    const offered = this.routings(trackId, "available_" + kind + "s");
    const wanted = offered.find((one) => one.display_name === shownName);
    if (!wanted) {
      return false;
    }
    this.set(trackId, kind, JSON.stringify({ [kind]: wanted }));
    const now = this.routings(trackId, kind);
    return now.some((one) => one.display_name === shownName);
  }

  routings(trackId, name) {
    try {
      const value = JSON.parse(this.text(trackId, name))[name];
      return Array.isArray(value) ? value : [value];
    } catch (error) {
      return [];
    }
  }

  record(slotId, beats) {
    this.at(slotId).call("fire", beats);
  }

  stopSong() {
    this.at(this.song).call("stop_playing");
  }

  seek(beats) {
    this.set(this.song, "current_song_time", beats);
  }

  version() {
    const answer = new LiveAPI("live_app").call("get_version_string");
    return String(Array.isArray(answer) ? answer[0] : answer);
  }

  // What Live answers about a path, unread: for `snapshot`.
  raw(path, names) {
    const api = new LiveAPI(path);
    const found = { path: String(api.path), id: api.id, type: String(api.type), values: {} };
    for (const name of Number(api.id) === 0 ? [] : names) {
      try {
        found.values[name] = api.get(name);
      } catch (error) {
        found.values[name] = { error: String(error) };
      }
    }
    return found;
  }
}
