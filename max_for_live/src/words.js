// Everything the device says, in words for a musician. Two lines: a short status, a longer detail.

export const STATUS_SIGNS = 40;
export const DETAIL_SIGNS = 88;
export const PATH_SIGNS = 40;

export const START_HELP = "Start it in a terminal: stembridge serve";

const ADVICE = {
  INCOMPATIBLE_API: "Device and daemon do not match: update both.",
  NO_SUCH_FILE: "Live lost a file: File > Manage Files can find it.",
  PATH_DENIED: "The daemon may not read there: stembridge serve --context-root FOLDER",
  QUEUE_FULL: "Too much is waiting: try again in a moment.",
  DISK_FULL: "The disk is full: make room, then try again.",
  OUT_OF_MEMORY: "Not enough memory: fewer bars or takes.",
  UNKNOWN_ID: "The daemon does not know this job: press again.",
};

export function cut(text, signs) {
  const line = String(text).replace(/\s+/g, " ").trim();
  return line.length <= signs ? line : line.slice(0, signs - 1).trim() + "…";
}

export function capital(text) {
  return text ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

// "bass", "bass and drums", "bass, drums and piano"
export function listed(names) {
  if (names.length < 2) {
    return names.join("");
  }
  return names.slice(0, -1).join(", ") + " and " + names[names.length - 1];
}

// A failure: the daemon's own sentence, or our advice where the sentence would not fit.
export function failureDetail(symbol, whole) {
  const advice = ADVICE[symbol] || "";
  // Of a quoted path the file's own name is enough, and all that fits.
  const sentence = String(whole).replace(/(["'])(?:[^"']*[/\\])([^"'/\\]+)\1/g, "$1$2$1");
  if (sentence && sentence.length <= DETAIL_SIGNS) {
    return sentence;
  }
  return advice || cut(sentence, DETAIL_SIGNS);
}

const STAGES = {
  read: "reading tracks",
  separate: "taking the mix apart",
  like: "hearing the reference",
  encode: "listening",
  sample: "playing",
  decode: "rendering",
  write: "writing",
};

export function stageWord(stage) {
  return STAGES[stage] || stage;
}

// The last parts of a path, for a line that is too short for all of it.
export function shortPath(path, signs) {
  if (path.length <= signs) {
    return path;
  }
  const parts = path.split("/");
  let tail = parts.pop();
  while (parts.length && tail.length + parts[parts.length - 1].length + 3 <= signs) {
    tail = parts.pop() + "/" + tail;
  }
  return "…/" + tail;
}
