import "../src/runtime/install";

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import express, { Router } from "../src/compat/web/express";
import { createServer } from "../src/node/http";
import { host, reset } from "./fake/host";
import { turn } from "./turn";

beforeEach(reset);

test("a server of node:http gets the payload, and the session in AgentCore's header", async () => {
  createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: unknown) => (body += chunk));
    request.on("end", () => {
      response.writeHead(200, { "Content-Type": "application/json" });
      const session = request.headers["x-amzn-bedrock-agentcore-runtime-session-id"];
      response.end(JSON.stringify({ at: `${request.method} ${request.url}`, body: JSON.parse(body), session }));
    });
  }).listen(8080);
  assert.deepEqual(JSON.parse(await turn({ a: 1 })), {
    at: "POST /invocations",
    body: { a: 1 },
    session: "00000000-0000-0000-0000-000000000001",
  });
  assert.equal(host.contentType, "application/json");
});

function served(): any {
  const app = express();
  app.use(express.json());
  app.listen(8080, "0.0.0.0");
  return app;
}

test("routes, routers and middleware of express come in order", async () => {
  const app = served();
  const seen: string[] = [];
  app.use((_request: any, _response: any, next: () => void) => (seen.push("use"), next()));
  app.use("/elsewhere", () => seen.push("elsewhere"));
  app.get("/invocations", () => seen.push("get"));
  const router = Router();
  router.post("/invocations", async (request: any, response: any) => response.json({ prompt: request.body.prompt, seen }));
  app.use("/", router);
  assert.deepEqual(JSON.parse(await turn({ prompt: "hi" })), { prompt: "hi", seen: ["use"] });
  assert.equal(host.contentType, "application/json; charset=utf-8");
});

test("bytes arrive with express.raw", async () => {
  const app = express();
  app.post("/invocations", express.raw({ type: "*/*" }), (request: any, response: any) => {
    response.send(`${request.body.length} ${new TextDecoder().decode(request.body)}`);
  });
  app.listen();
  assert.equal(await turn({ a: 1 }), '7 {"a":1}');
});

test("pieces go out as they are written", async () => {
  served().post("/invocations", (_request: any, response: any) => {
    response.setHeader("Content-Type", "text/event-stream");
    response.flushHeaders();
    response.write("data: 1\n\n");
    response.end("data: 2\n\n");
  });
  assert.equal(await turn({}), "");
  assert.equal(host.contentType, "text/event-stream");
  assert.deepEqual(host.written, ["data: 1\n\n", "data: 2\n\n"]);
});

test("a status from 400 on fails the turn, and from 500 on it is the agent's fault", async () => {
  served().post("/invocations", ({ body }: any, response: any) => response.status(body.status).json({ error: "no" }));
  const refused = 'the agent answered with status 400: {"error":"no"}';
  await assert.rejects(turn({ status: 400 }), { tag: "invalid-payload", val: refused });
  await assert.rejects(turn({ status: 500 }), { tag: "failed", val: refused.replace("400", "500") });
  assert.equal(await turn({ status: 200 }), '{"error":"no"}');
  await assert.rejects(turn("{"), { tag: "invalid-payload" });
});

test("what a handler throws goes to the one that takes errors, and otherwise fails the turn", async () => {
  const app = served();
  app.post("/invocations", async () => {
    throw new Error("thrown");
  });
  await assert.rejects(turn({}), { tag: "failed", val: "thrown" });
  app.use((error: Error, _request: any, response: any, _next: unknown) => response.json({ handled: error.message }));
  assert.equal(await turn({}), '{"handled":"thrown"}');
});

test("no route is told", async () => {
  served();
  await assert.rejects(turn({}), { tag: "invalid-payload", val: /Cannot POST \/invocations/ });
});
