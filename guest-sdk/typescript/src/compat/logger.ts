import * as log from "../log";

/** A logger with pino's methods: `log.info("text")`, `log.info({ field: 1 }, "text")`. */
export class Logger {
  level = "info";

  constructor(
    readonly isEnabled: boolean,
    readonly bindings: object = {},
  ) {}

  #write(level: log.Level, values: unknown[]): void {
    if (!this.isEnabled) return;
    const [first, ...rest] = values;
    const isFields = typeof first === "object" && first !== null && !(first instanceof Error);
    const fields = { ...this.bindings, ...(isFields && first) };
    const told = isFields ? rest : values;
    log.write(level, ...told, ...(Object.keys(fields).length > 0 ? [fields] : []));
  }

  trace(...values: unknown[]): void {
    this.#write("debug", values);
  }
  debug(...values: unknown[]): void {
    this.#write("debug", values);
  }
  info(...values: unknown[]): void {
    this.#write("info", values);
  }
  warn(...values: unknown[]): void {
    this.#write("warn", values);
  }
  error(...values: unknown[]): void {
    this.#write("error", values);
  }
  fatal(...values: unknown[]): void {
    this.#write("error", values);
  }
  silent(): void {}

  child(bindings: object): Logger {
    return new Logger(this.isEnabled, { ...this.bindings, ...bindings });
  }
}
