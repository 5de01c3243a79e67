import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import {
  BedrockRuntimeClient,
  BedrockRuntimeServiceException,
  ConverseCommand,
  ConverseStreamCommand,
  CountTokensCommand,
  ImageFormat,
  InvokeModelCommand,
  StartAsyncInvokeCommand,
  ThrottlingException,
} from "../src/compat/bedrock/index";
import { goLive } from "../src/host";
import { calls, host, reset, says } from "./fake/host";

goLive();
beforeEach(reset);

const client = new BedrockRuntimeClient({ region: "eu-west-1" });
const QUESTION = { modelId: "m", messages: [{ role: "user", content: [{ text: "Hi" }] }] };

test("converse answers in the AWS SDK's form", async () => {
  host.answers.push(calls("weather", { city: "Lima" }, "t1"));
  const { output, stopReason, usage, metrics } = await client.send(new ConverseCommand(QUESTION));
  assert.deepEqual(output.message, {
    role: "assistant",
    content: [{ toolUse: { toolUseId: "t1", name: "weather", input: { city: "Lima" } } }],
  });
  assert.equal(stopReason, "tool_use");
  assert.deepEqual([usage.totalTokens, metrics.latencyMs], [15, 7]);
});

test("converse-stream gives the AWS SDK's events", async () => {
  host.answers.push({ ...says("one two"), content: [{ tag: "text", val: "one two" }, calls("w", {}, "t").content[0]!] });
  const { stream } = await client.send(new ConverseStreamCommand(QUESTION));
  const events: any[] = [];
  for await (const event of stream) events.push(event);
  assert.deepEqual(
    events.map((event) => Object.keys(event)[0]),
    [
      "messageStart",
      "contentBlockDelta",
      "contentBlockDelta",
      "contentBlockStop",
      "contentBlockStart",
      "contentBlockDelta",
      "contentBlockStop",
      "messageStop",
      "metadata",
    ],
  );
  assert.deepEqual(events[4].contentBlockStart, { contentBlockIndex: 1, start: { toolUse: { toolUseId: "t", name: "w" } } });
  assert.equal(events[7].messageStop.stopReason, "end_turn");
  assert.equal(host.openStreams, 0);
});

test("everything that a request may hold reaches the contract", async () => {
  host.answers.push(says("ok"));
  const bytes = new Uint8Array([1, 2]);
  await client.send(
    new ConverseCommand({
      modelId: "m",
      system: [{ text: "s" }, { cachePoint: { type: "default" } }],
      messages: [
        {
          role: "user",
          content: [
            { image: { format: ImageFormat["PNG"], source: { bytes } } },
            { document: { name: "d", format: "pdf", source: { bytes }, citations: { enabled: true } } },
            { document: { name: "t", source: { text: "é" } } },
            { image: { format: "png", source: { s3Location: { uri: "s3://b/k" } } } },
            { guardContent: { text: { text: "g" } } },
            { toolResult: { toolUseId: "t", status: "error", content: [{ text: "no" }, { json: { a: 1 } }] } },
            { reasoningContent: { reasoningText: { text: "r", signature: "x" } } },
          ],
        },
      ],
      inferenceConfig: { maxTokens: 5, temperature: 0.5, stopSequences: ["."] },
      toolConfig: {
        tools: [{ toolSpec: { name: "w", description: "W.", inputSchema: { json: { type: "object" } } } }, { cachePoint: {} }],
        toolChoice: { tool: { name: "w" } },
      },
      guardrailConfig: { guardrailIdentifier: "g", guardrailVersion: "1", trace: "enabled" },
      additionalModelRequestFields: { top_k: 5 },
    }),
  );
  const [request] = host.requests;
  assert.deepEqual(request?.system, [{ tag: "text", val: "s" }, { tag: "cache-point" }]);
  assert.deepEqual(
    request?.messages[0]?.content.map(({ tag }) => tag),
    ["image", "document", "document", "other", "other", "tool-result", "reasoning"],
  );
  assert.deepEqual(request?.messages[0]?.content[5], {
    tag: "tool-result",
    val: {
      toolUseId: "t",
      isError: true,
      content: [
        { tag: "text", val: "no" },
        { tag: "json", val: '{"a":1}' },
      ],
    },
  });
  assert.deepEqual(request?.inference, { maxTokens: 5, temperature: 0.5, topP: undefined, stopSequences: ["."] });
  assert.deepEqual(request?.tools, [{ name: "w", description: "W.", inputSchema: '{"type":"object"}' }]);
  assert.deepEqual(request?.toolChoice, { tag: "tool", val: "w" });
  assert.deepEqual(request?.guardrail, { id: "g", version: "1" });
  assert.equal(request?.extra, '{"top_k":5}');
});

test("failures are the AWS SDK's exceptions, by class and by name", async () => {
  const failures = [
    ["throttled", "ThrottlingException", 429],
    ["denied", "AccessDeniedException", 403],
    ["budget-exhausted", "ServiceQuotaExceededException", 400],
    ["invalid", "ValidationException", 400],
    ["timeout", "ModelTimeoutException", 408],
    ["unavailable", "ServiceUnavailableException", 503],
  ] as const;
  for (const [kind, name, status] of failures) {
    host.answers.push({ kind, message: "why" });
    await assert.rejects(client.send(new ConverseCommand(QUESTION)), (error: any) => {
      assert.ok(error instanceof BedrockRuntimeServiceException);
      assert.deepEqual([error.name, error.message, (error.$metadata as any).httpStatusCode], [name, "why", status]);
      return true;
    });
  }
  host.answers.push({ kind: "throttled", message: "slowly" });
  await assert.rejects(client.send(new ConverseStreamCommand(QUESTION)), ThrottlingException);
});

test("a conversation that is too long fails in words that frameworks know", async () => {
  host.answers.push({ kind: "context-too-long", message: "300000 tokens" });
  await assert.rejects(client.send(new ConverseCommand(QUESTION)), {
    name: "ValidationException",
    message: "Input is too long for requested model: 300000 tokens",
  });
});

test("tokens are counted, models invoked, and the rest refused", async () => {
  const { inputTokens } = await client.send(
    new CountTokensCommand({ modelId: "m", input: { converse: { messages: QUESTION.messages } } }),
  );
  assert.equal(inputTokens, JSON.stringify([{ role: "user", content: [{ tag: "text", val: "Hi" }] }]).length);
  const { body } = await client.send(new InvokeModelCommand({ modelId: "m", body: '{"a":1}' }));
  assert.equal(body.transformToString(), '{"a":1}');
  assert.equal(new TextDecoder().decode(body), '{"a":1}');
  await assert.rejects(client.send(new StartAsyncInvokeCommand({})), { name: "ValidationException" });
  await assert.rejects(client.send(new ConverseCommand({ ...QUESTION, outputConfig: {} })), /outputConfig is not passed on/);
});

test("regions are asked for as in the AWS SDK", async () => {
  assert.equal(await (client.config["region"] as () => Promise<string>)(), "eu-west-1");
});
