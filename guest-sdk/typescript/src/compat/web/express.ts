/** Stands in for `express`, whose own code needs Node's network: routes, handlers and bodies, for `POST /invocations`. @module */

import { Buffer } from "../../node/buffer";
import { createRouter, type Handler, type Next } from "./routes";
import { Server } from "./server";

interface BodyOptions {
  type?: string | readonly string[] | ((request: any) => boolean);
}

/** An app. */
function createApp(): any {
  const settings = new Map<string, unknown>();
  const router = createRouter();
  const app: any = (request: any, response: any, next: Next = (error) => atTheEnd(error, request, response)) => {
    equip(app, request, response);
    return router(request, response, next);
  };
  const getRoute = router.get;
  Object.assign(app, router, {
    locals: {},
    set: (name: string, value: unknown) => {
      settings.set(name, value);
      return app;
    },
    get: (first: unknown, ...handlers: Handler[]) =>
      handlers.length === 0 ? settings.get(String(first)) : getRoute(first, ...handlers),
    enable: (name: string) => app.set(name, true),
    disable: (name: string) => app.set(name, false),
    listen: (...values: unknown[]) =>
      new Server((request, response) => Promise.resolve(app(request, response, failing(request, response)))).listen(...values),
  });
  return app;
}

/** What nobody handled: the error fails the turn as it is. */
function atTheEnd(error: unknown, request: any, response: any): void {
  if (error === undefined) response.status(404).send(`Cannot ${request.method} ${request.url}`);
  else if ((error as { status?: unknown })?.status === 400) response.status(400).send((error as Error).message);
  else response.done.fail(error);
}

function failing(request: any, response: any): Next {
  return (error) => atTheEnd(error, request, response);
}

export const Router = createRouter;

function equip(app: unknown, request: any, response: any): void {
  const header = (name: string): string | undefined => request.headers[name.toLowerCase()];
  Object.assign(request, {
    app, res: response, params: {}, query: {}, originalUrl: request.url, path: request.url, baseUrl: "", cookies: {},
    protocol: "http", hostname: "localhost", ip: "127.0.0.1", secure: false,
    get: header,
    header,
    is: (type: string) => fits(request, { type }) && type,
    accepts: (...types: string[]) => types.flat()[0],
  });
  const set = (name: string | object, value?: unknown): unknown => {
    for (const [key, item] of typeof name === "string" ? [[name, value] as const] : Object.entries(name)) response.setHeader(key, item);
    return response;
  };
  Object.assign(response, {
    app, req: request, locals: {}, set, header: set,
    get: (name: string) => response.getHeader(name),
    type: (type: string) => set("content-type", typeOf(type)),
    status: (code: number) => {
      response.statusCode = code;
      return response;
    },
    sendStatus: (code: number) => response.status(code).send(String(code)),
    json: (value: unknown) => {
      if (!response.hasHeader("content-type")) set("content-type", "application/json; charset=utf-8");
      return response.end(JSON.stringify(value));
    },
    send: (value: unknown) => send(response, value),
  });
}

function send(response: any, value: unknown): unknown {
  const isBytes = value instanceof Uint8Array;
  if (!isBytes && typeof value === "object" && value !== null) return response.json(value);
  if (typeof value === "number" || typeof value === "boolean") return response.json(value);
  if (!response.hasHeader("content-type")) response.type(isBytes ? "application/octet-stream" : "html");
  return response.end(isBytes ? value : (value ?? ""));
}

function typeOf(name: string): string {
  const known: Record<string, string> = { json: "application/json", html: "text/html", text: "text/plain", txt: "text/plain" };
  const type = known[name] ?? name;
  return type.startsWith("text/") && !type.includes("charset") ? `${type}; charset=utf-8` : type;
}

function fits(request: any, { type }: BodyOptions): boolean {
  if (typeof type === "function") return type(request);
  const sent = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  return [type ?? []].flat().some((wanted) => {
    const pattern = wanted.includes("/") ? wanted : `*/*${wanted}`;
    return new RegExp(`^${pattern.replace(/[.+]/g, "\\$&").replaceAll("*", "[^/]*")}$`).test(sent);
  });
}

/** Reads the body of a request whose content type fits. */
function reader(standard: string, read: (payload: Buffer) => unknown) {
  return ({ type = standard }: BodyOptions = {}): Handler =>
    (request: any, _response: any, next: Next) => {
      if (request.body !== undefined || !fits(request, { type })) return next();
      try {
        request.body = read(request.payload);
      } catch (error) {
        return next(Object.assign(error as Error, { status: 400 }));
      }
      next();
    };
}

export const json = reader("application/json", (payload) => (payload.length === 0 ? {} : JSON.parse(payload.toString())));
export const raw = reader("application/octet-stream", (payload) => payload);
export const text = reader("text/plain", (payload) => payload.toString());
export const urlencoded = reader("application/x-www-form-urlencoded", (payload) =>
  Object.fromEntries(new URLSearchParams(payload.toString())),
);
/** There are none to serve. */
function noFiles(): Handler {
  return (_request: any, _response: any, next: Next) => next();
}
export { noFiles as static };

const express: any = Object.assign(createApp, { Router, json, raw, text, urlencoded, static: noFiles });
export default express;
