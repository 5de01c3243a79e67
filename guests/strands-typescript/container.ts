// The contract of AgentCore's containers, with a web server of its own.

import { createHash, randomUUID } from "node:crypto";

import express from "express";
import { Agent } from "@strands-agents/sdk";

const agent = new Agent({ printer: false });
const app = express();
app.use(express.json());

app.get("/ping", (_request, response) => {
  response.json({ status: "Healthy", time_of_last_update: Math.floor(Date.now() / 1000) });
});

app.post("/invocations", async (request, response) => {
  const { prompt, stream } = request.body;
  if (typeof prompt !== "string") return response.status(400).json({ error: "no prompt" });
  if (stream) {
    response.setHeader("Content-Type", "text/event-stream");
    for await (const event of agent.stream(prompt)) response.write(`data: ${JSON.stringify({ type: event.type })}\n\n`);
    return response.end();
  }
  const result = await agent.invoke(prompt);
  return response.json({
    text: result.toString(),
    session: request.get("X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"),
    messages: agent.messages.length,
    digest: createHash("sha256").update(prompt).digest("hex"),
    id: randomUUID(),
  });
});

app.listen(Number(process.env.PORT ?? 8080));
