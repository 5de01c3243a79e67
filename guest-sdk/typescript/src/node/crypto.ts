// node:crypto: chance, and the hashes that identifiers are made of. More is in `crypto.subtle`, which is asynchronous.

import { Buffer } from "./buffer";
import { Hash } from "./hash";

export const webcrypto = globalThis.crypto;

export function randomUUID(): string {
  return webcrypto.randomUUID();
}

export function randomBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  // As much at once as the standard allows.
  for (let at = 0; at < size; at += 65_536) webcrypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

export function getRandomValues<T extends ArrayBufferView<ArrayBuffer>>(array: T): T {
  return webcrypto.getRandomValues(array);
}

export function randomInt(first: number, second?: number): number {
  const [least, end] = second === undefined ? [0, first] : [first, second];
  const [high = 0, low = 0] = webcrypto.getRandomValues(new Uint32Array(2));
  const fraction = ((high >>> 5) * 67_108_864 + (low >>> 6)) / 9_007_199_254_740_992;
  return least + Math.floor(fraction * (end - least));
}

export function timingSafeEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) throw new RangeError("Input buffers must have the same byte length");
  let difference = 0;
  for (const [at, byte] of one.entries()) difference |= byte ^ (other[at] ?? 0);
  return difference === 0;
}

export function createHash(name: string): Hash {
  return new Hash(name);
}

export function createHmac(name: string, key: string | Uint8Array): Hash {
  return new Hash(name, key);
}

export const subtle = webcrypto.subtle;

export default {
  createHash,
  createHmac,
  getRandomValues,
  randomBytes,
  randomInt,
  randomUUID,
  subtle,
  timingSafeEqual,
  webcrypto,
};
