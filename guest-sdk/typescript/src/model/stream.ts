import type { ResponseStream } from "kellion:agent/model@0.1.0";
import { forward, type Framing } from "kellion:agent/response@0.1.0";

import { calling, ModelError } from "./error";
import type { Event, Response } from "./types";
import { eventFromHost, responseFromHost } from "./wire";

/** Streams that are open. Held handles would keep a session from resting, so the turn's end closes what is left. */
const open = new Set<ModelStream>();

/** Closes the streams that a turn has left open. */
export function closeStreams(): void {
  for (const stream of [...open]) stream.close();
}

/** A response as it is made: iterate over it for its events, or over `text()`.
 *
 * It lasts until its turn ends, and is then closed, which cancels the call. */
export class ModelStream implements IterableIterator<Event> {
  #events: ResponseStream | undefined;
  #response: Response | undefined;

  constructor(events: ResponseStream) {
    this.#events = events;
    open.add(this);
  }

  /** The next piece. Waits for the provider; done after the response is whole, or once the stream is closed. */
  next(): IteratorResult<Event, undefined> {
    const events = this.#events;
    if (!events) return { done: true, value: undefined };
    let event: Event | undefined;
    try {
      const piece = calling(() => events.next());
      event = piece && eventFromHost(piece);
    } finally {
      if (event === undefined || event.type === "done") this.close();
    }
    if (event === undefined) return { done: true, value: undefined };
    if (event.type === "done") this.#response = event.response;
    return { done: false, value: event };
  }

  /** Called by `for … of` when its body is left early: closes the stream. */
  return(): IteratorResult<Event, undefined> {
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The pieces of text, as they come; the generator's result is the whole response. */
  *text(): Generator<string, Response> {
    for (const event of this) if (event.type === "text") yield event.text;
    return this.response();
  }

  /** The whole response; reads what has not come yet. */
  response(): Response {
    while (!this.next().done);
    if (!this.#response) throw new ModelError("unavailable", "the stream ended before its response was whole");
    return this.#response;
  }

  /** Sends the rest of the text to the caller without a trip through the agent. */
  forward(framing: Framing): Response {
    const events = this.#events;
    if (!events) throw new ModelError("invalid", "the stream is closed already");
    // The host takes the stream over, and closes it.
    this.#forget();
    this.#response = responseFromHost(calling(() => forward(events, framing)));
    return this.#response;
  }

  /** Cancels the call. */
  close(): void {
    this.#forget()?.[Symbol.dispose]();
  }

  #forget(): ResponseStream | undefined {
    const events = this.#events;
    this.#events = undefined;
    open.delete(this);
    return events;
  }
}
