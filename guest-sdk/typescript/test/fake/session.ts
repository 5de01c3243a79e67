import { host } from "./host";

export function config(name: string): string | undefined {
  return host.config.get(name);
}

export function remaining(): { tokens?: bigint; moneyMicros?: bigint } {
  return { tokens: 1000n };
}
