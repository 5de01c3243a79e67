import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { z } from "zod";

import { Agent, AgentError, ModelError, schema, type Tool, tool } from "../src/index";
import { goLive } from "../src/host";
import { calls, host, reset, response, says } from "./fake/host";

goLive();
beforeEach(reset);

const weather = tool({
  name: "weather",
  description: "Tells the weather.",
  input: schema.object({ city: schema.string("Its name."), days: schema.integer().optional() }),
  run: ({ city, days }) => {
    if (city === "Atlantis") throw new Error("no such city");
    return { city, days: days ?? 1, sky: "sunny" };
  },
});

function agent(tools: Tool[] = [weather], maxRounds = 5): Agent {
  return new Agent({ model: "some-model", system: "Be short.", tools, maxRounds });
}

test("the model hears system, tools and what was said before", async () => {
  host.answers.push(says("Hello."), says("Again."));
  const concierge = agent();

  const reply = await concierge.ask("Hi");
  await concierge.ask("Hi again");

  assert.deepEqual(reply, {
    text: "Hello.",
    stopReason: "end-turn",
    usage: { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0 },
    rounds: 1,
  });
  const [first, second] = host.requests;
  assert.equal(first?.model, "some-model");
  assert.deepEqual(first?.system, [{ tag: "text", val: "Be short." }]);
  assert.deepEqual(JSON.parse(first?.tools[0]?.inputSchema ?? ""), {
    type: "object",
    properties: { city: { type: "string", description: "Its name." }, days: { type: "integer" } },
    required: ["city"],
  });
  assert.deepEqual(
    second?.messages.map(({ role }) => role),
    ["user", "assistant", "user"],
  );
});

test("tools run, and their failures are told to the model", async () => {
  host.answers.push(
    calls("weather", { city: "Lima" }, "1"),
    calls("weather", { city: "Atlantis" }, "2"),
    calls("weather", { city: 5 }, "3"),
    calls("climate", {}, "4"),
    says("Sunny."),
  );
  const reply = await agent().ask("How is the weather?");

  assert.equal(reply.rounds, 5);
  assert.equal(reply.usage.inputTokens, 50);
  const results = host.requests.at(-1)?.messages.filter(({ role }) => role === "user").slice(1);
  assert.deepEqual(
    results?.map(({ content: [block] }) => (block?.tag === "tool-result" ? [block.val.isError, block.val.content[0]?.val] : [])),
    [
      [false, '{"city":"Lima","days":1,"sky":"sunny"}'],
      [true, "no such city"],
      [true, "input does not fit: `city`: expected a string, found a number"],
      [true, "there is no tool `climate`; the tools are: weather"],
    ],
  );
});

test("a failed turn leaves the conversation as it was", async () => {
  host.answers.push(calls("weather", { city: "Lima" }), { kind: "throttled", message: "slowly", retryAfterMs: 500n });
  const concierge = agent();

  await assert.rejects(concierge.ask("How is the weather?"), (error) => {
    assert.ok(error instanceof ModelError);
    assert.deepEqual([error.kind, error.retryAfterMs, error.isTransient], ["throttled", 500, true]);
    assert.equal(error.message, "the model is throttled: slowly");
    return true;
  });
  assert.deepEqual(concierge.messages, []);

  host.answers.push(says("Sunny."));
  assert.equal((await concierge.ask("And now?")).text, "Sunny.");
});

test("a model that goes in circles is stopped", async () => {
  host.answers.push(calls("weather", { city: "Lima" }), calls("weather", { city: "Lima" }), says("late"));
  await assert.rejects(agent([weather], 2).ask("?"), AgentError);
});

test("a tool call that is cut is not remembered", async () => {
  host.answers.push(response([{ tag: "tool-use", val: { id: "1", name: "weather", input: '{"ci' } }], "max-tokens"));
  const concierge = agent();
  await assert.rejects(concierge.ask("?"), /in the middle of a tool call \(max-tokens\)/);
  assert.deepEqual(concierge.messages, []);
});

test("text streams, across tool calls, and the reply comes at the end", async () => {
  host.answers.push(calls("weather", { city: "Lima" }), says("It is sunny."));
  const answer = agent().stream("How is the weather?");
  const pieces: string[] = [];
  let step = await answer.next();
  for (; !step.done; step = await answer.next()) pieces.push(step.value);

  assert.deepEqual(pieces, ["It ", "is ", "sunny."]);
  assert.equal(step.value.text, "It is sunny.");
  assert.equal(host.openStreams, 0);
});

test("a stream that is left early is closed and forgotten", async () => {
  host.answers.push(says("one two three"));
  const concierge = agent();
  for await (const _ of concierge.stream("Count.")) break;
  assert.equal(host.openStreams, 0);
  assert.deepEqual(concierge.messages, []);
});

test("what is blank is not sent back to a provider", async () => {
  host.answers.push(says(" "), says("yes"));
  const silent = agent([tool({ name: "hush", description: "Says nothing.", run: () => "" })]);
  await silent.ask("?");
  assert.deepEqual(silent.messages[1], { role: "assistant", content: [{ type: "text", text: "(nothing)" }] });
});

test("zod's schemas and JSON schemas describe tools, too", async () => {
  const byZod = tool({
    name: "add",
    description: "Adds.",
    input: z.object({ a: z.number().describe("the first"), b: z.number().default(1) }),
    run: ({ a, b }) => a + b,
  });
  const spec = byZod.spec.inputSchema as { properties: object; $schema?: string };
  assert.deepEqual(Object.keys(spec.properties), ["a", "b"]);
  assert.equal(spec.$schema, undefined);
  assert.deepEqual(await byZod.run({ a: 2 }), { output: { type: "text", text: "3" }, isError: false });
  assert.match(JSON.stringify(await byZod.run({ a: "x" })), /input does not fit: `a`: .*"isError":true/);

  const byJson = tool({ name: "n", description: "N.", input: { type: "object", required: ["a"] }, run: ({ a }) => a });
  assert.equal((await byJson.run({})).isError, true);
  assert.throws(() => tool({ name: "n", description: "N.", input: schema.string(), run: () => 1 }), /must be an object/);
});
