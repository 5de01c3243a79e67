// What an agent imports and cannot use.

import { ABSENT } from "./resolution.mjs";

/** One line for each module that is not there and that code in the bundle imports. */
export function warningsOf(metafile) {
  const [output] = Object.values(metafile.outputs).filter(({ entryPoint }) => entryPoint !== undefined);
  const kept = (path) => (output?.inputs[path]?.bytesInOutput ?? 0) > 0;
  const users = new Map();
  for (const [path, { imports }] of Object.entries(metafile.inputs)) {
    if (!kept(path)) continue;
    for (const imported of imports) {
      if (!imported.path.startsWith(`${ABSENT}:`) || !kept(imported.path)) continue;
      const name = imported.path.slice(ABSENT.length + 1);
      users.set(name, (users.get(name) ?? new Set()).add(whose(path)));
    }
  }
  return [...users].map(
    ([name, who]) => `${[...who].join(", ")} imports ${name}, which does not exist in a cell: what is used of it fails`,
  );
}

/** A package's name, or a file of the author's. */
function whose(path) {
  const inPackages = path.lastIndexOf("node_modules/");
  if (inPackages < 0) return path;
  const [first, second] = path.slice(inPackages + "node_modules/".length).split("/");
  return `the package ${first.startsWith("@") ? `${first}/${second}` : first}`;
}
