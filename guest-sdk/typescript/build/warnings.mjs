// What an agent imports and cannot use.

import { ABSENT } from "./resolution.mjs";

/** Packages that import such modules for what an agent in a cell does not come to. */
const KNOWN = ["@strands-agents/sdk"];

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
      if (KNOWN.includes(packageOf(path))) continue;
      users.set(name, (users.get(name) ?? new Set()).add(whose(path)));
    }
  }
  return [...users].map(
    ([name, who]) => `${[...who].join(", ")} imports ${name}, which does not exist in a cell: what is used of it fails`,
  );
}

function whose(path) {
  const name = packageOf(path);
  return name === undefined ? path : `the package ${name}`;
}

/** The package that a file belongs to; undefined for the author's own. */
function packageOf(path) {
  const at = path.lastIndexOf("node_modules/");
  if (at < 0) return undefined;
  const [first, second] = path.slice(at + "node_modules/".length).split("/");
  return first.startsWith("@") ? `${first}/${second}` : first;
}
