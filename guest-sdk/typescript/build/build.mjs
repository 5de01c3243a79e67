// Makes a component of an agent in TypeScript or JavaScript:
// node build.mjs PROJECT ENTRY SDK WIT TOOLS WORK OUT [confined]
//
// When it is confined, nothing but the project's and the SDK's own files gets into the component.
//
// Variables of the environment whose names begin with KELLION_BUILD_ are, without that, the environment of the agent's
// module-level code, which runs here. Warnings are printed, one a line; errors end it with status 1.

import { writeFile } from "node:fs/promises";
import { SourceMap } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { AuthorsError, bundle } from "./bundle.mjs";

const PREFIX = "KELLION_BUILD_";

/** The engine has a network if one asks for it; a cell has none. Clocks and chance are the host's. */
const ABSENT = ["http", "fetch-event"];

async function build([project, entry, sdk, wit, tools, work, out, confined]) {
  const variables = Object.fromEntries(
    Object.entries(process.env)
      .filter(([name]) => name.startsWith(PREFIX))
      .map(([name, value]) => [name.slice(PREFIX.length), value]),
  );
  const { code, map, warnings } = await bundle({ project, entry, sdk, tools, variables, confined: confined === "confined" });
  for (const warning of warnings) console.log(`warning: ${warning.replaceAll("\n", " ")}`);

  const file = resolve(work, "bundle.js");
  await writeFile(file, code);
  const componentize = resolve(tools, "node_modules/@bytecodealliance/componentize-js/src/componentize.js");
  const engine = await import(pathToFileURL(componentize).href);
  // So that the engine calls the bundle by its name alone.
  process.chdir(work);
  try {
    const { component } = await engine.componentize({
      sourcePath: file,
      witPath: wit,
      worldName: "agent",
      disableFeatures: ABSENT,
    });
    await writeFile(out, component);
  } catch (error) {
    throw new AuthorsError(moduleLevelError(String(error?.message ?? error), map));
  }
}

/** What the engine says about module-level code that failed, with places in the author's files. */
function moduleLevelError(said, mapText) {
  const map = new SourceMap(JSON.parse(mapText));
  const told = said
    .split("\n")
    .filter((line) => !/^\s+\d+: 0x/.test(line) && !/^(Failed to initialize component|Additionally, some promises|Stack:$)/.test(line))
    .join("\n")
    .replace(/^Promise rejected but never handled:[^]*$/m, "")
    .replace(/\bbundle\.js:(\d+):(\d+)/g, (place, line, column) => {
      const { originalSource, originalLine, originalColumn } = map.findEntry(line - 1, column - 1);
      return originalSource === undefined ? place : `${originalSource}:${originalLine + 1}:${originalColumn + 1}`;
    });
  const trapped = told.includes("wasm trap")
    ? "\nThe engine gave up. Module-level code runs while the agent is built: there it has no clock that runs, no chance " +
      "(Math.random, crypto) and no timers. Move what needs them into the entrypoint."
    : "";
  return `the agent's module-level code failed while it was built:\n${told.trim()}${trapped}`;
}

try {
  await build(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof AuthorsError ? error.message : error);
  process.exitCode = 1;
}
