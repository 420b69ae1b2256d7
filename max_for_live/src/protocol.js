// The wire: addresses, argument types and limits. A test compares this with the daemon's own table.

export const API_MAJOR = 1;
export const API_MINOR = 0;
export const DEFAULT_PORT = 9420;
export const PREFIX = "/stembridge/";

// Max hands on at most 256 atoms of a message and nobody documents its largest packet: stay small.
export const MAX_BYTES = 1024;
export const MAX_ATOMS = 64;
export const MAX_CLIPS = 64;

// Type tags of the fixed arguments; a star stands for (key, value) pairs, all of them text.
export const SENDS = {
  hello: "siiis",
  ping: "si",
  clip: "ssi*",
  generate: "ss*",
  rework: "ss*",
  status: "s",
  cancel: "s",
  received: "s",
  goodbye: "s",
};

export const HEARS = {
  welcome: "ssiisis",
  pong: "isiis",
  "clip.held": "si",
  accepted: "sis",
  state: "ssi",
  progress: "sisf",
  stem: "sisissiis",
  done: "sisis",
  error: "ssissi",
};

// A message as Max sends it: [address, atoms...]. Pairs become text: a float32 cannot hold 87.3.
export function message(verb, fixed, pairs) {
  const atoms = [PREFIX + verb].concat(fixed);
  for (const [key, value] of pairs || []) {
    if (value !== undefined && value !== null) {
      atoms.push(key, String(value));
    }
  }
  return atoms;
}

export function utf8Length(text) {
  let bytes = 0;
  for (const sign of text) {
    const code = sign.codePointAt(0);
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

function paddedLength(text) {
  return Math.floor(utf8Length(text) / 4) * 4 + 4;
}

// Size of the OSC packet this message becomes, in bytes.
export function packetSize(atoms) {
  let bytes = paddedLength(atoms[0]) + paddedLength("," + "x".repeat(atoms.length - 1));
  for (const atom of atoms.slice(1)) {
    bytes += typeof atom === "string" ? paddedLength(atom) : 4;
  }
  return bytes;
}

export function fits(atoms) {
  return packetSize(atoms) <= MAX_BYTES && atoms.length - 1 <= MAX_ATOMS;
}

// What arrived, checked against HEARS: its verb, or null for what this device does not know.
export function heardVerb(address, atoms) {
  const verb = String(address).indexOf(PREFIX) === 0 ? String(address).slice(PREFIX.length) : "";
  const tags = Object.prototype.hasOwnProperty.call(HEARS, verb) ? HEARS[verb] : null;
  if (tags === null || atoms.length < tags.length) {
    return null;
  }
  for (let index = 0; index < tags.length; index++) {
    if ((tags[index] === "s") !== (typeof atoms[index] === "string")) {
      return null;
    }
  }
  return verb;
}

// A random identifier in UUID form; Math.random is the only source of chance inside Max.
export function newId() {
  const digits = "0123456789abcdef";
  return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(
    /x/g,
    () => digits[Math.floor(Math.random() * 16)],
  );
}
