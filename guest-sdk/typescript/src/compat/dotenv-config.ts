// dotenv/config: a cell has no .env file; its variables are the agent's configuration.
export {};
