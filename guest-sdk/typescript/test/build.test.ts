import assert from "node:assert/strict";
import { test } from "node:test";

import rewritePattern from "regexpu-core";

// @ts-expect-error: the builder is plain JavaScript
import { rewriteRegExps } from "../build/regexps.mjs";
// @ts-expect-error: the builder is plain JavaScript
import { warningsOf } from "../build/warnings.mjs";

test("Unicode classes are written out, whatever quotes they stand in", () => {
  const code = [
    String.raw`const a = new RegExp("[^\\p{L}\\p{N}_]+", "u");`,
    String.raw`const b = new RegExp('\\p{Lu}"', "gu");`,
    "const c = new RegExp(`\\\\P{ASCII}`, \"v\");",
    String.raw`const d = new RegExp("\\p{L}");`,
    'const e = new RegExp("[a-z]+", "u");',
  ].join("\n");
  const rewritten = rewriteRegExps(code, rewritePattern);
  assert.deepEqual(rewritten.warnings, []);
  const [a, b, c, d, e] = Function(`${rewritten.code}; return [a, b, c, d, e];`)() as RegExp[];
  assert.deepEqual("größer, 12_x!".split(a!), ["größer", "12_x", ""]);
  assert.equal('Ä"b"Ö"'.replace(b!, "-"), '-b"-');
  assert.deepEqual([c!.test("é"), c!.test("e")], [true, false]);
  assert.ok(![a, b, c].some((regexp) => /\\p/i.test(regexp!.source)));
  assert.deepEqual([d!.source, e!.source], ["\\p{L}", "[a-z]+"]);
});

test("a class that does not exist is named", () => {
  const { code, warnings } = rewriteRegExps(String.raw`new RegExp("\\p{Nonsense}", "u")`, rewritePattern);
  assert.match(code, /Nonsense/);
  assert.match(warnings[0], /^the regular expression \/\\p\{Nonsense\}\/u cannot be rewritten/);
});

test("warnings name who imports what is not there, if it is in the bundle", () => {
  const used = { bytesInOutput: 10 };
  const metafile = {
    outputs: {
      "bundle.js": {
        entryPoint: "kellion-entry.js",
        inputs: { "agent.ts": used, "node_modules/@a/b/x.js": used, "absent:fs": used, "absent:net": { bytesInOutput: 0 } },
      },
    },
    inputs: {
      "agent.ts": { imports: [{ path: "absent:fs" }, { path: "absent:net" }] },
      "node_modules/@a/b/x.js": { imports: [{ path: "absent:fs" }] },
      "node_modules/left-out/x.js": { imports: [{ path: "absent:fs" }] },
    },
  };
  assert.deepEqual(warningsOf(metafile), [
    "agent.ts, the package @a/b imports fs, which does not exist in a cell: what is used of it fails",
  ]);
});
