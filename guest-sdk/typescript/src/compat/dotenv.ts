/** Stands in for `dotenv`: a cell has no .env file, and its variables are the agent's configuration already. @module */

export function config(): { parsed: Record<string, string> } {
  return { parsed: {} };
}
export default { config };
