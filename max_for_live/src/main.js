// What Max calls: one function for every message that is wired into the script.

inlets = 1;
outlets = 3;
autowatch = 1;

const HERE = this;
const OUT = { send: 0, receive: 1, face: 2 };
const running = new Set();
const claimed = new Set();

function later(ms, work) {
  const task = new Task(() => {
    running.delete(task);
    work();
  });
  running.add(task);
  task.schedule(ms);
}

// What all devices of this Live share; a script without Global only knows itself.
function sharedMemory() {
  const shared = typeof Global === "undefined" ? {} : new Global("stembridge");
  shared.clients = shared.clients || {};
  return shared;
}

// Client ids in use by devices of this set: a copied device must not answer for its original.
function claim(id) {
  const shared = sharedMemory();
  if (shared.clients[id] && !claimed.has(id)) {
    return false;
  }
  shared.clients[id] = true;
  claimed.add(id);
  return true;
}

const device = new STEMBRIDGE.Device({
  send: (atoms) => outlet(OUT.send, atoms),
  receive: (atoms) => outlet(OUT.receive, atoms),
  face: (atoms) => outlet(OUT.face, atoms),
  later,
  now: () => Date.now(),
  claim,
  browse: (folder) => messnamed("max", "launchbrowser", "file://" + encodeURI(folder)),
  folder: () => (HERE.patcher ? HERE.patcher.filepath : ""),
});

// A fault of ours must be seen and must not stop the clock.
function guarded(work) {
  try {
    work();
  } catch (problem) {
    error("stembridge: " + problem + "\n" + (problem.stack || "") + "\n");
    device.say("Device error", String(problem));
  }
}

function ready() {
  guarded(() => device.ready());
}

function session() {
  const atoms = arrayfromargs(arguments);
  guarded(() => device.session(atoms));
}

function make(stem) {
  guarded(() => device.actions.make(stem));
}

function role(stem, value) {
  device.settings.roles[stem] = Math.round(value);
}

function source(stem, index) {
  guarded(() => device.isReady && device.sources.picked(stem, Math.round(index)));
}

function span(value) {
  device.settings.take("span", value);
}

function takes(value) {
  device.settings.take("takes", value);
}

function port(value) {
  guarded(() => device.actions.setPort(value));
}

function seed(value) {
  device.settings.take("seed", value);
}

function seed_mode(value) {
  device.settings.take("seed_mode", value);
}

function quality(value) {
  device.settings.take("quality", value);
}

function closeness(value) {
  device.settings.take("closeness", value);
}

function follow_tempo(value) {
  device.settings.take("follow_tempo", value);
}

function chords_mode(value) {
  device.settings.take("chords_mode", value);
}

// textedit says "text" before what was typed, and cuts it into atoms at spaces.
function typed(atoms) {
  const words = atoms.map(String);
  return (words[0] === "text" ? words.slice(1) : words).join(" ").trim();
}

function chords_text() {
  device.settings.chordsText = typed(arrayfromargs(arguments));
}

function prompt() {
  device.settings.prompt = typed(arrayfromargs(arguments));
}

function place_in(value) {
  device.settings.take("place_in", value);
}

function rate(value) {
  device.settings.take("rate", value);
}

function sound(value) {
  device.settings.take("sound", value);
}

function clips_as(value) {
  device.settings.take("clips_as", value);
}

function loop_take(value) {
  device.settings.take("loop_take", value);
}

function best(value) {
  device.settings.take("best", value);
}

function rework_stem(value) {
  device.settings.take("rework_stem", value);
}

function likeness(value) {
  device.settings.take("likeness", value);
}

function more_bars(value) {
  device.settings.take("more_bars", value);
}

function another() {
  guarded(() => device.reworking.another());
}

function like_this() {
  guarded(() => device.reworking.likeThis());
}

function go_on() {
  guarded(() => device.reworking.goOn());
}

function redo_brace() {
  guarded(() => device.reworking.redoBrace());
}

function busier() {
  guarded(() => device.reworking.busier(true));
}

function simpler() {
  guarded(() => device.reworking.busier(false));
}

function swap_takes() {
  guarded(() => device.reworking.swap());
}

function generate() {
  guarded(() => device.actions.generate());
}

function cancel() {
  guarded(() => device.actions.cancel());
}

function print_track() {
  guarded(() => device.actions.printTrack());
}

function retime() {
  guarded(() => device.actions.retime());
}

function place_waiting() {
  guarded(() => device.actions.placeWaiting());
}

function show_files() {
  guarded(() => device.actions.showFiles());
}

function snapshot() {
  guarded(() => device.actions.snapshot());
}

// Everything from the network: OSC addresses are no function names.
function anything() {
  const atoms = arrayfromargs(arguments);
  const address = messagename;
  guarded(() => device.receive(address, atoms));
}

function notifydeleted() {
  for (const task of running) {
    task.cancel();
  }
  const shared = sharedMemory();
  for (const id of claimed) {
    delete shared.clients[id];
  }
}
