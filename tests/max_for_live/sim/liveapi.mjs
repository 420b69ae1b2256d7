// The class LiveAPI as scripts in Max see it: get() answers arrays, ids are text, what is gone has
// id "0", and an object made before live.thisdevice has spoken stays dead.

function ids(list) {
  return list.flatMap((object) => ["id", object.id]);
}

const ROUTINGS = {
  input_routing_type: "type",
  input_routing_channel: "channel",
};

function routing(live, track, name) {
  const offer = (list) => list.map((shown, index) => ({ display_name: shown, identifier: index }));
  const types = ["Ext. In", "Resampling", ...live.tracks.filter((t) => t !== track).map((t) => t.name)];
  const channels = track.routing.type === "Ext. In" ? ["1", "2"] : ["Post FX", "Post Mixer", "Pre FX"];
  const all = { input_routing_type: offer(types), input_routing_channel: offer(channels) };
  const kind = name.replace(/^available_|s$/g, "");
  if (name.startsWith("available_")) {
    return JSON.stringify({ [name]: all[kind] });
  }
  const now = all[kind].find((one) => one.display_name === track.routing[ROUTINGS[kind]]);
  return JSON.stringify({ [kind]: now || all[kind][0] });
}

const READ = {
  song: (live) => ({
    tempo: live.tempo,
    signature_numerator: live.set.numerator ?? 4,
    signature_denominator: live.set.denominator ?? 4,
    current_song_time: live.time,
    loop: 1,
    loop_start: live.set.loopStart ?? 0,
    loop_length: live.set.loopLength ?? 16,
    is_playing: live.playing,
    record_mode: live.set.recording ? 1 : 0,
    file_path: live.set.file ?? "",
    name: live.set.name ?? "Untitled",
    tracks: ids(live.tracks),
    scenes: [],
  }),
  view: (live, view) => ({
    detail_clip: ["id", view.detail],
    highlighted_clip_slot: ["id", 0],
    selected_track: ids(live.tracks.slice(0, 1)),
  }),
  track: (live, track) => ({
    name: track.name,
    has_audio_input: track.audio ? 1 : 0,
    has_midi_input: track.midi ? 1 : 0,
    is_foldable: track.group ? 1 : 0,
    is_frozen: track.frozen ? 1 : 0,
    mute: track.mute,
    color: track.color,
    devices: ids(track.devices),
    clip_slots: ids(track.slots),
    arrangement_clips: ids(track.clips),
    take_lanes: ids(track.lanes),
    playing_slot_index: track.playing,
    current_monitoring_state: track.monitoring,
    ...(track.group ? {} : { arm: track.arm }),
    ...Object.fromEntries(
      Object.keys(ROUTINGS).flatMap((name) => [
        [name, routing(live, track, name)],
        [`available_${name}s`, routing(live, track, `available_${name}s`)],
      ]),
    ),
  }),
  slot: (live, slot) => ({
    has_clip: slot.clip ? 1 : 0,
    clip: slot.clip ? ["id", slot.clip.id] : ["id", 0],
  }),
  lane: (live, lane) => ({ arrangement_clips: ids(lane.clips), name: "Take" }),
};

function writeTrack(track, name, value) {
  if (ROUTINGS[name]) {
    track.routing[ROUTINGS[name]] = JSON.parse(value)[name].display_name;
    return true;
  }
  const key = { current_monitoring_state: "monitoring" }[name] || name;
  if (!["name", "color", "arm", "mute", "monitoring"].includes(key)) {
    return false;
  }
  track[key] = value;
  return true;
}

const CALLS = {
  song: (live, song, name, args) => {
    if (name === "create_audio_track") return live.createTrack(false);
    if (name === "create_midi_track") return live.createTrack(true);
    if (name === "stop_playing") return void (live.playing = 0) ?? 0;
    if (name === "create_scene") {
      live.tracks.forEach((track) => track.slots.push(live.add({ kind: "slot", track, clip: null })));
      return ["id", live.add({ kind: "scene" }).id];
    }
    return undefined;
  },
  app: (live, app, name) => (name === "get_version_string" ? "12.2" : undefined),
  track: (live, track, name, args) => {
    if (name === "create_audio_clip") return live.createClip(track, track.clips, ...args);
    if (name === "create_midi_clip") return live.createMidiClip(track, track.clips, ...args);
    if (name === "create_take_lane") {
      const lane = live.add({ kind: "lane", track, clips: [] });
      track.lanes.push(lane);
      return ["id", lane.id];
    }
    if (name === "delete_clip") {
      const id = Number(String(args[0]).replace("id ", ""));
      for (const list of [track.clips, ...track.lanes.map((lane) => lane.clips)]) {
        const at = list.findIndex((clip) => clip.id === id);
        if (at >= 0) list.splice(at, 1);
      }
      live.objects.delete(id);
      return 0;
    }
    return undefined;
  },
  lane: (live, lane, name, args) =>
    name === "create_audio_clip" ? live.createClip(lane.track, lane.clips, ...args) : undefined,
  slot: (live, slot, name, args) => {
    if (name === "create_audio_clip") return live.createSlotClip(slot, ...args);
    if (name === "create_clip") return live.createMidiSlotClip(slot, args[0]);
    if (name === "fire") return void live.fire(slot, args[0]) ?? 0;
    if (name === "delete_clip") {
      live.objects.delete(slot.clip.id);
      slot.clip = null;
      return 0;
    }
    return undefined;
  },
  clip: (live, clip, name, args) => clip.call(name, args),
};
const READS_ONLY = ["get_notes_extended", "get_version_string"];

export function liveApiClass(live) {
  return class LiveAPI {
    constructor(first, second) {
      const path = typeof first === "function" ? second : first;
      this.dead = !live.isOpen;
      if (this.dead) live.complain("LiveAPI before live.thisdevice");
      this.object = this.dead ? null : this.resolve(String(path));
    }

    resolve(path) {
      const named = { live_set: live.song, "live_set view": live.view, live_app: live.app };
      const id = /^id (\d+)$/.exec(path);
      return named[path] || (id && live.objects.get(Number(id[1]))) || null;
    }

    get id() {
      return this.object && live.objects.has(this.object.id) ? String(this.object.id) : "0";
    }

    set id(value) {
      this.object = this.dead ? null : live.objects.get(Number(value)) || null;
    }

    get path() {
      return this.object ? `(${this.object.kind} ${this.object.id})` : "";
    }

    get type() {
      return this.object ? this.object.kind : "";
    }

    get(name) {
      const object = this.id === "0" ? null : this.object;
      if (!object) {
        live.complain(`get ${name} of nothing`);
        return [0];
      }
      const value =
        object.kind === "clip" ? object.get(name) : READ[object.kind](live, object)[name];
      if (value === undefined) {
        live.complain(`${object.kind} has no ${name}`);
        return [0];
      }
      return Array.isArray(value) ? value : [value];
    }

    set(name, value) {
      live.change();
      const object = this.id === "0" ? null : this.object;
      let isTaken = false;
      if (object && object.kind === "clip") isTaken = object.set(name, value);
      if (object && object.kind === "track") isTaken = writeTrack(object, name, value);
      if (object && object.kind === "song" && name === "current_song_time") {
        live.time = value;
        isTaken = true;
      }
      if (!isTaken) live.complain(`set ${name} refused`);
    }

    call(name, ...args) {
      if (!READS_ONLY.includes(name)) live.change();
      const object = this.id === "0" ? null : this.object;
      const answer = object && CALLS[object.kind] ? CALLS[object.kind](live, object, name, args) : undefined;
      if (answer === undefined) live.complain(`call ${name} refused`);
      return answer;
    }
  };
}
