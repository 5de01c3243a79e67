// SHA-1 and SHA-256 without waiting, as node:crypto gives them.

import { Buffer } from "./buffer";

const rotateLeft = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

/** The first bits of the fractional parts of roots of the first primes: of square roots for the state, of cube roots for
 * the rounds. */
const primes = Array.from({ length: 312 }, (_, at) => at).filter((n) => n > 1 && !Array.from({ length: n }, (_, d) => d).some((d) => d > 1 && d * d <= n && n % d === 0));
const fraction = (root: number): number => ((root % 1) * 2 ** 32) | 0;
const STATE = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const ROUNDS = primes.slice(0, 64).map((prime) => fraction(Math.cbrt(prime)));

/** The message with its end marked and its length, as words of 32 bits. */
function padded(message: Uint8Array): DataView {
  const bytes = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
  bytes.set(message);
  bytes[message.length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setBigUint64(bytes.length - 8, BigInt(message.length) * 8n);
  return view;
}

function digest(words: Int32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(words.length * 4));
  words.forEach((word, at) => view.setInt32(at * 4, word));
  return new Uint8Array(view.buffer);
}

function sha256(message: Uint8Array): Uint8Array {
  const view = padded(message);
  const state = Int32Array.from(STATE);
  const w = new Int32Array(64);
  const at = (index: number): number => w[index] as number;
  const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by));
  for (let block = 0; block < view.byteLength; block += 64) {
    for (let i = 0; i < 16; i += 1) w[i] = view.getInt32(block + i * 4);
    for (let i = 16; i < 64; i += 1) {
      const [early, late] = [at(i - 15), at(i - 2)];
      const s0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
      const s1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
      w[i] = at(i - 16) + s0 + at(i - 7) + s1;
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
    for (let i = 0; i < 64; i += 1) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const first = (h + s1 + ((e & f) ^ (~e & g)) + (ROUNDS[i] as number) + at(i)) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const second = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] = (state[i] as number) + word));
  }
  return digest(state);
}

function sha1(message: Uint8Array): Uint8Array {
  const view = padded(message);
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  const w = new Int32Array(80);
  const at = (index: number): number => w[index] as number;
  for (let block = 0; block < view.byteLength; block += 64) {
    for (let i = 0; i < 16; i += 1) w[i] = view.getInt32(block + i * 4);
    for (let i = 16; i < 80; i += 1) w[i] = rotateLeft(at(i - 3) ^ at(i - 8) ^ at(i - 14) ^ at(i - 16), 1);
    let [a, b, c, d, e] = state as unknown as [number, number, number, number, number];
    for (let i = 0; i < 80; i += 1) {
      const part = Math.floor(i / 20);
      const mixed = part === 0 ? (b & c) | (~b & d) : part === 2 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
      const constant = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6][part] as number;
      [e, d, c, b, a] = [d, c, rotateLeft(b, 30), a, (rotateLeft(a, 5) + mixed + e + constant + at(i)) | 0];
    }
    [a, b, c, d, e].forEach((word, i) => (state[i] = (state[i] as number) + word));
  }
  return digest(state);
}

const ALGORITHMS: Record<string, (message: Uint8Array) => Uint8Array> = { sha1, sha256 };

/** Takes pieces, and gives their hash. */
export class Hash {
  readonly #digest: (message: Uint8Array) => Uint8Array;
  readonly #pieces: Uint8Array[] = [];

  constructor(name: string, key?: string | Uint8Array) {
    const hash = ALGORITHMS[name.toLowerCase().replace("-", "")];
    if (!hash) throw new Error(`the hash ${JSON.stringify(name)} is not available; there are sha256 and sha1, and crypto.subtle.digest for others`);
    this.#digest = key === undefined ? hash : (message) => hmac(hash, bytesOf(key), message);
  }

  update(piece: string | Uint8Array, encoding?: "utf8" | "hex" | "base64"): this {
    this.#pieces.push(bytesOf(piece, encoding));
    return this;
  }

  digest(): Buffer;
  digest(encoding: "hex" | "base64" | "base64url"): string;
  digest(encoding?: "hex" | "base64" | "base64url"): Buffer | string {
    const bytes = Buffer.from(this.#digest(Buffer.concat(this.#pieces)));
    return encoding === undefined ? bytes : bytes.toString(encoding);
  }
}

function bytesOf(piece: string | Uint8Array, encoding?: "utf8" | "hex" | "base64"): Uint8Array {
  return typeof piece === "string" ? Buffer.from(piece, encoding) : piece;
}

function hmac(hash: (message: Uint8Array) => Uint8Array, key: Uint8Array, message: Uint8Array): Uint8Array {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? hash(key) : key);
  const inner = hash(Buffer.concat([block.map((byte) => byte ^ 0x36), message]));
  return hash(Buffer.concat([block.map((byte) => byte ^ 0x5c), inner]));
}
