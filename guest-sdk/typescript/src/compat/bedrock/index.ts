/** Stands in for `@aws-sdk/client-bedrock-runtime`: the same calls, answered by the host. @module */

export * from "./client";
export * from "./enums";
export * from "./exceptions";
