import { host } from "./host";

export function write(level: string, message: string): void {
  host.log.push({ level, message });
}
