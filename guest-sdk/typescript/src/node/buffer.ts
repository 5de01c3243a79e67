// node:buffer: bytes with the conversions that are asked for most.

type Encoding = "utf8" | "utf-8" | "base64" | "base64url" | "hex" | "latin1" | "binary" | "ascii";

/** Bytes. */
export class Buffer extends Uint8Array<ArrayBuffer> {
  constructor(size: number | ArrayBuffer, begin?: number, length?: number) {
    super(size as ArrayBuffer, begin, length);
  }

  static override from(
    source: string | ArrayLike<number> | ArrayBufferLike | Iterable<number>,
    second?: unknown,
    third?: unknown,
  ): Buffer {
    if (typeof source === "string") return copy(decode(source, second as Encoding | undefined));
    if (source instanceof ArrayBuffer) return new Buffer(source, second as number | undefined, third as number | undefined);
    return copy(Uint8Array.from(source as ArrayLike<number>));
  }

  static alloc(size: number, fill?: number | string): Buffer {
    const buffer = new Buffer(size);
    return fill === undefined ? buffer : buffer.fill(typeof fill === "string" ? fill.charCodeAt(0) : fill);
  }

  static allocUnsafe(size: number): Buffer {
    return new Buffer(size);
  }

  static isBuffer(value: unknown): value is Buffer {
    return value instanceof Buffer;
  }

  static isEncoding(name: string): boolean {
    return ["utf8", "utf-8", "base64", "base64url", "hex", "latin1", "binary", "ascii"].includes(name.toLowerCase());
  }

  static byteLength(text: string | ArrayBufferView, encoding?: Encoding): number {
    return typeof text === "string" ? decode(text, encoding).length : text.byteLength;
  }

  static concat(parts: readonly Uint8Array[], length = parts.reduce((sum, part) => sum + part.length, 0)): Buffer {
    const whole = new Buffer(length);
    let at = 0;
    for (const part of parts) {
      const fitting = part.subarray(0, length - at);
      whole.set(fitting, at);
      at += fitting.length;
    }
    return whole;
  }

  override toString(encoding: Encoding = "utf8", begin = 0, end = this.length): string {
    const bytes = new Uint8Array(this.buffer, this.byteOffset, this.byteLength).subarray(begin, end);
    switch (encoding) {
      case "base64":
        return btoa(binary(bytes));
      case "base64url":
        return btoa(binary(bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
      case "hex":
        return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      case "latin1":
      case "binary":
      case "ascii":
        return binary(bytes);
      default:
        return new TextDecoder().decode(bytes);
    }
  }

  equals(other: Uint8Array): boolean {
    return this.length === other.length && this.every((byte, at) => byte === other[at]);
  }

  toJSON(): { type: "Buffer"; data: number[] } {
    return { type: "Buffer", data: [...this] };
  }
}

function decode(text: string, encoding: Encoding = "utf8"): Uint8Array {
  switch (encoding) {
    case "base64":
    case "base64url": {
      // Node takes both alphabets, and what is not of either it skips.
      const plain = text.replaceAll("-", "+").replaceAll("_", "/").replace(/[^A-Za-z0-9+/]/g, "");
      return unpack(atob(plain.slice(0, plain.length % 4 === 1 ? -1 : undefined)));
    }
    case "hex":
      return Uint8Array.from(text.match(/[0-9a-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16));
    case "latin1":
    case "binary":
    case "ascii":
      return unpack(text);
    default:
      return new TextEncoder().encode(text);
  }
}

function copy(bytes: Uint8Array): Buffer {
  const buffer = new Buffer(bytes.length);
  buffer.set(bytes);
  return buffer;
}

function unpack(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
}

function binary(bytes: Uint8Array): string {
  let text = "";
  // A call takes a bounded number of arguments.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

export default { Buffer };
