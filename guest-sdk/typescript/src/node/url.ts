// node:url

export const URL = globalThis.URL;
export const URLSearchParams = globalThis.URLSearchParams;

export function fileURLToPath(url: string | URL): string {
  const { protocol, pathname } = new globalThis.URL(url);
  if (protocol !== "file:") throw new TypeError(`The URL must be of scheme file, and is ${url}`);
  return decodeURIComponent(pathname);
}

export function pathToFileURL(path: string): URL {
  return new globalThis.URL(`file://${encodeURI(path.startsWith("/") ? path : `/${path}`)}`);
}

export default { URL, URLSearchParams, fileURLToPath, pathToFileURL };
