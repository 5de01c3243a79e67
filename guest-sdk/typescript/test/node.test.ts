import "../src/runtime/install";

import assert from "node:assert/strict";
import * as real from "node:crypto";
import { test } from "node:test";

import { createHash, createHmac } from "../src/node/crypto";
import { fileURLToPath, pathToFileURL } from "../src/node/url";

test("hashes are those of Node", () => {
  for (const name of ["sha256", "sha1"]) {
    for (const size of [0, 3, 55, 56, 64, 1000]) {
      const text = "ü".repeat(size);
      assert.equal(createHash(name).update(text).digest("hex"), real.createHash(name).update(text).digest("hex"));
      const key = "k".repeat(size);
      const expected = real.createHmac(name, key).update("a").update(text).digest("base64");
      assert.equal(createHmac(name, key).update("a").update(text).digest("base64"), expected);
    }
  }
  assert.throws(() => createHash("md4"), /"md4" is not available; there are sha256/);
});

test("a signal of several is aborted with the first of them", () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const any = AbortSignal.any([one.signal, other.signal]);
  assert.equal(any.aborted, false);
  other.abort("enough");
  assert.deepEqual([any.aborted, any.reason], [true, "enough"]);
  assert.equal(AbortSignal.any([other.signal]).aborted, true);
});

test("paths and file URLs", () => {
  assert.equal(fileURLToPath("file:///a%20b/c.js"), "/a b/c.js");
  assert.equal(pathToFileURL("/a b").href, "file:///a%20b");
  assert.throws(() => fileURLToPath("https://example.com/"), /scheme file/);
});
