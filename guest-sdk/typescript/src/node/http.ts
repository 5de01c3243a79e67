// node:http: an agent may serve POST /invocations by itself, as AgentCore's containers do. It cannot ask others.

import { IncomingMessage, ServerResponse } from "../compat/web/message";
import { type Listener, Server } from "../compat/web/server";

export { IncomingMessage, Server, ServerResponse };

export const METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
export const STATUS_CODES: Record<number, string> = {
  200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
  404: "Not Found", 409: "Conflict", 422: "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error",
  501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
};

export function createServer(first?: Listener | object, second?: Listener): Server {
  return new Server(typeof first === "function" ? (first as Listener) : second);
}

export function request(): never {
  throw new Error("http.request is not available: an agent runs in a cell without a network");
}
export const get = request;

/** Keeps connections, of which there are none. */
export class Agent {}
export const globalAgent = new Agent();

export default { Agent, IncomingMessage, METHODS, STATUS_CODES, Server, ServerResponse, createServer, get, globalAgent, request };
