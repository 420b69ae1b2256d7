// What the buttons do.

import { requestedSpan, spanText } from "./beats.js";
import { chordText } from "./chord_names.js";
import { DEFAULT_PORT } from "./protocol.js";
import { ROLE_LOCK, ROLE_MAKE, STEMS } from "./roles.js";
import { takeSnapshot, writeSnapshot } from "./snapshot.js";
import { newest } from "./takes.js";
import { PATH_SIGNS, shortPath } from "./words.js";

const SNAPSHOT_FILE = "stembridge-snapshot.json";

export class Actions {
  constructor(device) {
    this.device = device;
    this.toPrint = null; // the track that could not be heard when it was last needed
  }

  make(stem) {
    this.request([stem]);
  }

  generate() {
    const chosen = STEMS.filter((stem) => this.device.settings.roles[stem] === ROLE_MAKE);
    this.request(chosen.length ? chosen : this.missing());
  }

  // Stems without a track: what "Generate" makes when no role says Make.
  missing() {
    const names = this.device.bridge.tracks().map((track) => track.name);
    return STEMS.filter((stem) => {
      const isLocked = this.device.settings.roles[stem] === ROLE_LOCK;
      const isFree = !this.device.settings.sources[stem];
      return isLocked && isFree && !this.device.listener.hasTrack(stem, names);
    });
  }

  request(stems) {
    this.device.sources.show();
    const song = this.device.bridge.songInfo();
    const span = this.span(song);
    if (!stems.length) {
      this.device.say("Nothing to make", "Set at least one stem to Make.");
    } else if (!this.device.link.connected()) {
      this.device.status.note = null;
      this.device.refresh();
    } else if (!span) {
      this.device.say("No clip selected", "Click a clip, or choose another length.");
    } else {
      this.begin(stems, song, span, {});
    }
  }

  span(song) {
    const view = this.device.settings.length === "clip" ? this.device.bridge.detailClip() : null;
    return requestedSpan(this.device.settings.length, song, view);
  }

  // `fixed` overrides what the controls say (Re-time).
  begin(stems, song, span, fixed) {
    const { settings } = this.device;
    const options = Object.assign({}, settings, {
      place: fixed.place || settings.place, ownTakes: this.device.state.takes,
    });
    const found = this.device.listener.gather(stems, span, song, options);
    this.toPrint = found.toPrint || this.toPrint;
    if (found.blocked) {
      this.device.say("Cannot listen", found.blocked);
      return;
    }
    const chords = fixed.chords !== undefined ? fixed.chords : this.chords(span);
    if (chords === null) {
      this.device.say("No chords", "Select a MIDI clip that plays chords, or change Chords.");
      return;
    }
    const plan = Object.assign(settings.plan(song), {
      stems, start: span.start, beats: span.beats, chords, clips: found.clips,
      heard: found.heard, notes: found.notes, where: spanText(span, song.beatsPerBar),
      seed: settings.drawnSeed(),
    }, fixed);
    this.device.status.note = null;
    settings.seed = plan.seed;
    this.device.face.seed(plan.seed);
    if (!this.device.jobs.start(plan)) {
      this.device.say("Failed: too long", "A file path or the chord text is too long to send.");
      return;
    }
    this.device.save();
    this.device.refresh();
  }

  // Chord text; "" for none; null if a MIDI clip was wanted and gives none.
  chords(span) {
    if (this.device.settings.chordsMode === "typed") {
      return this.device.settings.chordsText;
    }
    if (this.device.settings.chordsMode === "context") {
      return "";
    }
    const clip = this.device.bridge.detailClip();
    if (!clip || clip.audio) {
      return null;
    }
    const notes = this.device.bridge.midiNotes(clip.id, clip.loopStart, span.beats);
    return chordText(notes, span.beats, this.device.bridge.songInfo().beatsPerBar) || null;
  }

  cancel() {
    const printing = this.device.printer.abandon("Print cancelled", "");
    const jobs = this.device.jobs.active().filter((job) => !job.cancelled);
    for (const job of jobs) {
      this.device.jobs.cancel(job);
      this.device.takeBack(job);
    }
    if (!jobs.length && !printing) {
      this.device.say("Nothing to cancel", "");
    }
    this.device.refresh();
  }

  printTrack() {
    const song = this.device.bridge.songInfo();
    const span = this.span(song);
    if (!span) {
      this.device.say("No clip selected", "Click a clip, or choose another length.");
      return;
    }
    const found = this.device.listener.gather([], span, song, this.device.settings);
    this.device.printer.press(this.toPrint || found.toPrint, span, song);
    this.toPrint = null;
  }

  retime() {
    const song = this.device.bridge.songInfo();
    const groups = {};
    for (const take of newest(this.device.state.takes)) {
      if (Math.abs(take.bpm / song.tempo - 1) > 1e-5) {
        (groups[take.job] = groups[take.job] || []).push(take);
      }
    }
    const ids = Object.keys(groups);
    if (!ids.length || !this.device.link.connected()) {
      this.device.say("Nothing to re-time", "No take of yours was made at another tempo.");
      return;
    }
    for (const id of ids) {
      if (groups[id].every((take) => take.sound === "played" && take.variation === 0)) {
        this.device.reworking.retime(groups[id], song);
        continue;
      }
      const first = groups[id][0];
      const fixed = Object.assign({}, first.more, {
        seed: first.seed, place: first.place, follow: first.follow,
        takes: 1 + Math.max(...groups[id].map((take) => take.variation)),
      });
      const stems = groups[id].map((take) => take.stem);
      this.begin(stems, song, { start: first.start, beats: first.beats }, fixed);
    }
  }

  placeWaiting() {
    const waiting = this.device.state.waiting;
    if (!waiting.length) {
      this.device.say("Nothing waits", "All finished takes are placed.");
      return;
    }
    this.device.state.waiting = [];
    for (const order of waiting) {
      this.device.placer.place(Object.assign({}, order, { cancelled: () => false }), (result) => {
        if (!result.ok) {
          this.device.wait(order);
        }
        const detail = result.ok ? result.notes[0] || "At its bar on its track." : result.problem;
        this.device.say((result.ok ? "Placed " : "Not placed: ") + order.stem, detail);
        this.device.save();
        this.device.sources.show();
      });
    }
  }

  showFiles() {
    const folder = this.device.link.outFolder;
    if (folder) {
      this.device.max.browse(folder);
      this.device.say("Files", shortPath(folder, PATH_SIGNS));
    } else {
      this.device.say("Files", "Known when the daemon has answered.");
    }
  }

  setPort(port) {
    this.device.settings.port = Math.round(port) || DEFAULT_PORT;
    if (this.device.isReady) {
      this.device.max.send(["port", this.device.settings.port]);
      this.device.link.hello();
    }
  }

  snapshot() {
    const { bridge, link, max, placer, settings } = this.device;
    const more = { link: link.state, placing: placer.log, settings };
    const path = writeSnapshot(max.folder(), SNAPSHOT_FILE, takeSnapshot(bridge, more));
    const shown = path ? shortPath(path, PATH_SIGNS) : "";
    this.device.say(path ? "Snapshot written" : "Snapshot failed", shown);
  }
}
