// The forms of answers and events here are those that the real app gives over HTTP.

import "../src/runtime/install";

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { z } from "zod";

import { BedrockAgentCoreApp, type RequestContext } from "../src/compat/agentcore";
import { host, reset } from "./fake/host";
import { turn } from "./turn";

type Process = (request: any, context: RequestContext) => unknown;

function serve(process: Process, more: object = {}): void {
  new BedrockAgentCoreApp({ invocationHandler: { process, ...more } }).run();
}

beforeEach(reset);

test("text goes out as it is, and everything else as JSON", async () => {
  serve(async ({ answer }) => answer);
  assert.equal(await turn({ answer: 'hello "x"' }), 'hello "x"');
  assert.equal(host.contentType, "text/plain; charset=utf-8");
  assert.equal(await turn({ answer: { a: 1 } }), '{"a":1}');
  assert.equal(await turn({}), "");
});

test("a generator's chunks are framed as the real app frames them", async () => {
  serve(async function* () {
    yield "one\ntwo";
    yield { a: 1 };
    yield { event: "x", data: { b: 2 } };
    yield { data: "str" };
    yield null;
    throw new Error("boom");
  });
  await turn({});
  assert.equal(host.contentType, "text/event-stream");
  assert.deepEqual(host.written, [
    "data: one\ndata: two\n\n",
    'data: {"a":1}\n\n',
    'event: x\ndata: {"b":2}\n\n',
    'data: "str"\n\n',
    "data: null\n\n",
    'event: error\ndata: {"error":"boom"}\n\n',
  ]);
  assert.equal(host.log.at(-1)?.level, "error");
});

test("the context holds the session, the request and the allowed headers", async () => {
  serve((_, { log, ...context }) => {
    log.child({ part: "a" }).info({ n: 1 }, "heard");
    return context;
  });
  const headers = [
    { name: "authorization", value: "Bearer 1" },
    { name: "x-amzn-bedrock-agentcore-runtime-custom-foo", value: "1" },
    { name: "x-other", value: "2" },
  ];
  const context = JSON.parse(await turn({}, { headers }));
  assert.deepEqual(context.headers, { authorization: "Bearer 1", "x-amzn-bedrock-agentcore-runtime-custom-foo": "1" });
  assert.equal(context.sessionId, "00000000-0000-0000-0000-000000000001");
  assert.deepEqual(host.log, [{ level: "info", message: 'heard { part: "a", n: 1 }' }]);
});

test("a request that does not fit its schema is the caller's mistake", async () => {
  serve(({ prompt }) => prompt, { requestSchema: z.object({ prompt: z.string() }) });
  assert.equal(await turn({ prompt: "hi" }), "hi");
  await assert.rejects(turn({ prompt: 5 }), (failure: { tag: string; val: string }) => {
    assert.equal(failure.tag, "invalid-payload");
    assert.match(failure.val, /^Invalid request body format: prompt: /);
    return true;
  });
});

test("text and types with a parser of their own are read", async () => {
  const contentTypeParsers = [
    { contentType: "application/xml", parseAs: "string" as const, parser: (_: object, body: string) => ({ xml: body }) },
  ];
  new BedrockAgentCoreApp({
    invocationHandler: { process: (request: unknown) => ({ request }) },
    config: { contentTypeParsers },
  }).run();
  assert.equal(await turn("hi", { contentType: "text/plain" }), '{"request":"hi"}');
  assert.equal(await turn("<a/>", { contentType: "application/xml" }), '{"request":{"xml":"<a/>"}}');
  await assert.rejects(turn("x", { contentType: "image/png" }), { tag: "invalid-payload" });
});

test("what a handler throws fails the turn", async () => {
  serve(() => {
    throw new Error("thrown");
  });
  await assert.rejects(turn({}), { tag: "failed", val: "thrown" });
});

test("tasks are counted while they run", async () => {
  const app = new BedrockAgentCoreApp({ invocationHandler: { process: () => 1 } });
  let during: unknown;
  const task = app.asyncTask(async () => {
    during = [app.getCurrentPingStatus(), app.getAsyncTaskInfo().activeCount];
  });
  await task();
  assert.deepEqual(during, ["HealthyBusy", 1]);
  assert.equal(app.getCurrentPingStatus(), "Healthy");
});
