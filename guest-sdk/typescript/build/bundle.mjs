// From an agent's files and its packages to one file for the engine.

import { createRequire } from "node:module";
import { basename, join, relative, resolve } from "node:path";

import { confinement } from "./confinement.mjs";
import { resolution } from "./resolution.mjs";
import { rewriteRegExps } from "./regexps.mjs";
import { warningsOf } from "./warnings.mjs";

/** Something in the author's files is wrong. */
export class AuthorsError extends Error {}

/** Bundles the agent whose file is `entry`. Gives the code, its source map and warnings. */
export async function bundle({ project, entry, sdk, tools, variables, confined = false }) {
  const require = createRequire(join(tools, "package.json"));
  const esbuild = require("esbuild");
  const nodeEnv = variables.NODE_ENV ?? "production";
  let result;
  try {
    result = await esbuild.build({
      absWorkingDir: project,
      stdin: { contents: entryModule(entry, sdk), resolveDir: project, sourcefile: "kellion-entry.js" },
      bundle: true,
      write: false,
      outdir: join(project, ".kellion"),
      metafile: true,
      sourcemap: "external",
      sourcesContent: false,
      sourceRoot: "",
      format: "esm",
      platform: "neutral",
      target: "es2024",
      // A literal with a flag u or v becomes a call of RegExp, where it can be found and rewritten: the engine knows no
      // Unicode classes.
      supported: { "regexp-sticky-and-unicode-flags": false, "regexp-set-notation": false },
      mainFields: ["browser", "module", "main"],
      conditions: ["browser"],
      // A cell has no files: what is put together of these is a name that leads nowhere.
      define: {
        "process.env.NODE_ENV": JSON.stringify(nodeEnv),
        "import.meta.url": '"file:///agent/agent.js"',
        "import.meta.dirname": '"/agent"',
        "import.meta.filename": '"/agent/agent.js"',
      },
      loader: { ".txt": "text", ".md": "text", ".csv": "text", ".wasm": "binary" },
      legalComments: "none",
      charset: "utf8",
      logLevel: "silent",
      // A stranger's settings may name files of this machine, and errors would show them.
      ...(confined ? { tsconfigRaw: {} } : {}),
      plugins: [...(confined ? [confinement([project, sdk, tools])] : []), resolution({ project, sdk, variables })],
    });
  } catch (error) {
    if (!error.errors) throw error;
    throw new AuthorsError(await errorText(esbuild, error.errors));
  }
  const text = (ending) => result.outputFiles.find(({ path }) => path.endsWith(ending)).text;
  const { code, warnings } = rewriteRegExps(text(".js"), require("regexpu-core"));
  const map = JSON.parse(text(".map"));
  // As the author would name them.
  map.sources = map.sources.map((source) => relative(project, resolve(project, ".kellion", source)));
  return {
    code,
    map: JSON.stringify(map),
    warnings: [
      ...warningsOf(result.metafile, { sdk, project }),
      ...result.warnings.filter(worthTelling).map(({ text, location }) => `${place(location)}${text}`),
      ...warnings,
    ],
  };
}

/** The surroundings come first, the author's code then; what is exported is the contract's. */
function entryModule(entry, sdk) {
  const own = (path) => JSON.stringify(join(sdk, "src/runtime", path));
  return [
    `import ${own("install.ts")};`,
    `import ${JSON.stringify(entry)};`,
    `import { checkEntrypoint, invoke } from ${own("invoke.ts")};`,
    `checkEntrypoint(${JSON.stringify(basename(entry))});`,
    "export { invoke };",
  ].join("\n");
}

async function errorText(esbuild, errors) {
  const told = await esbuild.formatMessages(errors.map(withHelp), { kind: "error", color: false });
  return told.join("").trim();
}

function withHelp(error) {
  const missing = /^Could not resolve "((?:@[^"/]+\/)?[^"./][^"/]*)/.exec(error.text)?.[1];
  if (!missing) return error;
  // What esbuild says here is about its own options.
  return { ...error, notes: [{ text: `Is the package missing? It is installed by: npm install ${missing}` }] };
}

/** Packages' own carelessness is none of the author's business. */
function worthTelling({ location }) {
  return location && !location.file.includes("node_modules");
}

function place(location) {
  return location ? `${location.file}:${location.line}: ` : "";
}
