// "snapshot": what Live's object model really answers, written beside the device as JSON. It lets
// the first person with Live check the beliefs that the tests' imitation of Live is built on.

const SONG = [
  "tempo", "signature_numerator", "signature_denominator", "current_song_time", "loop",
  "loop_start", "loop_length", "is_playing", "record_mode", "file_path", "name", "tracks", "scenes",
];
const TRACK = [
  "name", "has_audio_input", "has_midi_input", "is_foldable", "is_frozen", "arm", "mute", "color",
  "devices", "clip_slots", "arrangement_clips", "take_lanes", "playing_slot_index",
  "input_routing_type", "input_routing_channel", "available_input_routing_types",
  "available_input_routing_channels", "current_monitoring_state",
];
const CLIP = [
  "name", "is_audio_clip", "is_midi_clip", "is_recording", "file_path", "start_time", "end_time",
  "start_marker", "end_marker", "loop_start", "loop_end", "looping", "warping", "warp_mode",
  "warp_markers", "gain", "gain_display_string", "muted", "color", "sample_length", "sample_rate",
];
const MOST_TRACKS = 12;
const MOST_CLIPS = 6;
const SLICE = 4000;

export function takeSnapshot(bridge, more) {
  const report = { kind: "stembridge-snapshot", live: bridge.version(), more };
  report.song = bridge.raw("live_set", SONG);
  report.view = bridge.raw("live_set view", ["detail_clip", "highlighted_clip_slot", "selected_track"]);
  report.tracks = bridge.tracks().slice(0, MOST_TRACKS).map((track) => {
    const entry = bridge.raw("id " + track.id, TRACK);
    const ids = bridge
      .children(track.id, "arrangement_clips")
      .concat(bridge.slots(track.id).map((slot) => slot.clip).filter((id) => id));
    entry.clips = ids.slice(0, MOST_CLIPS).map((id) => bridge.raw("id " + id, CLIP));
    return entry;
  });
  return report;
}

// Max's File writes long texts badly: small slices. Answers the path, or "" if it failed.
export function writeSnapshot(folder, name, report) {
  const path = folder.replace(/[^/]*$/, "") + name;
  const text = JSON.stringify(report, null, 1);
  const file = new File(path, "write", "TEXT");
  if (!file.isopen) {
    return "";
  }
  for (let at = 0; at < text.length; at += SLICE) {
    file.writestring(text.slice(at, at + SLICE));
  }
  file.eof = file.position;
  file.close();
  return path;
}
