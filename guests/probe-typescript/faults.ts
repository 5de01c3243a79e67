// What an agent may do to hurt.

const kept: Uint8Array[] = [];

export function panic(): never {
  const nothing = undefined as unknown as { there: { at: "all" } };
  throw new TypeError(`asked to panic: ${nothing.there.at}`);
}

/** The engine answers `process.abort` with an instruction that traps. */
export function trap(): never {
  return process.abort();
}

export function spin(): never {
  for (let turns = 0; ; turns += 1);
}

export function recurse(depth: number): number {
  return recurse(depth + 1) + depth;
}

/** Every page is another one than its neighbours, and than what was there before. */
export function keep(kib: number): number {
  const begin = kept.reduce((sum, chunk) => sum + chunk.length, 0);
  const chunk = new Uint8Array(kib << 10);
  // The engine interprets: a byte a page is enough to make the page the agent's own, and quick.
  for (let at = 0; at < chunk.length; at += 1024) chunk[at] = ((begin + at) % 251) | 1;
  kept.push(chunk);
  return begin + chunk.length;
}
