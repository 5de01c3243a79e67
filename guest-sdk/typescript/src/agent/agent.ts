import {
  blocks,
  type Content,
  converse,
  converseStream,
  type Guardrail,
  type Inference,
  type Message,
  type Request,
  type Response,
  type StopReason,
  type ToolUse,
  type Usage,
} from "../model";
import { PLACEHOLDER, type Tool } from "../tool/tool";

/** How often a model is asked in one turn, unless `maxRounds` says otherwise.
 *
 * Each round pays for the whole conversation again; a model that gets somewhere seldom needs more than ten. */
export const MAX_ROUNDS = 20;

export interface AgentOptions {
  /** A model id, an inference-profile id, or an alias that the operator has set. */
  model: string;
  /** The system prompt. */
  system?: string | Content[];
  /** What the model may call. */
  tools?: Tool[];
  inference?: Inference;
  guardrail?: Guardrail;
  /** Fields of the model itself (`additionalModelRequestFields`). */
  extra?: unknown;
  /** Bounds how often the model is asked in one turn. */
  maxRounds?: number;
}

/** A text, or any content: images and documents beside the text. */
export type Prompt = string | Content[];

/** What an agent says at the end of a turn. */
export interface Reply {
  /** The final answer's text. */
  text: string;
  /** Why the model stopped; "max-tokens" means that the text is cut. */
  stopReason: StopReason;
  /** Of all rounds together. */
  usage: Usage;
  /** How often the model was asked. */
  rounds: number;
}

/** Why an agent has no reply, when it was not a model call that failed. The conversation is as it was before. */
export class AgentError extends Error {
  override name = "AgentError";
}

/** A model with a system prompt and tools, that remembers what was said.
 *
 * Made at module level, its conversation lasts as long as the session. */
export class Agent {
  /** The conversation, to read, to shorten or to restore. It must begin with the user, take turns, and keep each tool
   * result right behind its call, or providers refuse it. */
  messages: Message[] = [];
  readonly #options: AgentOptions;
  readonly #tools: Map<string, Tool>;

  constructor(options: AgentOptions) {
    if (typeof options?.model !== "string") throw new TypeError('an agent needs a model: new Agent({ model: "…" })');
    this.#options = options;
    this.#tools = new Map((options.tools ?? []).map((tool) => [tool.name, tool]));
  }

  /** Asks the model, runs the tools that it calls, and asks again until it has answered.
   *
   * An error leaves the conversation as it was before: the next `ask` works. */
  async ask(prompt: Prompt): Promise<Reply> {
    const turn = this.#turn(prompt, function* (request) {
      return converse(request);
    });
    let step = await turn.next();
    while (!step.done) step = await turn.next();
    return step.value;
  }

  /** Like `ask`, and yields each piece of the model's text as it comes: what it says before it calls a tool as well as its
   * final answer. The generator's result is the reply.
   *
   * An error takes the turn out of the conversation, and so does leaving the loop early. */
  stream(prompt: Prompt): AsyncGenerator<string, Reply> {
    return this.#turn(prompt, (request) => converseStream(request).text());
  }

  async *#turn(
    prompt: Prompt,
    answer: (request: Request) => Generator<string, Response>,
  ): AsyncGenerator<string, Reply> {
    const before = this.messages.length;
    let answered = false;
    this.messages.push({ role: "user", content: blocks(prompt) });
    try {
      const reply = yield* this.#rounds(answer);
      answered = true;
      return reply;
    } finally {
      // Half a turn in the conversation would make every later request invalid.
      if (!answered) this.messages.length = before;
    }
  }

  async *#rounds(answer: (request: Request) => Generator<string, Response>): AsyncGenerator<string, Reply> {
    const { maxRounds = MAX_ROUNDS } = this.#options;
    const usage: Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };
    for (let rounds = 1; rounds <= maxRounds; rounds += 1) {
      const response = yield* answer(this.#request());
      add(usage, response.usage);
      const calls = toolCalls(response);
      this.messages.push({ role: "assistant", content: storable(response.content) });
      if (calls.length === 0) return { text: response.text, stopReason: response.stopReason, usage, rounds };
      const results: Content[] = [];
      for (const call of calls) results.push(await this.#run(call));
      this.messages.push({ role: "user", content: results });
    }
    throw new AgentError(`the model has not answered after ${maxRounds} rounds of tool calls`);
  }

  #request(): Request {
    const { model, system, inference, guardrail, extra } = this.#options;
    const tools = [...this.#tools.values()].map((tool) => tool.spec);
    return {
      model,
      messages: this.messages,
      tools,
      ...(system !== undefined && { system }),
      ...(inference !== undefined && { inference }),
      ...(guardrail !== undefined && { guardrail }),
      ...(extra !== undefined && { extra }),
    };
  }

  async #run(call: ToolUse): Promise<Content> {
    const tool = this.#tools.get(call.name);
    if (tool) {
      const { output, isError } = await tool.run(call.input);
      return { type: "tool-result", toolUseId: call.id, content: [output], isError };
    }
    const text = `there is no tool \`${call.name}\`; the tools are: ${[...this.#tools.keys()].join(", ")}`;
    return { type: "tool-result", toolUseId: call.id, content: [{ type: "text", text }], isError: true };
  }
}

function add(sum: Usage, usage: Usage): void {
  sum.inputTokens += usage.inputTokens;
  sum.outputTokens += usage.outputTokens;
  sum.cacheReadTokens += usage.cacheReadTokens;
  sum.cacheWriteTokens += usage.cacheWriteTokens;
}

/** The tools to run before the model goes on; none when it has answered. */
function toolCalls({ content, stopReason }: Response): ToolUse[] {
  const calls = content.filter((block) => block.type === "tool-use");
  // Some providers report the end of a turn that calls tools.
  if (calls.length === 0 || ["tool-use", "end-turn", "stop-sequence"].includes(stopReason)) return calls;
  // The last call's input may be cut, and a call without a result must not be remembered.
  throw new AgentError(`the model was stopped in the middle of a tool call (${stopReason})`);
}

/** A model's answer as it may go back with the next request: providers refuse blank texts and empty messages. */
function storable(content: Content[]): Content[] {
  const kept = content.filter((block) => block.type !== "text" || block.text.trim() !== "");
  return kept.length > 0 ? kept : [{ type: "text", text: PLACEHOLDER }];
}
