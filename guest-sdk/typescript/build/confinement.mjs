// Keeps a stranger's imports from reading this machine's files.

import { realpathSync } from "node:fs";
import { sep } from "node:path";

/** An esbuild plugin: what lies in none of the folders is not read. */
export function confinement(folders) {
  const inside = folders.map((folder) => realpathSync(folder) + sep);
  return {
    name: "confinement",
    setup(build) {
      build.onLoad({ filter: /.*/, namespace: "file" }, ({ path }) => {
        const real = realpathSync(path);
        if (inside.some((folder) => real.startsWith(folder))) return undefined;
        return { errors: [{ text: "An import leads out of the agent's folder" }] };
      });
    },
  };
}
