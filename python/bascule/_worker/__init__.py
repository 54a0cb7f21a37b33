"""The worker process: it runs services for one node.

Started as `python -m bascule._worker --control-fd N --core-fds A,B,…`; docs/worker-protocol.md is
the contract. Owns: frames, imports, loops. Refuses: routing, limits, HTTP, which the node has done.
Invariant: nothing that a service does ends the loop, except what ends the process.
"""
