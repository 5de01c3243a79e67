/** A header of the invocation; only those that the agent's configuration allows arrive. */
export interface Header {
  /** In lower case. */
  name: string;
  value: string;
}

/** The context as the host gives it. */
export type HostContext = Omit<ContextFields, "turn" | "deadlineMs"> & { turn: bigint; deadlineMs?: bigint };

interface ContextFields {
  sessionId: string;
  requestId: string;
  turn: number;
  agentName: string;
  agentVersion: string;
  endpoint: string;
  tenantId: string;
  userId?: string;
  headers: Header[];
  contentType?: string;
  accept?: string;
  deadlineMs?: number;
  traceparent?: string;
}

/** Who calls, in which session, and until when. */
export class Context implements ContextFields {
  /** The caller's session id, 33 to 256 characters. Same id, same memory. */
  readonly sessionId: string;
  /** New for every invocation; also in the answer's headers and in every line of the log. */
  readonly requestId: string;
  /** 1 for the first turn of this session, then 2, 3… */
  readonly turn: number;
  readonly agentName: string;
  /** "1", "2", "3"… */
  readonly agentVersion: string;
  /** The endpoint that was called, such as "DEFAULT". */
  readonly endpoint: string;
  /** The 12-digit account that owns the agent. */
  readonly tenantId: string;
  readonly userId?: string;
  readonly headers: Header[];
  /** Of the payload. */
  readonly contentType?: string;
  readonly accept?: string;
  /** Milliseconds since 1970, as `Date.now()` counts them. */
  readonly deadlineMs?: number;
  /** W3C trace context. */
  readonly traceparent?: string;

  constructor(host: HostContext) {
    this.sessionId = host.sessionId;
    this.requestId = host.requestId;
    this.turn = Number(host.turn);
    this.agentName = host.agentName;
    this.agentVersion = host.agentVersion;
    this.endpoint = host.endpoint;
    this.tenantId = host.tenantId;
    this.userId = host.userId;
    this.headers = host.headers;
    this.contentType = host.contentType;
    this.accept = host.accept;
    this.deadlineMs = host.deadlineMs === undefined ? undefined : Number(host.deadlineMs);
    this.traceparent = host.traceparent;
  }

  /** The first header of that name, in upper or lower case. */
  header(name: string): string | undefined {
    const wanted = name.toLowerCase();
    return this.headers.find((header) => header.name.toLowerCase() === wanted)?.value;
  }

  /** Milliseconds that this turn may still take; undefined when it has no deadline, 0 when it is over. */
  timeLeft(): number | undefined {
    return this.deadlineMs === undefined ? undefined : Math.max(0, this.deadlineMs - Date.now());
  }
}
