/// <reference path="./bindings.d.ts" />
/** Write agents for Kellion in TypeScript or JavaScript. @module */

export { Agent, AgentError, type AgentOptions, type Prompt, type Reply } from "./agent/agent";
export { app, type Handler } from "./app";
export { Body, type Payload } from "./body";
export type { Context, Header } from "./context";
export { InvalidPayload } from "./errors";
export { type Json, parse as parseJson, stringify as stringifyJson } from "./json";
export * as log from "./log";
export * as model from "./model";
export { ModelError } from "./model";
export { forward, type Framing, sendEvent, setContentType, write } from "./response";
export * as session from "./session";
export { type Infer, type InputSchema, schema } from "./tool/schema";
export { type Tool, tool } from "./tool/tool";
