// The AWS SDK's client and its commands, over the host.

import { converse, converseStream, countTokens, invokeModel, ModelError } from "../../model";
import { exceptionOf, ValidationException } from "./exceptions";
import { toRequest } from "./request";
import { converseOutput, streamEvents } from "./response";

interface SendOptions {
  abortSignal?: AbortSignal;
}

/** A call, with what it is given. */
export abstract class Command {
  constructor(readonly input: any) {}
  /** Makes the call. */
  abstract run(options: SendOptions): object;
}

export class ConverseCommand extends Command {
  run(): object {
    return converseOutput(converse(toRequest(this.input)));
  }
}

export class ConverseStreamCommand extends Command {
  run({ abortSignal }: SendOptions): object {
    const stream = converseStream(toRequest(this.input));
    return { stream: streamEvents(stream, abortSignal), $metadata: { httpStatusCode: 200, attempts: 1 } };
  }
}

export class CountTokensCommand extends Command {
  run(): object {
    const { modelId, input } = this.input;
    if (!input?.converse) throw new ValidationException({ message: "only tokens of converse requests can be counted" });
    return { inputTokens: countTokens(toRequest({ ...input.converse, modelId })), $metadata: { httpStatusCode: 200 } };
  }
}

export class InvokeModelCommand extends Command {
  run(): object {
    const { modelId, body } = this.input;
    const answer = new Blob(invokeModel(modelId, body ?? ""));
    return { body: answer, contentType: "application/json", $metadata: { httpStatusCode: 200 } };
  }
}

/** Bytes that the AWS SDK's users read as text. */
class Blob extends Uint8Array<ArrayBuffer> {
  constructor(bytes: Uint8Array) {
    super(new Uint8Array(bytes).buffer);
  }
  transformToString(): string {
    return new TextDecoder().decode(this);
  }
}

function unavailable(name: string): new (input: any) => Command {
  return class extends Command {
    run(): never {
      throw new ValidationException({ message: `${name} is not available: Kellion offers Converse, CountTokens and InvokeModel` });
    }
  };
}

export const ApplyGuardrailCommand = unavailable("ApplyGuardrail");
export const GetAsyncInvokeCommand = unavailable("GetAsyncInvoke");
export const InvokeModelWithBidirectionalStreamCommand = unavailable("InvokeModelWithBidirectionalStream");
export const InvokeModelWithResponseStreamCommand = unavailable("InvokeModelWithResponseStream");
export const ListAsyncInvokesCommand = unavailable("ListAsyncInvokes");
export const StartAsyncInvokeCommand = unavailable("StartAsyncInvoke");

type Callback = (error: unknown, output?: object) => void;

/** Takes what the AWS SDK's client takes. Regions, credentials and endpoints are the host's affair. */
export class BedrockRuntimeClient {
  readonly config: Record<string, unknown>;
  /** Middleware works on HTTP requests, of which there are none. */
  readonly middlewareStack = { add() {}, addRelativeTo() {}, use() {}, remove: () => false };

  constructor(config: Record<string, unknown> = {}) {
    const { region = "us-west-2" } = config;
    this.config = {
      ...config,
      region: typeof region === "function" ? region : async () => region,
      useFipsEndpoint: async () => false,
      useDualstackEndpoint: async () => false,
    };
  }

  send(command: Command, options?: SendOptions | Callback, callback?: Callback): Promise<any> {
    const done = typeof options === "function" ? options : callback;
    const answer = this.#run(command, typeof options === "function" ? {} : (options ?? {}));
    if (done) answer.then((output) => done(undefined, output), done);
    return answer;
  }

  async #run(command: Command, options: SendOptions): Promise<object> {
    options.abortSignal?.throwIfAborted();
    if (!(command instanceof Command)) {
      throw new ValidationException({ message: "this command does not belong to @aws-sdk/client-bedrock-runtime" });
    }
    try {
      return command.run(options);
    } catch (error) {
      throw error instanceof ModelError ? exceptionOf(error) : error;
    }
  }

  destroy(): void {}
}

/** The client with a method for each command. */
export class BedrockRuntime extends BedrockRuntimeClient {
  converse(input: any, options?: SendOptions): Promise<any> {
    return this.send(new ConverseCommand(input), options);
  }
  converseStream(input: any, options?: SendOptions): Promise<any> {
    return this.send(new ConverseStreamCommand(input), options);
  }
  countTokens(input: any, options?: SendOptions): Promise<any> {
    return this.send(new CountTokensCommand(input), options);
  }
  invokeModel(input: any, options?: SendOptions): Promise<any> {
    return this.send(new InvokeModelCommand(input), options);
  }
}
