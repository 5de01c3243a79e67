// Prints, chance and time.

import { log } from "kellion";

export function print(message: string): string {
  console.log(message);
  console.error(message);
  log.debug(message);
  log.info(message);
  log.warn(message);
  log.error(message);
  return message;
}

export function randomHex(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function sleep(ms: number): Promise<object> {
  await new Promise((wake) => setTimeout(wake, ms));
  return { slept_ms: ms };
}
