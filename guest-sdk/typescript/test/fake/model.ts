import type { Event, Request, Response } from "kellion:agent/model@0.1.0";
import { answer, host, pieces } from "./host";

export class ResponseStream {
  constructor(readonly events: Event[]) {
    host.openStreams += 1;
  }
  next(): Event | undefined {
    return this.events.shift();
  }
  [Symbol.dispose](): void {
    host.openStreams -= 1;
  }
}

export function converse(request: Request): Response {
  return answer(request);
}

export function converseStream(request: Request): ResponseStream {
  return new ResponseStream(pieces(answer(request)));
}

export function countTokens(request: Request): bigint {
  return BigInt(JSON.stringify(request.messages).length);
}

export function invokeModel(_model: string, body: Uint8Array): Uint8Array {
  return body;
}
