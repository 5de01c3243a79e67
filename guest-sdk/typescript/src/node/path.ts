// node:path for paths with slashes: names of things, since a cell has no files.

export const sep = "/";
export const delimiter = ":";

export function normalize(path: string): string {
  const isAbsolutePath = path.startsWith("/");
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== ".." || (!isAbsolutePath && (parts.length === 0 || parts.at(-1) === ".."))) parts.push(part);
    else parts.pop();
  }
  const joined = parts.join("/") + (path.endsWith("/") && parts.length > 0 ? "/" : "");
  return isAbsolutePath ? `/${joined}` : joined || ".";
}

export function join(...paths: string[]): string {
  return normalize(paths.filter(Boolean).join("/"));
}

export function resolve(...paths: string[]): string {
  const begin = paths.findLastIndex((path) => path.startsWith("/"));
  const path = normalize(`/${paths.slice(Math.max(begin, 0)).join("/")}`);
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

export function isAbsolute(path: string): boolean {
  return path.startsWith("/");
}

export function dirname(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  const at = trimmed.lastIndexOf("/");
  if (at < 0) return path.startsWith("/") ? "/" : ".";
  return trimmed.slice(0, at) || "/";
}

export function basename(path: string, ending = ""): string {
  const name = path.replace(/\/+$/, "").split("/").pop() ?? "";
  return ending !== "" && name !== ending && name.endsWith(ending) ? name.slice(0, -ending.length) : name;
}

export function extname(path: string): string {
  const name = basename(path);
  const at = name.lastIndexOf(".");
  return at <= 0 ? "" : name.slice(at);
}

export function relative(from: string, to: string): string {
  const [here, there] = [parts(from), parts(to)];
  let same = 0;
  while (same < here.length && here[same] === there[same]) same += 1;
  return [...here.slice(same).map(() => ".."), ...there.slice(same)].join("/");
}

function parts(path: string): string[] {
  return resolve(path).split("/").filter(Boolean);
}

export function parse(path: string): { root: string; dir: string; base: string; ext: string; name: string } {
  const [base, ext] = [basename(path), extname(path)];
  const dir = path.includes("/") ? dirname(path) : "";
  return { root: isAbsolute(path) ? "/" : "", dir, base, ext, name: basename(base, ext) };
}

export function format(path: { dir?: string; base?: string; name?: string; ext?: string }): string {
  const base = path.base ?? `${path.name ?? ""}${path.ext ?? ""}`;
  return path.dir ? `${path.dir.replace(/\/$/, "")}/${base}` : base;
}

export const posix = {
  basename, delimiter, dirname, extname, format, isAbsolute, join, normalize, parse, relative, resolve, sep,
};

export default posix;
