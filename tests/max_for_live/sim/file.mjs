// Max's class File: texts written and bytes read, in slices that it can bear.

import fs from "node:fs";

export function fileClass(live) {
  return class File {
    constructor(path, mode) {
      this.path = path;
      this.text = "";
      this.at = 0;
      this.bytes = mode === "read" && fs.existsSync(path) ? fs.readFileSync(path) : null;
      this.isopen = mode === "write" || this.bytes !== null;
    }
    get position() {
      return this.bytes ? this.at : this.text.length;
    }
    get eof() {
      return this.bytes ? this.bytes.length : this.text.length;
    }
    readbytes(count) {
      if (count > 16000) live.complain("readbytes of more than 16 KB");
      const slice = [...this.bytes.subarray(this.at, this.at + count)];
      this.at += slice.length;
      return slice;
    }
    set eof(size) {
      this.text = this.text.slice(0, size);
    }
    writestring(text) {
      if (text.length > 16000) live.complain("writestring of more than 16 KB");
      this.text += text;
    }
    close() {
      if (this.bytes) return;
      fs.writeFileSync(this.path, this.text);
    }
  };
}
