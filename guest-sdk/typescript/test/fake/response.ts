import type { Response } from "kellion:agent/model@0.1.0";
import { host } from "./host";
import type { ResponseStream } from "./model";

export function setContentType(value: string): void {
  host.contentType = value;
}

export function write(chunk: Uint8Array): boolean {
  host.written.push(new TextDecoder().decode(chunk));
  host.patience -= 1;
  return host.patience > 0;
}

export function forward(source: ResponseStream, framing: "text" | "sse"): Response {
  for (;;) {
    const event = source.next();
    if (!event) throw new Error("the stream ended before its response was whole");
    if (event.tag === "delta" && event.val.tag === "text") {
      const text = event.val.val;
      host.written.push(framing === "sse" ? `data: ${JSON.stringify(text)}\n\n` : text);
    }
    if (event.tag === "done") {
      source[Symbol.dispose]();
      return event.val;
    }
  }
}
