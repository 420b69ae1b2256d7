// What the tests play. Each scenario gets the stage and answers {live, max, ...what it saw}.

const READY = /^Ready$/;
const OVER = /^(Done|Failed|Cannot)/;
const ANSWERED = /^(Done|Failed|Cannot|No |Another|Nothing|Bass take)/;

async function ready(stage, changes = {}, options = {}) {
  const live = stage.set(changes);
  const max = stage.device(live, options);
  await stage.untilStatus(max, READY);
  return { live, max };
}

export async function clickBass(stage) {
  const { live, max } = await ready(stage, {}, stage.config.options);
  const quiet = { console: [...max.console], undoable: [...max.undoable], changes: live.changes };
  max.click("make_bass");
  await stage.untilStatus(max, OVER, stage.config.patience);
  return { live, max, quiet };
}

export async function makeAndWait(stage) {
  const { live, max } = await ready(stage);
  for (const [name, value] of stage.config.turn || []) max.turn(name, value);
  for (const [name, text] of stage.config.type || []) max.type(name, text);
  for (const [stem, track] of stage.config.pick || []) max.pick(stem, track);
  for (const button of stage.config.clicks || ["make_bass"]) {
    max.click(button);
    await stage.untilStatus(max, OVER, stage.config.patience);
    await stage.sleep(100);
  }
  return { live, max };
}

export async function cancel(stage) {
  const { live, max } = await ready(stage);
  max.click("make_bass");
  await stage.until("progress", () => max.progress.some((value) => value > 0.1));
  const before = max.status();
  max.click("cancel");
  await stage.untilStatus(max, /^Cancelled$/);
  await stage.sleep(500);
  return { live, max, before };
}

// A re-roll over an earlier take, cancelled: the earlier take must still be there.
export async function cancelReroll(stage) {
  const { live, max } = await ready(stage);
  max.click("make_bass");
  await stage.untilStatus(max, OVER);
  const first = live.find("Bass (stembridge)").clips.map((clip) => clip.path);
  max.turn("takes", 2);
  max.click("make_bass");
  await stage.until("the second take", () => max.history.some((h) => h[1] === "Placing bass"));
  await stage.until("progress", () => max.progress.slice(-1)[0] > 0.1);
  max.click("cancel");
  await stage.untilStatus(max, /^Cancelled$/);
  await stage.sleep(800);
  return { live, max, first };
}

export async function noDaemon(stage) {
  const live = stage.set({});
  const max = stage.device(live);
  await stage.sleep(300);
  max.click("make_bass");
  const first = [max.status(), max.detail()];
  stage.say("absent");
  await stage.untilStatus(max, READY);
  return { live, max, first };
}

// The daemon is killed and started again (by the test) while a job runs.
export async function restart(stage) {
  const { live, max } = await ready(stage);
  max.click("make_bass");
  await stage.until("progress", () => max.progress.some((value) => value > 0.05));
  stage.say("working");
  await stage.untilStatus(max, /^No daemon$/);
  const away = max.detail();
  stage.say("noticed");
  await stage.untilStatus(max, OVER);
  return { live, max, away };
}

export async function wrongVersion(stage) {
  const live = stage.set({});
  const patch = (script) => script.replace("const API_MAJOR = 1;", "const API_MAJOR = 9;");
  const max = stage.device(live, { patch });
  await stage.untilStatus(max, /^Wrong version$/);
  max.click("make_bass");
  await stage.sleep(200);
  return { live, max };
}

// The target refuses; the musician mends it and presses Place.
export async function refusedThenPlaced(stage) {
  const { live, max } = await ready(stage);
  max.pick("bass", "Target");
  const target = live.find("Target");
  max.click("make_bass");
  await stage.untilStatus(max, OVER);
  const refused = [max.status(), max.detail()];
  const clips = target.clips.length;
  target.frozen = false;
  target.recording = false;
  live.set.recording = false;
  max.click("place_waiting");
  await stage.untilStatus(max, /^Placed bass$/);
  await stage.sleep(200);
  return { live, max, refused, clips };
}

// The device is removed while the job runs and comes back with the set.
export async function reload(stage) {
  const shared = {};
  const first = await ready(stage, {}, { shared });
  first.max.click("make_bass");
  await stage.until("progress", () => first.max.progress.some((value) => value > 0.05));
  const stored = first.max.stored;
  first.max.close();
  await stage.sleep(stage.config.awayMs);
  const live = stage.set({});
  const max = stage.device(live, { stored, shared });
  await stage.untilStatus(max, /^Done while you were away$/);
  const offered = max.detail();
  const before = live.tracks.length;
  max.click("place_waiting");
  await stage.untilStatus(max, /^Placed bass$/);
  return { live, max, offered, before, stored };
}

export async function copiedDevice(stage) {
  const shared = {};
  const { live, max } = await ready(stage, {}, { shared });
  max.click("make_bass");
  await stage.untilStatus(max, OVER);
  const copy = stage.device(live, { stored: max.stored, shared });
  await stage.untilStatus(copy, READY);
  const clients = [max, copy].map((one) => one.client);
  copy.close();
  return { live, max, clients };
}

export async function retime(stage) {
  const { live, max } = await ready(stage);
  max.click("make_bass");
  await stage.untilStatus(max, OVER);
  const first = live.find("Bass (stembridge)").clips[0].path;
  live.tempo = Math.fround(120.5);
  max.click("retime");
  await stage.until("the second file", () => {
    const clip = live.find("Bass (stembridge)").clips[0];
    return clip && clip.path !== first;
  });
  await stage.untilStatus(max, OVER);
  max.click("retime");
  await stage.sleep(100);
  return { live, max, first };
}

export async function print(stage) {
  const { live, max } = await ready(stage);
  max.click("make_bass");
  await stage.untilStatus(max, /^Cannot listen$/);
  const refused = max.detail();
  max.click("print_track");
  const setUp = [max.status(), max.detail()];
  max.click("print_track");
  await stage.untilStatus(max, /^Printed$/);
  max.click("make_bass");
  await stage.untilStatus(max, OVER);
  return { live, max, refused, setUp };
}

export async function snapshot(stage) {
  const { live, max } = await ready(stage);
  max.message("snapshot");
  return { live, max };
}

export async function idle(stage) {
  const { live, max } = await ready(stage);
  const from = max.tasks.length;
  const packets = max.packets.length;
  await stage.sleep(2200);
  return { live, max, idleTasks: max.tasks.slice(from), idlePackets: max.packets.length - packets };
}

export async function sourceGone(stage) {
  const { live, max } = await ready(stage);
  max.pick("guitar", "Gtr");
  const track = live.find("Gtr");
  live.tracks.splice(live.tracks.indexOf(track), 1);
  live.objects.delete(track.id);
  max.click("make_bass");
  await stage.untilStatus(max, OVER);
  return { live, max };
}

// A take, then what is done with it: [kind, name, value] each.
export async function rework(stage) {
  const { live, max } = await ready(stage);
  const seen = [];
  for (const [kind, name, value] of stage.config.steps) {
    if (kind === "turn") max.turn(name, value);
    else if (kind === "brace") [live.set.loopStart, live.set.loopLength] = [name, value];
    else if (kind === "tempo") live.tempo = Math.fround(name);
    else {
      const said = max.history.length;
      max.click(name);
      const isOver = () =>
        max.history.slice(said).some(([where, text]) => where === "status" && ANSWERED.test(text));
      await stage.until(`${name} to end; it is ${max.status()}`, isOver, stage.config.patience);
      await stage.sleep(350);
      const clips = (track) => track.clips.map((clip) => [clip.name, clip.start, clip.end, clip.path]);
      seen.push({ name, status: max.status(), detail: max.detail(),
        clips: Object.fromEntries(live.tracks.map((track) => [track.name, clips(track)])) });
    }
  }
  return { live, max, seen };
}

// The daemon's messages with another path in them.
export async function forgedFile(stage) {
  const { live, max } = await ready(stage);
  const forge = max.call.bind(max);
  max.call = (atoms) => {
    const changed = [...atoms];
    if (atoms[0] === "/stembridge/stem") changed[5] = "/home/somebody/secret.wav";
    forge(changed);
  };
  max.click("make_bass");
  await stage.untilStatus(max, OVER);
  return { live, max };
}

// Eight bars, then new first two of them.
export async function rerollInside(stage) {
  const { live, max } = await ready(stage);
  for (const length of [2, 0]) {
    max.turn("length", length);
    max.click("make_bass");
    await stage.untilStatus(max, OVER);
    await stage.sleep(100);
  }
  return { live, max };
}
