// Paths of files, as Live tells and wants them.

// "Macintosh HD:/Users/..." (an old Mac form) and friends as a path the daemon can open.
export function plainPath(path) {
  const match = /^([^/:\\]{2,}):\/(.*)$/.exec(path);
  if (!match) {
    return path;
  }
  return match[1] === "Macintosh HD" ? "/" + match[2] : "/Volumes/" + match[1] + "/" + match[2];
}

export function pathForms(path) {
  return /^\/Users\//.test(path) ? [path, "/Volumes/Macintosh HD" + path] : [path];
}

// The folder a file lies in, and a file beside another.
export function folderOf(path) {
  return path.replace(/[/\\][^/\\]*$/, "");
}

export function beside(path, name) {
  return path.slice(0, path.length - path.replace(/^.*[/\\]/, "").length) + name;
}
