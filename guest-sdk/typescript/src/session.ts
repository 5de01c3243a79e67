// What the session has: its configuration, and what it may still spend.

import * as host from "kellion:agent/session@0.1.0";
import buildVariables from "kellion:build-env";

import { isLive, needHost } from "./host";

/** What may still be spent on models. A limit that is not there is undefined. */
export interface Budget {
  tokens?: number;
  /** Millionths of the account's currency. */
  moneyMicros?: number;
}

/** AgentCore sets these, and clients ask for them; nothing here depends on them. */
const REGION: Record<string, string | undefined> = { __proto__: null as never, AWS_REGION: "us-west-2", AWS_DEFAULT_REGION: "us-west-2" };

/** A value of the agent's configuration (AgentCore's environment variables), also to be had from `process.env`.
 *
 * Module-level code, which runs while the agent is built, sees what `kellion build --env` says; so does a turn, where
 * the configuration says nothing. */
export function config(name: string): string | undefined {
  const configured = isLive() ? host.config(name) : undefined;
  return configured ?? (Object.hasOwn(buildVariables, name) ? buildVariables[name] : REGION[name]);
}

/** What may still be spent: the tightest limit of turn, session, agent and tenant. */
export function remaining(): Budget {
  needHost("asking for the budget");
  const { tokens, moneyMicros } = host.remaining();
  return {
    ...(tokens !== undefined && { tokens: Number(tokens) }),
    ...(moneyMicros !== undefined && { moneyMicros: Number(moneyMicros) }),
  };
}
