// The AgentCore tutorial on runtime context and session management, with the AWS SDKs for JavaScript as they are.
//
// usage: node tutorial.mjs ENDPOINT IMAGE

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import {
  BedrockAgentCoreClient,
  InvokeAgentRuntimeCommand,
  ResourceNotFoundException,
  StopRuntimeSessionCommand,
  ValidationException,
} from "@aws-sdk/client-bedrock-agentcore";
import {
  BedrockAgentCoreControlClient,
  CreateAgentRuntimeCommand,
  DeleteAgentRuntimeCommand,
  GetAgentRuntimeCommand,
  ListAgentRuntimesCommand,
  ResourceNotFoundException as NoSuchAgent,
} from "@aws-sdk/client-bedrock-agentcore-control";

const [endpoint, image] = process.argv.slice(2);
const data = new BedrockAgentCoreClient({ endpoint });
const control = new BedrockAgentCoreControlClient({ endpoint });

const agent = await control.send(
  new CreateAgentRuntimeCommand({
    agentRuntimeName: "tutorial",
    agentRuntimeArtifact: { containerConfiguration: { containerUri: image } },
    roleArn: "arn:aws:iam::000000000000:role/kellion",
    networkConfiguration: { networkMode: "PUBLIC" },
  }),
);
assert.equal(agent.agentRuntimeVersion, "1");
const { agentRuntimeArn, agentRuntimeId } = agent;

// The bound only keeps a broken server from hanging the test.
async function built() {
  for (let times = 0; times < 1_500; times++) {
    const runtime = await control.send(new GetAgentRuntimeCommand({ agentRuntimeId }));
    if (runtime.status !== "CREATING") {
      return runtime;
    }
    await pause(20);
  }
  throw new Error("gave up waiting for the build");
}
assert.equal((await built()).status, "READY");

async function invoke(runtimeSessionId, user, prompt) {
  const answer = await data.send(
    new InvokeAgentRuntimeCommand({
      agentRuntimeArn,
      runtimeSessionId,
      qualifier: "DEFAULT",
      payload: new TextEncoder().encode(JSON.stringify({ user_id: user, prompt })),
    }),
  );
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.runtimeSessionId, runtimeSessionId);
  assert.equal(answer.contentType, "application/json");
  return JSON.parse(await answer.response.transformToString());
}

const [first, second] = [randomUUID(), randomUUID()];
assert.equal(await invoke(first, 1, "How much is 2X5?"), "Hello Maira! 2*5 is 10.");
assert.equal(await invoke(first, 1, "and that plus 34?"), "Hello Maira! 10 + 34 is 44.");
assert.equal(
  await invoke(second, 1, "And plus 10?"),
  `Hello Maira! There is no earlier result in session ${second} to add 10 to.`,
);

const stopped = await data.send(
  new StopRuntimeSessionCommand({ agentRuntimeArn, runtimeSessionId: first, qualifier: "DEFAULT" }),
);
assert.equal(stopped.runtimeSessionId, first);
assert.match(await invoke(first, 1, "and that plus 34?"), /no earlier result/);

await assert.rejects(
  invoke("too-short", 1, "How much is 2X5?"),
  (error) => error instanceof ValidationException && error.message.includes("too-short"),
);
const unknown = `${agentRuntimeArn.slice(0, agentRuntimeArn.lastIndexOf("/"))}/nobody-0123456789`;
await assert.rejects(
  data.send(
    new InvokeAgentRuntimeCommand({ agentRuntimeArn: unknown, payload: new TextEncoder().encode("{}") }),
  ),
  (error) => error instanceof ResourceNotFoundException && error.$metadata.httpStatusCode === 404,
);

const listed = async () => {
  const { agentRuntimes } = await control.send(new ListAgentRuntimesCommand({}));
  return agentRuntimes.map((runtime) => runtime.agentRuntimeId);
};
assert.deepEqual(await listed(), [agentRuntimeId]);
const deleted = await control.send(new DeleteAgentRuntimeCommand({ agentRuntimeId }));
assert.equal(deleted.status, "DELETING");
assert.deepEqual(await listed(), []);
await assert.rejects(
  control.send(new GetAgentRuntimeCommand({ agentRuntimeId })),
  (error) => error instanceof NoSuchAgent,
);
