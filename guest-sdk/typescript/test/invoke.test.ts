import "../src/runtime/install";

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Body, model, session, setContentType, write } from "../src/index";
import { type Handler, register } from "../src/app";
import { shapeOf, schema } from "../src/tool/schema";
import { host, reset, says } from "./fake/host";
import { turn } from "./turn";

function agent(handle: Handler): void {
  register({ kind: "read", handle });
}

beforeEach(reset);

test("JSON of every kind comes back as it was", async () => {
  agent((payload) => payload);
  for (const json of ["null", "true", "-1.5", '"é"', "[1,[2],{}]", "12345678901234567890", '{"a":-9007199254740993}']) {
    assert.equal(await turn(json), json);
  }
});

test("a payload that is not JSON arrives as bytes, and goes out with its type", async () => {
  agent((payload, context) => new Body(payload, context.contentType));
  const bytes = new Uint8Array([0, 104, 105]);
  assert.equal(await turn(bytes, { contentType: "application/octet-stream" }), "\0hi");
  assert.equal(host.contentType, "application/octet-stream");
});

test("a payload that cannot be read is the caller's mistake", async () => {
  agent(() => assert.fail("not to be called"));
  const refused = async (payload: unknown, message: RegExp): Promise<void> => {
    await assert.rejects(turn(payload), (failure: { tag: string; val: string }) => {
      assert.equal(failure.tag, "invalid-payload");
      assert.match(failure.val, message);
      return true;
    });
  };
  await refused("", /^payload is not JSON: it is empty$/);
  await refused("{", /^payload is not JSON: /);
  await refused(new Uint8Array([0x22, 0xff, 0x22]), /^payload is not text: it is not valid UTF-8$/);
  await refused("[".repeat(5000) + "]".repeat(5000), /^payload nests more than 128 deep$/);
});

test("many brackets are no depth, nor are brackets in texts", async () => {
  agent((payload) => payload.length);
  assert.equal(await turn(JSON.stringify(Array(1000).fill([]))), "1000");
  assert.equal(await turn(JSON.stringify("[\\\"".repeat(1000))), "3000");
});

test("a context has numbers, and finds headers in any case", async () => {
  agent((_, context) => [context.turn, context.header("Authorization"), context.header("x"), context.timeLeft()]);
  assert.equal(await turn({}), '[1,"Bearer 1",null,0]');
});

test("a generator's items are events", async () => {
  agent(async function* () {
    yield 1;
    await new Promise((wake) => setTimeout(wake, 1));
    yield "two\n";
  });
  assert.equal(await turn({}), "");
  assert.equal(host.contentType, "text/event-stream");
  assert.deepEqual(host.written, ["data: 1\n\n", 'data: "two\\n"\n\n']);
});

test("a generator is left when the caller has gone", async () => {
  let left = false;
  agent(function* () {
    try {
      for (let n = 1; ; n += 1) yield n;
    } finally {
      left = true;
    }
  });
  host.patience = 2;
  await turn({});
  assert.equal(host.written.length, 2);
  assert.ok(left);
});

test("what was written comes before the answer", async () => {
  agent(() => {
    setContentType("text/plain");
    write("a");
    return "b";
  });
  assert.equal(await turn({}), "b");
  assert.deepEqual(host.written, ["a"]);
});

test("whatever is thrown fails the turn with its message, and the trace goes to the log", async () => {
  const failing: [unknown, string][] = [
    [new Error("so"), "so"],
    [new TypeError("outer", { cause: new Error("inner") }), "outer: inner"],
    ["text", "text"],
    [{ message: "an object's" }, "an object's"],
    [undefined, "undefined"],
  ];
  for (const [thrown, val] of failing) {
    reset();
    agent(() => {
      throw thrown;
    });
    await assert.rejects(turn({}), { tag: "failed", val });
    assert.equal(host.log.at(-1)?.level, "error");
  }
});

test("a promise that nothing can settle fails the turn, and the next one works", async () => {
  agent(() => new Promise(() => {}));
  await assert.rejects(turn({}), (failure: { tag: string; val: string }) => {
    assert.equal(failure.tag, "failed");
    assert.match(failure.val, /never settles/);
    return true;
  });
  agent(() => new Promise((done) => setTimeout(() => setTimeout(done, 1, "late"), 1)));
  assert.equal(await turn({}), '"late"');
});

test("what a timer throws fails the turn", async () => {
  agent(() => {
    setTimeout(() => {
      throw new Error("in a timer");
    }, 1);
    return new Promise(() => {});
  });
  await assert.rejects(turn({}), { tag: "failed", val: "in a timer" });
});

test("no timer and no stream outlives its turn", async () => {
  let fired = false;
  host.answers.push(says("one two"));
  agent(() => {
    setTimeout(() => {
      fired = true;
    }, 1);
    model.converseStream({ model: "m", messages: [model.user("hi")] }).next();
    return host.openStreams;
  });
  assert.equal(await turn({}), "1");
  assert.equal(host.openStreams, 0);
  agent(() => new Promise((done) => setTimeout(done, 20, "done")));
  await turn({});
  assert.ok(!fired);
});

test("console and prints reach the log with their levels", async () => {
  agent(() => {
    console.debug("d");
    console.log("%s is %d", "x", 5, { a: [1, "b"] });
    console.error(new Error("e"));
    process.stdout.write("half");
    process.stdout.write(" a line\nrest");
    return null;
  });
  await turn({});
  assert.deepEqual(
    host.log.map(({ level, message }) => [level, message.split("\n")[0]]),
    [
      ["debug", "d"],
      ["info", 'x is 5 { a: [1, "b"] }'],
      ["error", "Error: e"],
      ["info", "half a line"],
      ["info", "rest"],
    ],
  );
});

test("the environment is the configuration, then what the build said", async () => {
  host.config.set("BOTH", "configured");
  agent(() => [process.env.BOTH, process.env.AT_BUILD, process.env.NONE ?? null, session.config("BOTH"), "BOTH" in process.env]);
  assert.equal(await turn({}), '["configured","built",null,"configured",true]');
});

test("there is no network, and the error says so", async () => {
  agent(() => fetch("http://example.com/"));
  await assert.rejects(turn({}), { tag: "failed", val: /^fetch is not available.*example\.com/ });
});

test("a payload's schema names what does not fit", async () => {
  const shape = shapeOf(schema.object({ user: schema.object({ id: schema.integer() }), tags: schema.array(schema.string()) }));
  const problem = async (value: unknown): Promise<unknown> => (await shape.read(value) as { problem: string }).problem;
  assert.equal(await problem({ tags: [] }), "missing field `user`");
  assert.equal(await problem({ user: { id: 1.5 }, tags: [] }), "`user.id`: expected an integer, found a number");
  assert.equal(await problem({ user: { id: 1 }, tags: ["a", 2] }), "`tags[1]`: expected a string, found a number");
});
