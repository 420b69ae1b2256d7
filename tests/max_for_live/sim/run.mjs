// node run.mjs SCENARIO CONFIG.json: plays one scenario against the built device and prints what
// happened as JSON. The config names the device's parts and the daemon's port.

import fs from "node:fs";

import { FakeLive } from "./live.mjs";
import { Max } from "./max.mjs";
import * as scenarios from "./scenarios.mjs";

const [name, configPath] = process.argv.slice(2);
const config = JSON.parse(fs.readFileSync(configPath, "utf-8"));
const patcher = JSON.parse(fs.readFileSync(config.patcher, "utf-8"));
const script = fs.readFileSync(config.script, "utf-8");

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const stage = {
  config,
  sleep,
  say: (word) => process.stdout.write(`@ ${word}\n`),

  device(live, options = {}) {
    const max = new Max({
      patcher, script: options.patch ? options.patch(script) : script, live,
      port: config.port, folder: config.folder, ...options,
    });
    max.load();
    return max;
  },

  set: (changes) => new FakeLive({ ...config.set, ...changes }),

  async until(what, test, ms = 60000) {
    const end = Date.now() + ms;
    while (!test()) {
      if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
      await sleep(20);
    }
  },

  async untilStatus(max, pattern, ms) {
    const what = `status ${pattern}, it is "${max.status()}" / "${max.detail()}"`;
    try {
      await stage.until(what, () => pattern.test(max.status()), ms);
    } catch (problem) {
      const now = `"${max.status()}" / "${max.detail()}"`;
      throw new Error(`waited for ${pattern}; it is ${now}; ${max.console.join("\n")}`);
    }
  },
};

function seen(live) {
  const clip = (one) => ({
    name: one.name, path: one.path, start: one.start, end: one.end, warping: one.warping,
    looping: one.looping, loopEnd: one.inside("loopEnd"), frames: one.frames, rate: one.rate,
    warpMode: one.warpMode, markers: one.midi ? [] : one.markers(), color: one.color,
    midi: one.midi, notes: one.notes,
  });
  return {
    tracks: live.tracks.map((track) => ({
      name: track.name, midi: track.midi, color: track.color, arm: track.arm, mute: track.mute,
      routing: track.routing, clips: track.clips.map(clip),
      lanes: track.lanes.map((lane) => lane.clips.map(clip)),
      slots: track.slots.map((slot) => (slot.clip ? clip(slot.clip) : null)),
    })),
    complaints: live.complaints,
    changes: live.changes,
  };
}

let result;
try {
  const { live, max, ...more } = await scenarios[name](stage);
  result = {
    ...seen(live), status: max.status(), detail: max.detail(), history: max.history,
    progress: max.progress, packets: max.packets, tasks: max.tasks, console: max.console,
    undoable: max.undoable, ...more,
  };
  max.close();
} catch (problem) {
  result = { failed: problem.stack };
}
process.stdout.write(JSON.stringify(result) + "\n", () => process.exit(0));
