"""What an unchanged AgentCore agent needs to run in a cell of Kellion.

A cell is a CPython for WebAssembly: one thread, no sockets, no files, no native libraries but those that it was built with.
The packages that an agent brings, `bedrock-agentcore` and `strands-agents` among them, run as they are; this package makes
the interpreter look to them like the one that they were written for, and calls the agent once for each turn.

`kellion_agentcore.prepare` has to be imported before anything else.
"""
