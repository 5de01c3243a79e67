// Bundles the tests, with a fake in the place of the contract's bindings, and runs them in Node.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
// There, so that packages are found.
const out = mkdtempSync(join(here, "../node_modules/.tests-"));
const tests = readdirSync(here).filter((name) => name.endsWith(".test.ts"));

try {
  await build({
    entryPoints: tests.map((name) => join(here, name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2024",
    sourcemap: "inline",
    external: ["regexpu-core"],
    logLevel: "warning",
    plugins: [fakeBindings()],
  });
  // Integers as they are written are behind a flag in older versions of Node.
  const flags = JSON.rawJSON ? [] : ["--harmony-json-parse-with-source"];
  const files = readdirSync(out).map((name) => join(out, name));
  const { status } = spawnSync(process.execPath, [...flags, "--enable-source-maps", "--test", ...files], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  rmSync(out, { recursive: true });
}

function fakeBindings() {
  return {
    name: "fake bindings",
    setup(build) {
      const fake = (name) => ({ path: join(here, "fake", `${name}.ts`) });
      build.onResolve({ filter: /^kellion:agent\// }, ({ path }) => fake(/\/(\w+)@/.exec(path)[1]));
      build.onResolve({ filter: /^kellion:build-env$/ }, () => fake("build-env"));
    },
  };
}
