// The notes of a Standard MIDI file, in beats. No LiveAPI here.

const SLICE_BYTES = 4096;
const NOTE_OFF = 0x80;
const NOTE_ON = 0x90;

// All bytes of a file; null if it cannot be opened.
export function bytesOf(path) {
  const file = new File(path, "read");
  if (!file.isopen) {
    return null;
  }
  let bytes = [];
  while (file.position < file.eof) {
    const slice = file.readbytes(Math.min(SLICE_BYTES, file.eof - file.position));
    if (!slice || !slice.length) {
      break;
    }
    bytes = bytes.concat(Array.from(slice));
  }
  file.close();
  return bytes;
}

function textAt(bytes, at) {
  return String.fromCharCode(...bytes.slice(at, at + 4));
}

function numberAt(bytes, at, count) {
  let value = 0;
  for (let index = 0; index < count; index++) {
    value = value * 256 + bytes[at + index];
  }
  return value;
}

// [{pitch, start, duration, velocity}] by start; null if the bytes are no MIDI file with beats.
export function notesOf(bytes) {
  if (!bytes || textAt(bytes, 0) !== "MThd") {
    return null;
  }
  const ticksPerBeat = numberAt(bytes, 12, 2);
  if (!ticksPerBeat || ticksPerBeat >= 0x8000) {
    return null;
  }
  let notes = [];
  let at = 8 + numberAt(bytes, 4, 4);
  while (at + 8 <= bytes.length) {
    const end = at + 8 + numberAt(bytes, at + 4, 4);
    if (textAt(bytes, at) === "MTrk") {
      notes = notes.concat(trackNotes(bytes.slice(at + 8, end), ticksPerBeat));
    }
    at = end;
  }
  return notes.sort((a, b) => a.start - b.start || a.pitch - b.pitch);
}

function trackNotes(bytes, ticksPerBeat) {
  const reader = { bytes, at: 0, tick: 0, status: 0 };
  const sounding = {};
  const notes = [];
  while (reader.at < bytes.length) {
    const event = nextEvent(reader);
    if (!event) {
      continue;
    }
    const isOn = event.kind === NOTE_ON && event.velocity > 0;
    const begun = sounding[event.key];
    if (begun && (isOn || event.kind === NOTE_OFF || event.kind === NOTE_ON)) {
      const duration = (reader.tick - begun.tick) / ticksPerBeat;
      notes.push({ pitch: begun.pitch, start: begun.tick / ticksPerBeat, duration,
        velocity: begun.velocity });
      delete sounding[event.key];
    }
    if (isOn) {
      sounding[event.key] = { tick: reader.tick, pitch: event.pitch, velocity: event.velocity };
    }
  }
  return notes;
}

function variableLength(reader) {
  let value = 0;
  let byte = 0x80;
  while (byte & 0x80 && reader.at < reader.bytes.length) {
    byte = reader.bytes[reader.at++];
    value = value * 128 + (byte & 0x7f);
  }
  return value;
}

// The next event if it is about a note, else null; the reader moves on.
function nextEvent(reader) {
  reader.tick += variableLength(reader);
  let status = reader.bytes[reader.at];
  if (status & 0x80) {
    reader.at++;
  } else {
    status = reader.status; // running status
  }
  if (status >= 0xf0) {
    reader.at += status === 0xff ? 1 : 0;
    const length = variableLength(reader);
    reader.at += length;
    return null;
  }
  reader.status = status;
  const kind = status & 0xf0;
  const pitch = reader.bytes[reader.at];
  const velocity = reader.bytes[reader.at + 1];
  reader.at += kind === 0xc0 || kind === 0xd0 ? 1 : 2;
  const isNote = kind === NOTE_ON || kind === NOTE_OFF;
  return isNote ? { kind, pitch, velocity, key: (status & 0x0f) + ":" + pitch } : null;
}
